using Coppice.Text.Unicode;

namespace Coppice.Text.Patterns;

/// <summary>
/// The sets that \p{..} and POSIX brackets name: general categories, the usual classes and the scripts that tokenizers ask for.
/// </summary>
internal static class Properties
{
    /// <summary>Letters, marks, decimal digits and connectors.</summary>
    public static CharacterSet Word { get; } = new(Categories.Word, CircledLetters);

    /// <summary>The set of that name, or null; case, blanks, hyphens and underscores do not count.</summary>
    public static CharacterSet? Find(string name)
    {
        var key = AsciiCase.ToLower(string.Concat(name.Where(letter => letter is not (' ' or '-' or '_'))));
        if (Categories.Named(key) is not 0 and var mask) return new CharacterSet(mask);
        return key switch
        {
            "any" => CharacterSet.All,
            "space" or "whitespace" => CharacterSet.Space,
            "digit" => CharacterSet.Digit,
            "word" => Word,
            "alpha" or "alphabetic" => Alphabetic.Set,
            "alnum" => new CharacterSet(Categories.Named("nd"), members: [Alphabetic.Set]),
            "upper" or "uppercase" => new CharacterSet(Categories.Named("lu"), OtherUppercase),
            "lower" or "lowercase" => new CharacterSet(Categories.Named("ll"), OtherLowercase),
            "graph" => new CharacterSet(~(Categories.Separator | Invisible)),
            "print" => new CharacterSet(~(Categories.Named("zl") | Categories.Named("zp") | Invisible)),
            "xdigit" => new CharacterSet(ranges: ['0', '9', 'a', 'f', 'A', 'F']),
            "ascii" => new CharacterSet(ranges: [0, 0x7F]),
            "blank" => new CharacterSet(Categories.Named("zs"), ['\t', '\t']),
            _ => Scripts.Find(key),
        };
    }

    /// <summary>The set of that name in POSIX brackets, or null; there punctuation includes symbols.</summary>
    public static CharacterSet? FindPosix(string name) => name switch
    {
        "punct" => new CharacterSet(Categories.Punctuation | Categories.Symbol),
        "alnum" or "alpha" or "ascii" or "blank" or "cntrl" or "digit" or "graph" or "lower" or "print" or "space" or "upper" or "word"
            or "xdigit" => Find(name),
        _ => null,
    };

    private static uint Invisible => Categories.Named("cc") | Categories.Named("cn") | Categories.Named("cs");

    private static int[] CircledLetters => [0x24B6, 0x24E9, 0x1F130, 0x1F149, 0x1F150, 0x1F169, 0x1F170, 0x1F189];

    private static int[] OtherUppercase => [0x2160, 0x216F, 0x24B6, 0x24CF, 0x1F130, 0x1F149, 0x1F150, 0x1F169, 0x1F170, 0x1F189];

    private static int[] OtherLowercase => [0xAA, 0xAA, 0xBA, 0xBA, 0x2B0, 0x2B8, 0x2C0, 0x2C1, 0x2E0, 0x2E4, 0x345, 0x345, 0x37A, 0x37A,
        0x10FC, 0x10FC, 0x1D2C, 0x1D6A, 0x1D78, 0x1D78, 0x1D9B, 0x1DBF, 0x2071, 0x2071, 0x207F, 0x207F, 0x2090, 0x209C, 0x2170, 0x217F,
        0x24D0, 0x24E9, 0x2C7C, 0x2C7D, 0xA69C, 0xA69D, 0xA770, 0xA770, 0xA7F2, 0xA7F4, 0xA7F8, 0xA7F9, 0xAB5C, 0xAB5F, 0xAB69, 0xAB69,
        0x10780, 0x10780, 0x10783, 0x10785, 0x10787, 0x107B0, 0x107B2, 0x107BA, 0x1E030, 0x1E06D];
}
