namespace Coppice.Text.Unicode;

/// <summary>Small letters by Unicode 17, which Hugging Face tokenizers use: what it adds to Unicode 16.</summary>
internal static class LowerCase
{
    /// <summary>The small form of a code point by its simple mapping.</summary>
    public static int Of(int codePoint) => codePoint switch
    {
        < 0x80 => codePoint is >= 'A' and <= 'Z' ? codePoint + 0x20 : codePoint,
        0xA7CE or 0xA7D2 or 0xA7D4 => codePoint + 1,
        >= 0x16EA0 and <= 0x16EB8 => codePoint + 0x1B,
        _ => SimpleCase.ToLower(codePoint),
    };
}
