namespace Coppice.Text.Templates;

/// <summary>Python's split, rsplit, splitlines and partition.</summary>
internal static class StringSplitting
{
    /// <summary>split() and rsplit().</summary>
    public static ListValue Split(Renderer renderer, string text, Arguments arguments, bool fromRight)
    {
        var bound = arguments.Bind(fromRight ? "rsplit" : "split", 0, "sep", "maxsplit");
        var limit = bound.Integer(1, -1);
        if (limit < 0) limit = int.MaxValue;
        var separator = bound.IsGiven(0) ? bound.Text(0) : null;
        if (separator is { Length: 0 }) throw TemplateException.Other("empty separator");
        var parts = separator is null ? OnSpace(text, limit, fromRight)
            : fromRight ? FromRight(text, separator, limit) : FromLeft(text, separator, limit);
        renderer.Budget.SpendOnContainer(parts.Count);
        return new ListValue([.. parts]);
    }

    private static List<string> FromLeft(string text, string separator, int limit)
    {
        var parts = new List<string>();
        var from = 0;
        while (parts.Count < limit)
        {
            var at = text.IndexOf(separator, from, StringComparison.Ordinal);
            if (at < 0) break;
            parts.Add(text[from..at]);
            from = at + separator.Length;
        }
        parts.Add(text[from..]);
        return parts;
    }

    private static List<string> FromRight(string text, string separator, int limit)
    {
        var parts = new List<string>();
        var stop = text.Length;
        while (parts.Count < limit)
        {
            var at = text.AsSpan(0, stop).LastIndexOf(separator, StringComparison.Ordinal);
            if (at < 0) break;
            parts.Add(text[(at + separator.Length)..stop]);
            stop = at;
        }
        parts.Add(text[..stop]);
        parts.Reverse();
        return parts;
    }

    private static List<string> OnSpace(string text, int limit, bool fromRight)
    {
        var parts = new List<string>();
        var (start, stop) = (0, text.Length);
        while (true)
        {
            while (start < stop && PythonCharacters.IsSpace(text[fromRight ? stop - 1 : start])) _ = fromRight ? stop-- : start++;
            if (start >= stop) break;
            if (parts.Count >= limit)
            {
                // What is not split keeps the spaces at its far end.
                parts.Add(fromRight ? text[..stop] : text[start..]);
                break;
            }
            var end = fromRight ? stop : start;
            while (fromRight ? end > start && !PythonCharacters.IsSpace(text[end - 1]) : end < stop && !PythonCharacters.IsSpace(text[end]))
                end += fromRight ? -1 : 1;
            parts.Add(fromRight ? text[end..stop] : text[start..end]);
            (start, stop) = fromRight ? (start, end) : (end, stop);
        }
        if (fromRight) parts.Reverse();
        return parts;
    }

    /// <summary>splitlines(), at every line boundary that Python knows.</summary>
    public static ListValue Lines(string text, Budget budget, bool keepEnds = false)
    {
        var lines = new List<object?>();
        for (var start = 0; start < text.Length;)
        {
            var end = start;
            while (end < text.Length && !IsLineEnd(text[end])) end++;
            var next = end >= text.Length ? end : text[end] == '\r' && end + 1 < text.Length && text[end + 1] == '\n' ? end + 2 : end + 1;
            lines.Add(text[start..(keepEnds ? next : end)]);
            start = next;
        }
        budget.SpendOnContainer(lines.Count);
        return new ListValue([.. lines]);
    }

    private static bool IsLineEnd(char c) =>
        c is '\n' or '\r' or '\v' or '\f' or '\x1c' or '\x1d' or '\x1e' or '\x85' or '\u2028' or '\u2029';

    /// <summary>partition() and rpartition().</summary>
    public static TupleValue Partition(Renderer renderer, string text, Arguments arguments, bool last)
    {
        var separator = arguments.Bind(last ? "rpartition" : "partition", 1, "sep").Text(0);
        if (separator.Length == 0) throw TemplateException.Other("empty separator");
        renderer.Budget.SpendOnContainer(3);
        var at = last ? text.LastIndexOf(separator, StringComparison.Ordinal) : text.IndexOf(separator, StringComparison.Ordinal);
        if (at < 0) return last ? new TupleValue("", "", text) : new TupleValue(text, "", "");
        return new TupleValue(text[..at], separator, text[(at + separator.Length)..]);
    }
}
