using System.Numerics;
using System.Text;

namespace Coppice.Text.Templates;

/// <summary>Finding, counting and replacing in text as Python's str does, with positions in code points.</summary>
internal static class StringSearch
{
    /// <summary>find() and rfind(): the position or -1.</summary>
    public static object? Find(Renderer renderer, string text, Arguments arguments, bool last)
    {
        var bound = arguments.Bind(last ? "rfind" : "find", 1, "sub", "start", "end");
        var part = bound.Text(0);
        var (start, window) = Window(text, bound, 1);
        if (window is null) return BigInteger.MinusOne;
        renderer.Budget.SpendOnText(window.Length);
        var at = last ? LastIndex(window, part) : window.IndexOf(part, StringComparison.Ordinal);
        return at < 0 ? BigInteger.MinusOne : (BigInteger)(start + CodePoints.Count(window.AsSpan(0, at)));
    }

    // LastIndexOf of an empty text answers the last character's place, Python the place after it.
    private static int LastIndex(string text, string part) =>
        part.Length == 0 ? text.Length : text.LastIndexOf(part, StringComparison.Ordinal);

    /// <summary>index() and rindex(): the position, or an error.</summary>
    public static object? Index(Renderer renderer, string text, Arguments arguments, bool last)
    {
        var found = Find(renderer, text, arguments, last);
        return found is BigInteger { Sign: >= 0 } ? found : throw TemplateException.Other("substring not found");
    }

    /// <summary>count(): how often a text occurs without overlap.</summary>
    public static object? Count(Renderer renderer, string text, Arguments arguments)
    {
        var bound = arguments.Bind("count", 1, "sub", "start", "end");
        var part = bound.Text(0);
        if (Window(text, bound, 1).Text is not { } window) return BigInteger.Zero;
        if (part.Length == 0) return (BigInteger)(CodePoints.Count(window) + 1);
        renderer.Budget.SpendOnText(window.Length);
        var count = 0;
        for (var at = window.IndexOf(part, StringComparison.Ordinal); at >= 0;
            at = window.IndexOf(part, at + part.Length, StringComparison.Ordinal)) count++;
        return (BigInteger)count;
    }

    /// <summary>startswith() and endswith(), with one text or a tuple of them.</summary>
    public static object? HasAffix(Renderer renderer, string text, Arguments arguments, bool atEnd)
    {
        var name = atEnd ? "endswith" : "startswith";
        var bound = arguments.Bind(name, 1, atEnd ? "suffix" : "prefix", "start", "end");
        var window = Window(text, bound, 1).Text;
        bool Has(object? affix)
        {
            renderer.Budget.Spend();
            if (affix is Undefined or not (string or Markup))
                throw TemplateException.Other($"{name} first arg must be str or a tuple of str, not {Facts.TypeName(affix)}");
            var part = affix.ToString()!;
            return window is not null
                && (atEnd ? window.EndsWith(part, StringComparison.Ordinal) : window.StartsWith(part, StringComparison.Ordinal));
        }
        return bound[0] is TupleValue tuple ? tuple.Items.Any(Has) : Has(bound[0]);
    }

    /// <summary>The part of the text that optional start and end arguments select; null where the start lies after the end.</summary>
    private static (int Start, string? Text) Window(string text, Bound bound, int first)
    {
        if (!bound.IsGiven(first) && !bound.IsGiven(first + 1)) return (0, text);
        var length = CodePoints.Count(text);
        int Place(int index, int otherwise)
        {
            if (!bound.IsGiven(index)) return otherwise;
            var value = bound.Integer(index);
            return value < 0 ? (int)Math.Max(0, (long)value + length) : value;
        }
        var start = Place(first, 0);
        var stop = Math.Min(Place(first + 1, length), length);
        return start > stop ? (start, null) : (start, CodePoints.Cut(text, start, stop));
    }

    /// <summary>replace(): the first <paramref name="count"/> occurrences, or all where that is negative.</summary>
    public static string Replace(Budget budget, string text, string old, string by, int count)
    {
        if (count == 0) return text;
        var limit = count < 0 ? int.MaxValue : count;
        var result = new StringBuilder();
        var from = 0;
        for (var done = 0; done < limit; done++)
        {
            var at = old.Length == 0 ? (from <= text.Length ? from : -1) : text.IndexOf(old, from, StringComparison.Ordinal);
            if (at < 0) break;
            result.Append(text, from, at - from).Append(by);
            budget.Spend(1 + by.Length / 16);
            budget.CheckText(result.Length);
            from = at + old.Length;
            if (old.Length > 0) continue;
            if (from >= text.Length) return result.ToString();
            var width = CodePoints.Width(text, from);
            result.Append(text, from, width);
            from += width;
        }
        budget.SpendOnText(text.Length);
        result.Append(text, from, text.Length - from);
        budget.CheckText(result.Length);
        return result.ToString();
    }
}
