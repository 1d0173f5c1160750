using System.Globalization;
using System.Text;

namespace Coppice.Text.Unicode;

/// <summary>
/// Reads code points from UTF-16 text and tells the properties that tokenizers ask for; a lone surrogate counts as U+FFFD.
/// </summary>
internal static class CodePoints
{
    /// <summary>The code point at <paramref name="index"/> and the number of chars it takes.</summary>
    public static int At(ReadOnlySpan<char> text, int index, out int length)
    {
        var first = text[index];
        length = 1;
        if (!char.IsSurrogate(first)) return first;
        if (char.IsHighSurrogate(first) && index + 1 < text.Length && char.IsLowSurrogate(text[index + 1]))
        {
            length = 2;
            return char.ConvertToUtf32(first, text[index + 1]);
        }
        return 0xFFFD;
    }

    /// <summary>The code point that ends before <paramref name="index"/> and the number of chars it takes.</summary>
    public static int Before(ReadOnlySpan<char> text, int index, out int length)
    {
        var paired = index > 1 && char.IsLowSurrogate(text[index - 1]) && char.IsHighSurrogate(text[index - 2]);
        return At(text, paired ? index - 2 : index - 1, out length);
    }

    /// <summary>Appends one code point as UTF-16.</summary>
    public static void Append(StringBuilder builder, int codePoint)
    {
        if (codePoint < 0x10000) builder.Append((char)codePoint);
        else builder.Append((char)(0xD7C0 + (codePoint >> 10))).Append((char)(0xDC00 + (codePoint & 0x3FF)));
    }

    /// <summary>The one bit of <paramref name="codePoint"/>'s general category, as used in masks.</summary>
    public static uint CategoryBit(int codePoint) => 1u << (int)CharUnicodeInfo.GetUnicodeCategory(codePoint);

    /// <summary>Whether the code point has the property White_Space.</summary>
    public static bool IsWhiteSpace(int codePoint) =>
        codePoint < 0x10000 && char.IsWhiteSpace((char)codePoint);

    /// <summary>Whether the code point is a number of any kind (Nd, Nl, No) in Unicode 17; the runtime's table is of Unicode 16.</summary>
    public static bool IsNumeric(int codePoint) =>
        codePoint < 0x80 ? codePoint is >= '0' and <= '9' : (CategoryBit(codePoint) & Categories.Number) != 0
        || codePoint is >= 0x11DE0 and <= 0x11DE9 or >= 0x16FF4 and <= 0x16FF6;

    /// <summary>Whether a regular expression's \w matches: alphabetic, mark, decimal number, connector or joiner.</summary>
    public static bool IsWord(int codePoint) => codePoint < 0x80
        ? char.IsAsciiLetterOrDigit((char)codePoint) || codePoint == '_'
        : (CategoryBit(codePoint) & Categories.Word) != 0
        || codePoint is 0x200C or 0x200D
        || codePoint is >= 0x24B6 and <= 0x24E9
        || codePoint is >= 0x1F130 and <= 0x1F149 or >= 0x1F150 and <= 0x1F169 or >= 0x1F170 and <= 0x1F189;
}
