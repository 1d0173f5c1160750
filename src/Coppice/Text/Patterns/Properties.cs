using Coppice.Text.Unicode;

namespace Coppice.Text.Patterns;

/// <summary>
/// The sets that \p{..} and POSIX brackets name: general categories, the usual classes and the scripts that tokenizers ask for.
/// </summary>
internal static class Properties
{
    /// <summary>The set of that name, or null; case, blanks, hyphens and underscores do not count.</summary>
    public static CharacterSet? Find(string name)
    {
        var key = string.Concat(name.Where(letter => letter is not (' ' or '-' or '_'))).ToLowerInvariant();
        if (Categories.Named(key) is not 0 and var mask) return new CharacterSet(mask);
        return key switch
        {
            "any" => CharacterSet.All,
            "space" or "whitespace" => CharacterSet.Space,
            "digit" => CharacterSet.Digit,
            "word" => new CharacterSet(Categories.Word, CircledLetters),
            "alpha" or "alphabetic" => Alphabetic.Set,
            "alnum" => new CharacterSet(Categories.Named("nd"), members: [Alphabetic.Set]),
            "upper" or "uppercase" => new CharacterSet(Categories.Named("lu"), OtherUppercase),
            "lower" or "lowercase" => new CharacterSet(Categories.Named("ll"), OtherLowercase),
            "graph" => new CharacterSet(~(Categories.Separator | Invisible)),
            "print" => new CharacterSet(~(Categories.Named("zl") | Categories.Named("zp") | Invisible)),
            "xdigit" => new CharacterSet(ranges: ['0', '9', 'a', 'f', 'A', 'F']),
            "ascii" => new CharacterSet(ranges: [0, 0x7F]),
            "blank" => new CharacterSet(Categories.Named("zs"), ['\t', '\t']),
            _ => Script(key) is { } ranges ? new CharacterSet(ranges: ranges) : null,
        };
    }

    /// <summary>The set of that name in POSIX brackets, or null; there punctuation includes symbols.</summary>
    public static CharacterSet? FindPosix(string name) =>
        name == "punct" ? new CharacterSet(Categories.Punctuation | Categories.Symbol) : Find(name);

    private static uint Invisible => Categories.Named("cc") | Categories.Named("cn") | Categories.Named("cs");

    private static int[] CircledLetters => [0x24B6, 0x24E9, 0x1F130, 0x1F149, 0x1F150, 0x1F169, 0x1F170, 0x1F189];

    private static int[] OtherUppercase => [0x2160, 0x216F, 0x24B6, 0x24CF, 0x1F130, 0x1F149, 0x1F150, 0x1F169, 0x1F170, 0x1F189];

    private static int[] OtherLowercase => [0xAA, 0xAA, 0xBA, 0xBA, 0x2B0, 0x2B8, 0x2C0, 0x2C1, 0x2E0, 0x2E4, 0x345, 0x345, 0x37A, 0x37A,
        0x10FC, 0x10FC, 0x1D2C, 0x1D6A, 0x1D78, 0x1D78, 0x1D9B, 0x1DBF, 0x2071, 0x2071, 0x207F, 0x207F, 0x2090, 0x209C, 0x2170, 0x217F,
        0x24D0, 0x24E9, 0x2C7C, 0x2C7D, 0xA69C, 0xA69D, 0xA770, 0xA770, 0xA7F2, 0xA7F4, 0xA7F8, 0xA7F9, 0xAB5C, 0xAB5F, 0xAB69, 0xAB69,
        0x10780, 0x10780, 0x10783, 0x10785, 0x10787, 0x107B0, 0x107B2, 0x107BA, 0x1E030, 0x1E06D];

    // Unicode 16, Scripts.txt; ranges may run over unassigned code points.
    private static int[]? Script(string key) => key switch
    {
        "han" => [0x2E80, 0x2E99, 0x2E9B, 0x2EF3, 0x2F00, 0x2FD5, 0x3005, 0x3005, 0x3007, 0x3007, 0x3021, 0x3029, 0x3038, 0x303B,
            0x3400, 0x4DBF, 0x4E00, 0x9FFF, 0xF900, 0xFA6D, 0xFA70, 0xFAD9, 0x16FE2, 0x16FE3, 0x16FF0, 0x16FF1, 0x20000, 0x2A6DF,
            0x2A700, 0x2B739, 0x2B740, 0x2B81D, 0x2B820, 0x2CEA1, 0x2CEB0, 0x2EBE0, 0x2EBF0, 0x2EE5D, 0x2F800, 0x2FA1D,
            0x30000, 0x3134A, 0x31350, 0x323AF],
        "hiragana" => [0x3041, 0x3096, 0x309D, 0x309F, 0x1B001, 0x1B11F, 0x1B132, 0x1B132, 0x1B150, 0x1B152, 0x1F200, 0x1F200],
        "katakana" => [0x30A1, 0x30FA, 0x30FD, 0x30FF, 0x31F0, 0x31FF, 0x32D0, 0x32FE, 0x3300, 0x3357, 0xFF66, 0xFF6F, 0xFF71, 0xFF9D,
            0x1AFF0, 0x1AFF3, 0x1AFF5, 0x1AFFB, 0x1AFFD, 0x1AFFE, 0x1B000, 0x1B000, 0x1B120, 0x1B122, 0x1B155, 0x1B155, 0x1B164, 0x1B167],
        "hangul" => [0x1100, 0x11FF, 0x302E, 0x302F, 0x3131, 0x318E, 0x3200, 0x321E, 0x3260, 0x327E, 0xA960, 0xA97C, 0xAC00, 0xD7A3,
            0xD7B0, 0xD7C6, 0xD7CB, 0xD7FB, 0xFFA0, 0xFFBE, 0xFFC2, 0xFFC7, 0xFFCA, 0xFFCF, 0xFFD2, 0xFFD7, 0xFFDA, 0xFFDC],
        "thai" => [0x0E01, 0x0E3A, 0x0E40, 0x0E5B],
        _ => null,
    };
}
