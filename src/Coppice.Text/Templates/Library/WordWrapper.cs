namespace Coppice.Text.Templates;

/// <summary>Python's textwrap for one line: chunks of words and spaces are put on lines while they fit.</summary>
internal static class WordWrapper
{
    /// <summary>The lines of at most <paramref name="width"/> characters.</summary>
    public static IEnumerable<string> Wrap(string line, int width, bool breakLongWords, bool breakOnHyphens)
    {
        var chunks = new Stack<string>(Chunks([.. CodePoints.Characters(line).Cast<string>()], breakOnHyphens).Reverse());
        var first = true;
        while (chunks.Count > 0)
        {
            var current = new List<string>();
            var length = 0;
            if (!first && IsBlank(chunks.Peek())) chunks.Pop();
            while (chunks.Count > 0 && length + CodePoints.Count(chunks.Peek()) <= width)
            {
                length += CodePoints.Count(chunks.Peek());
                current.Add(chunks.Pop());
            }
            if (chunks.Count > 0 && CodePoints.Count(chunks.Peek()) > width)
            {
                if (breakLongWords) current.Add(BreakWord(chunks, width - length, breakOnHyphens));
                else if (current.Count == 0) current.Add(chunks.Pop());
            }
            // As in textwrap the empty beginning of a word for which there was no room counts: spaces before it stay.
            if (current.Count > 0 && IsBlank(current[^1])) current.RemoveAt(current.Count - 1);
            if (current.Count == 0) continue;
            first = false;
            yield return string.Concat(current);
        }
    }

    /// <summary>
    /// Takes what fits into <paramref name="room"/> characters of the next word, up to its last hyphen if that may end a line.
    /// </summary>
    private static string BreakWord(Stack<string> chunks, int room, bool breakOnHyphens)
    {
        var word = chunks.Pop();
        var part = CodePoints.Cut(word, 0, room);
        var hyphen = breakOnHyphens ? part.LastIndexOf('-') : -1;
        if (hyphen > 0 && part.AsSpan(0, hyphen).ContainsAnyExcept('-')) part = part[..(hyphen + 1)];
        chunks.Push(word[part.Length..]);
        return part;
    }

    private static bool IsBlank(string chunk) => chunk.All(PythonCharacters.IsSpace);

    /// <summary>Words, spaces and dashes of a text that is given by its characters.</summary>
    private static IEnumerable<string> Chunks(string[] text, bool breakOnHyphens)
    {
        for (var start = 0; start < text.Length;)
        {
            var end = IsWhite(text, start) ? Run(text, start, IsWhite) : breakOnHyphens ? WordEnd(text, start) : Run(text, start, IsInk);
            yield return string.Concat(text[start..end]);
            start = end;
        }
    }

    private static int Run(string[] text, int start, Func<string[], int, bool> holds)
    {
        while (start < text.Length && holds(text, start)) start++;
        return start;
    }

    /// <summary>Where the word, the part of a word up to its hyphen or the dash that begins at <paramref name="start"/> ends.</summary>
    private static int WordEnd(string[] text, int start)
    {
        if (start > 0 && IsPunctuated(text, start - 1) && DashEnd(text, start) is { } dash) return dash;
        for (var end = start + 1; ; end++)
        {
            if (end == text.Length || IsWhite(text, end)) return end;
            if (text[end] != "-") continue;
            if (IsHyphen(text, end)) return end + 1;
            if (IsPunctuated(text, end - 1) && DashEnd(text, end) is not null) return end;
        }
    }

    /// <summary>Where a dash of two or more hyphens before a word ends; null where there is none.</summary>
    private static int? DashEnd(string[] text, int start)
    {
        var end = Run(text, start, (all, at) => all[at] == "-");
        return end - start >= 2 && end < text.Length && IsWord(text, end) ? end : null;
    }

    /// <summary>Whether a line may end after the hyphen at <paramref name="at"/>: it stands between letters.</summary>
    private static bool IsHyphen(string[] text, int at) =>
        ((IsLetter(text, at - 2) && IsLetter(text, at - 1))
            || (IsLetter(text, at - 3) && text[at - 2] == "-" && IsPunctuated(text, at - 1)))
        && IsLetter(text, at + 1)
        && (IsLetter(text, at + 2) || (at + 2 < text.Length && text[at + 2] == "-" && IsLetter(text, at + 3)));

    private static bool IsWhite(string[] text, int at) => text[at] is " " or "\t" or "\n" or "\v" or "\f" or "\r";

    private static bool IsInk(string[] text, int at) => !IsWhite(text, at);

    private static bool IsWord(string[] text, int at) => PythonCharacters.IsWordCharacter(text[at], 0);

    private static bool IsLetter(string[] text, int at) =>
        at >= 0 && at < text.Length && IsWord(text, at) && !PythonCharacters.IsDecimal(text[at], 0);

    private static bool IsPunctuated(string[] text, int at) =>
        IsWord(text, at) || text[at] is "!" or "\"" or "'" or "&" or "." or "," or "?";
}
