namespace Coppice.Text.Templates;

/// <summary>Python's textwrap for one line: chunks of words and spaces are put on lines while they fit.</summary>
internal static class WordWrapper
{
    /// <summary>The lines of at most <paramref name="width"/> characters.</summary>
    public static IEnumerable<string> Wrap(string line, int width, bool breakLongWords, bool breakOnHyphens)
    {
        var chunks = new Stack<string>(Chunks(line, breakOnHyphens).Reverse());
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
            if (chunks.Count > 0 && CodePoints.Count(chunks.Peek()) > width) TakeLongWord(chunks, current, width - length, breakLongWords);
            if (current.Count > 0 && IsBlank(current[^1])) current.RemoveAt(current.Count - 1);
            if (current.Count == 0) continue;
            first = false;
            yield return string.Concat(current);
        }
    }

    private static void TakeLongWord(Stack<string> chunks, List<string> current, int room, bool breakLongWords)
    {
        if (breakLongWords && room > 0)
        {
            var word = chunks.Pop();
            current.Add(CodePoints.Cut(word, 0, room));
            chunks.Push(word[current[^1].Length..]);
        }
        else if (current.Count == 0)
        {
            current.Add(chunks.Pop());
        }
    }

    private static bool IsBlank(string chunk) => chunk.All(PythonCharacters.IsSpace);

    private static IEnumerable<string> Chunks(string line, bool breakOnHyphens)
    {
        for (var start = 0; start < line.Length;)
        {
            var blank = PythonCharacters.IsSpace(line[start]);
            var end = start + 1;
            while (end < line.Length && PythonCharacters.IsSpace(line[end]) == blank
                && !(breakOnHyphens && IsHyphenBreak(line, start, end))) end++;
            yield return line[start..end];
            start = end;
        }
    }

    // A hyphen ends a chunk between two letters of a word.
    private static bool IsHyphenBreak(string line, int start, int at) =>
        line[at - 1] == '-' && at - 3 >= start && char.IsLetter(line[at - 2]) && char.IsLetter(line[at - 3])
        && char.IsLetter(line[at]) && at + 1 < line.Length && char.IsLetter(line[at + 1]);
}
