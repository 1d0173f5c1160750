namespace Coppice.Text.Templates;

/// <summary>Text counted and cut by code points, as Python has it, over strings of UTF-16 units.</summary>
internal static class CodePoints
{
    private static readonly object?[] Ascii = [.. Enumerable.Range(0, 128).Select(value => (object?)((char)value).ToString())];

    /// <summary>How many code points there are; an unpaired surrogate is one.</summary>
    public static int Count(ReadOnlySpan<char> text)
    {
        var count = text.Length;
        for (var i = text.IndexOfAnyInRange('\uD800', '\uDBFF'); i >= 0 && i + 1 < text.Length; i++)
            if (char.IsHighSurrogate(text[i]) && char.IsLowSurrogate(text[i + 1])) count--;
        return count;
    }

    /// <summary>How many UTF-16 units the code point at <paramref name="offset"/> takes.</summary>
    public static int Width(string text, int offset) => char.IsSurrogatePair(text, offset) ? 2 : 1;

    /// <summary>The number of the code point at a UTF-16 offset.</summary>
    public static int At(string text, int offset) =>
        char.IsSurrogatePair(text, offset) ? char.ConvertToUtf32(text[offset], text[offset + 1]) : text[offset];

    /// <summary>The code points one by one.</summary>
    public static IEnumerable<object?> Characters(string text)
    {
        for (var i = 0; i < text.Length; i += Width(text, i)) yield return Character(text, i);
    }

    /// <summary>The code point at a UTF-16 offset as a string of its own.</summary>
    public static object? Character(string text, int offset) =>
        text[offset] < 128 ? Ascii[text[offset]] : text.Substring(offset, Width(text, offset));

    /// <summary>The UTF-16 offset of a code point index within the text or at its end.</summary>
    public static int Offset(string text, int index)
    {
        if (!HasPairs(text)) return index;
        var offset = 0;
        for (; index > 0; index--) offset += Width(text, offset);
        return offset;
    }

    /// <summary>Whether any code point takes two units.</summary>
    public static bool HasPairs(ReadOnlySpan<char> text) => text.ContainsAnyInRange('\uD800', '\uDBFF');

    /// <summary>The text from one code point index to another, both within the text.</summary>
    public static string Cut(string text, int start, int stop)
    {
        if (start >= stop) return "";
        var from = Offset(text, start);
        return text[from..(HasPairs(text) ? from + Offset(text[from..], stop - start) : stop)];
    }

    /// <summary>Compares by code points: the order of UTF-16 units differs where surrogates meet the end of the basic plane.</summary>
    public static int Compare(string left, string right)
    {
        var length = Math.Min(left.Length, right.Length);
        for (var i = 0; i < length; i++)
        {
            var (a, b) = (left[i], right[i]);
            if (a == b) continue;
            var highA = char.IsSurrogate(a);
            return highA == char.IsSurrogate(b) ? a.CompareTo(b) : highA ? 1 : -1;
        }
        return left.Length.CompareTo(right.Length);
    }
}
