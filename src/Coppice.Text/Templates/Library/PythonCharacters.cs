using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using Coppice.Text.Unicode;

namespace Coppice.Text.Templates;

/// <summary>What Python says about characters: spaces, letters, digits, case and what repr() escapes.</summary>
internal static class PythonCharacters
{
    private static readonly FrozenDictionary<char, string> LongUpper =
        CaseData.LongUpper.ToFrozenDictionary(entry => entry[0], entry => entry[1..]);

    /// <summary>str.isspace() of one character; also what strip() and the white space of a template are made of.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';

    /// <summary>The text without spaces around it.</summary>
    public static string Strip(string text)
    {
        var (start, stop) = (0, text.Length);
        while (start < stop && IsSpace(text[start])) start++;
        while (stop > start && IsSpace(text[stop - 1])) stop--;
        return text[start..stop];
    }

    /// <summary>Whether the code point at <paramref name="offset"/> may stand in a name.</summary>
    public static bool IsIdentifierPart(string text, int offset) => text[offset] == '_' || IsWordCharacter(text, offset)
        || CharUnicodeInfo.GetUnicodeCategory(text, offset) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;

    /// <summary>Whether a regular expression's \\w would match.</summary>
    public static bool IsWordCharacter(string text, int offset) => text[offset] == '_' || IsLetter(text, offset) || IsNumeric(text, offset);

    /// <summary>str.isalpha() of one character.</summary>
    public static bool IsLetter(string text, int offset) => CharUnicodeInfo.GetUnicodeCategory(text, offset) is
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
        or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter;

    /// <summary>str.isdecimal() of one character.</summary>
    public static bool IsDecimal(string text, int offset) => CharUnicodeInfo.GetDecimalDigitValue(text, offset) >= 0;

    /// <summary>str.isdigit() of one character.</summary>
    public static bool IsDigit(string text, int offset) => CharUnicodeInfo.GetDigitValue(text, offset) >= 0;

    /// <summary>str.isnumeric() of one character.</summary>
    public static bool IsNumeric(string text, int offset) => CharUnicodeInfo.GetNumericValue(text, offset) != -1;

    /// <summary>Whether the character is an upper-case letter.</summary>
    public static bool IsUpper(string text, int offset) =>
        CharUnicodeInfo.GetUnicodeCategory(text, offset) == UnicodeCategory.UppercaseLetter
        || CodePoints.At(text, offset) is (>= 0x2160 and <= 0x216F) or (>= 0x24B6 and <= 0x24CF) or (>= 0x1F130 and <= 0x1F149)
            or (>= 0x1F150 and <= 0x1F169) or (>= 0x1F170 and <= 0x1F189);

    /// <summary>Whether the character is a lower-case letter.</summary>
    public static bool IsLower(string text, int offset) =>
        CharUnicodeInfo.GetUnicodeCategory(text, offset) == UnicodeCategory.LowercaseLetter
        || CodePoints.At(text, offset) is 0xAA or 0xBA or (>= 0x2B0 and <= 0x2B8) or 0x2C0 or 0x2C1 or (>= 0x2E0 and <= 0x2E4)
            or 0x345 or 0x37A or (>= 0x1D2C and <= 0x1D6A) or 0x1D78 or (>= 0x1D9B and <= 0x1DBF) or 0x2071 or 0x207F
            or (>= 0x2090 and <= 0x209C) or (>= 0x2170 and <= 0x217F) or (>= 0x24D0 and <= 0x24E9) or 0x2C7C or 0x2C7D
            or 0xA69C or 0xA69D or 0xA770 or 0xA7F8 or 0xA7F9 or (>= 0xAB5C and <= 0xAB5F) or (>= 0x10780 and <= 0x107BA);

    /// <summary>Whether repr() shows the character as it is.</summary>
    public static bool IsPrintable(string text, int offset) =>
        text[offset] == ' ' || CharUnicodeInfo.GetUnicodeCategory(text, offset) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.SpaceSeparator);

    /// <summary>str.upper().</summary>
    public static string ToUpper(string text)
    {
        var upper = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i += CodePoints.Width(text, i)) AppendUpper(upper, text, i, title: false);
        return upper.ToString();
    }

    /// <summary>str.lower(), with the final sigma.</summary>
    public static string ToLower(string text)
    {
        var lower = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i += CodePoints.Width(text, i)) AppendLower(lower, text, i);
        return lower.ToString();
    }

    /// <summary>str.capitalize().</summary>
    public static string Capitalize(string text) => MapCase(text, (_, offset) => offset == 0);

    /// <summary>str.title(): upper case after everything that has no case.</summary>
    public static string ToTitle(string text) => MapCase(text, (all, offset) => offset == 0 || !IsCased(all, Previous(all, offset)));

    /// <summary>str.swapcase().</summary>
    public static string SwapCase(string text)
    {
        var swapped = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i += CodePoints.Width(text, i))
        {
            if (IsUpper(text, i)) AppendLower(swapped, text, i);
            else if (IsLower(text, i)) AppendUpper(swapped, text, i, title: false);
            else swapped.Append(text, i, CodePoints.Width(text, i));
        }
        return swapped.ToString();
    }

    /// <summary>Whether the character has upper and lower forms.</summary>
    public static bool IsCased(string text, int offset) => IsUpper(text, offset) || IsLower(text, offset)
        || CharUnicodeInfo.GetUnicodeCategory(text, offset) == UnicodeCategory.TitlecaseLetter;

    private static string MapCase(string text, Func<string, int, bool> isUpper)
    {
        var mapped = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i += CodePoints.Width(text, i))
        {
            if (isUpper(text, i)) AppendUpper(mapped, text, i, title: true);
            else AppendLower(mapped, text, i);
        }
        return mapped.ToString();
    }

    private static int Previous(string text, int offset) =>
        offset >= 2 && char.IsSurrogatePair(text, offset - 2) ? offset - 2 : offset - 1;

    private static void AppendUpper(StringBuilder target, string text, int offset, bool title)
    {
        var c = text[offset];
        if (title && c is (>= '\u01C4' and <= '\u01CC') or (>= '\u01F1' and <= '\u01F3'))
            target.Append((char)(c < '\u01F1' ? 0x1C5 + (c - 0x1C4) / 3 * 3 : 0x1F2));
        else if (title && c is >= '\u10D0' and <= '\u10FF')
            target.Append(c);
        else if (LongUpper.TryGetValue(c, out var upper))
            target.Append(title ? TitleOf(c, upper) : upper);
        else if (c is '\u0131' or '\u017F')
            target.Append(c == '\u0131' ? 'I' : 'S');
        else
            Unicode.CodePoints.Append(target, SimpleCase.ToUpper(CodePoints.At(text, offset)));
    }

    // Title case keeps only the first letter of a ligature in upper case; the Greek iota written below is a letter of its own there.
    private static string TitleOf(char c, string upper)
    {
        if (c is '\u00DF' or '\u0587' or >= '\uFB00') return upper[0] + ToLower(upper[1..]);
        if (c is < '\u1F80' || !upper.EndsWith('\u0399')) return upper;
        if (c is >= '\u1F80' and <= '\u1FAF') return ((char)(c | 8)).ToString();
        if (upper.Length == 2 && c is '\u1FB3' or '\u1FC3' or '\u1FF3' or '\u1FBC' or '\u1FCC' or '\u1FFC')
            return ((char)(c & ~0xF | 0xC)).ToString();
        if (c is '\u1FB7' or '\u1FC7' or '\u1FF7') return (char)(c & ~0xF | 0xC) + "\u0342";
        return upper[..^1] + "\u0345";
    }

    private static void AppendLower(StringBuilder target, string text, int offset)
    {
        var c = text[offset];
        if (c == '\u0130') target.Append("i\u0307");
        else if (c == '\u03A3') target.Append(IsFinalSigma(text, offset) ? '\u03C2' : '\u03C3');
        else Unicode.CodePoints.Append(target, SimpleCase.ToLower(CodePoints.At(text, offset)));
    }

    private static bool IsFinalSigma(string text, int offset)
    {
        var before = offset - 1;
        while (before >= 0 && IsCaseIgnorable(text[before])) before--;
        var after = offset + 1;
        while (after < text.Length && IsCaseIgnorable(text[after])) after++;
        return before >= 0 && IsCased(text, before) && !(after < text.Length && IsCased(text, after));
    }

    private static bool IsCaseIgnorable(char c) => c is '\'' or '.' or ':' or '\u00B7' or '\u2019'
        || CharUnicodeInfo.GetUnicodeCategory(c) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark
            or UnicodeCategory.Format or UnicodeCategory.ModifierSymbol;
}
