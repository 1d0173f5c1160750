namespace Coppice.Text.Unicode;

/// <summary>
/// Categories as some normalizers know them: Hugging Face tokenizers take punctuation, non-spacing marks and invisible characters from
/// tables of Unicode 8 and combining marks from tables of Unicode 9, so characters that became such later are none.
/// </summary>
internal static partial class OlderCategories
{
    private const int FirstMark = 0x300;

    /// <summary>Whether the code point is ASCII punctuation (symbols too) or was punctuation in Unicode 8.</summary>
    public static bool IsPunctuation(int codePoint) => codePoint < 0x80
        ? codePoint is >= 0x21 and <= 0x2F or >= 0x3A and <= 0x40 or >= 0x5B and <= 0x60 or >= 0x7B and <= 0x7E
        : Contains(Punctuation8, codePoint);

    /// <summary>Whether the code point was a mark in Unicode 9.</summary>
    public static bool IsMark(int codePoint) => codePoint >= FirstMark && Contains(Mark9, codePoint);

    /// <summary>Whether the code point was a non-spacing mark in Unicode 8.</summary>
    public static bool IsNonSpacingMark(int codePoint) => codePoint >= FirstMark && Contains(NonSpacingMark8, codePoint);

    /// <summary>Whether the code point is a control, format or private-use character, of those that Unicode 8 knew.</summary>
    public static bool IsOther(int codePoint) => Contains(Other8, codePoint);

    private static bool Contains(int[] runs, int codePoint)
    {
        var (low, high) = (0, runs.Length / 2);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (runs[middle * 2 + 1] < codePoint) low = middle + 1;
            else high = middle;
        }
        return low < runs.Length / 2 && runs[low * 2] <= codePoint;
    }
}
