namespace Coppice.Text.Unicode;

/// <summary>
/// Simple case mappings of Unicode 16, from a table of our own: the runtime's answer depends on ICU, whose version is the host's.
/// U+0130, U+0131 and U+017F are their own upper and lower case here.
/// </summary>
internal static class SimpleCase
{
    private static readonly int[]?[] ToUpperDistances = Pages(CaseData.Upper);
    private static readonly int[]?[] ToLowerDistances = Pages(CaseData.Lower);

    /// <summary>The upper case of a code point, or the code point itself.</summary>
    public static int ToUpper(int codePoint) => codePoint + Distance(ToUpperDistances, codePoint);

    /// <summary>The lower case of a code point, or the code point itself.</summary>
    public static int ToLower(int codePoint) => codePoint + Distance(ToLowerDistances, codePoint);

    private static int Distance(int[]?[] pages, int codePoint) => pages[codePoint >> 8] is { } page ? page[codePoint & 0xFF] : 0;

    // Distances by the low eight bits of the code point, in a page for the others; most pages are empty.
    private static int[]?[] Pages(int[] runs)
    {
        var pages = new int[]?[0x110000 >> 8];
        for (var run = 0; run < runs.Length; run += 4)
            for (var letter = runs[run]; letter <= runs[run + 1]; letter += runs[run + 2])
                (pages[letter >> 8] ??= new int[256])[letter & 0xFF] = runs[run + 3];
        return pages;
    }
}
