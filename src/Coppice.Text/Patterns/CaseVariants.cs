using Coppice.Text.Unicode;

namespace Coppice.Text.Patterns;

/// <summary>
/// The characters that are equal when case is ignored (single characters only: the ligatures that fold to several are left out).
/// </summary>
internal static class CaseVariants
{
    // Characters that fold to a common letter but are not each other's upper or lower case.
    private static readonly string[] Unusual = ["kK\u212A", "sS\u017F", "\u00E5\u00C5\u212B", "\u03C3\u03A3\u03C2", "\u00B5\u03BC\u039C",
        "\u03B8\u0398\u03D1\u03F4", "\u03B2\u0392\u03D0", "\u03C6\u03A6\u03D5", "\u03C0\u03A0\u03D6", "\u03BA\u039A\u03F0",
        "\u03C1\u03A1\u03F1",
        "\u03B5\u0395\u03F5", "\u03C9\u03A9\u2126", "\u1E61\u1E60\u1E9B", "\u03B9\u0399\u0345\u1FBE",
        "\u00DF\u1E9E", "\u01C6\u01C4\u01C5", "\u01C9\u01C7\u01C8", "\u01CC\u01CA\u01CB", "\u01F3\u01F1\u01F2"];

    /// <summary>The code point itself and its variants.</summary>
    public static int[] Of(int codePoint)
    {
        var variants = new SortedSet<int> { codePoint };
        var upper = SimpleCase.ToUpper(codePoint);
        var lower = SimpleCase.ToLower(codePoint);
        variants.Add(upper);
        variants.Add(lower);
        variants.Add(SimpleCase.ToLower(upper));
        variants.Add(SimpleCase.ToUpper(lower));
        foreach (var group in Unusual)
            if (codePoint < 0x10000 && group.Contains((char)codePoint, StringComparison.Ordinal))
                foreach (var letter in group) variants.Add(letter);
        return [.. variants];
    }
}
