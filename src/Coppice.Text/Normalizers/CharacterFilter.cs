using System.Text;
using Coppice.Text.Unicode;

namespace Coppice.Text.Normalizers;

/// <summary>A normalizer that treats each code point by itself: the function appends what becomes of it.</summary>
internal sealed class CharacterFilter : Normalizer
{
    private readonly Action<int, StringBuilder> _rewrite;
    private readonly CodePointProperty _changes;

    public CharacterFilter(Action<int, StringBuilder> rewrite)
    {
        _rewrite = rewrite;
        _changes = new CodePointProperty(letter =>
        {
            // Half a surrogate pair becomes U+FFFD.
            if (letter is >= 0xD800 and <= 0xDFFF) return true;
            var result = new StringBuilder();
            rewrite(letter, result);
            return !result.Equals(char.ConvertFromUtf32(letter));
        });
    }

    /// <inheritdoc/>
    public override bool IsLocal => true;

    /// <inheritdoc/>
    public override string Normalize(string text, ref bool atStart)
    {
        var at = NextChange(text, 0);
        if (at == text.Length) return text;
        var result = new StringBuilder(text.Length + 16);
        for (var done = 0; ; at = NextChange(text, done))
        {
            result.Append(text, done, at - done);
            if (at == text.Length) return result.ToString();
            _rewrite(CodePoints.At(text, at, out var length), result);
            done = at + length;
            atStart &= result.Length > 0;
        }
    }

    private int NextChange(ReadOnlySpan<char> text, int at)
    {
        for (int length; at < text.Length; at += length)
        {
            var letter = CodePoints.At(text, at, out length);
            if (_changes.Holds(length == 1 ? text[at] : letter)) break;
        }
        return at;
    }

    /// <summary>Writes small letters for capital ones, character by character.</summary>
    public static CharacterFilter Lowercase { get; } = new((letter, output) =>
    {
        // The only letter whose small form takes two characters.
        if (letter == 0x130) output.Append("i\u0307");
        else CodePoints.Append(output, LowerCase.Of(letter));
    });

    /// <summary>Drops combining marks.</summary>
    public static CharacterFilter StripAccents { get; } = Dropping(OlderCategories.IsMark);

    /// <summary>Drops non-spacing marks.</summary>
    public static CharacterFilter StripNonSpacingMarks { get; } = Dropping(OlderCategories.IsNonSpacingMark);

    /// <summary>
    /// SentencePiece's rule for machine translation: controls disappear, odd white space and invisible characters become spaces.
    /// </summary>
    public static CharacterFilter Nmt { get; } = new((letter, output) =>
    {
        if (letter is >= 0x01 and <= 0x08 or 0x0B or >= 0x0E and <= 0x1F or 0x7F or 0x8F or 0x9F) return;
        var space = letter is 0x09 or 0x0A or 0x0C or 0x0D or 0x1680 or >= 0x200B and <= 0x200F or 0x2028 or 0x2029 or 0x2581 or 0xFEFF
            or 0xFFFD;
        CodePoints.Append(output, space ? ' ' : letter);
    });

    /// <summary>BERT's cleaning: controls, NUL and U+FFFD disappear, white space becomes a space.</summary>
    public static CharacterFilter Clean { get; } = new((letter, output) =>
    {
        if (letter is 0 or 0xFFFD || (letter is not ('\t' or '\n' or '\r') && OlderCategories.IsOther(letter))) return;
        CodePoints.Append(output, CodePoints.IsWhiteSpace(letter) ? ' ' : letter);
    });

    /// <summary>Spaces around each Chinese character, as BERT delimits them.</summary>
    public static CharacterFilter SpaceChinese { get; } = new((letter, output) =>
    {
        var chinese = IsChinese(letter);
        if (chinese) output.Append(' ');
        CodePoints.Append(output, letter);
        if (chinese) output.Append(' ');
    });

    private static CharacterFilter Dropping(Func<int, bool> drops) => new((letter, output) =>
    {
        if (!drops(letter)) CodePoints.Append(output, letter);
    });

    // The gap from U+2B820 to U+2B91F is in the original too.
    private static bool IsChinese(int letter) => letter is >= 0x4E00 and <= 0x9FFF or >= 0x3400 and <= 0x4DBF or >= 0x20000 and <= 0x2A6DF
        or >= 0x2A700 and <= 0x2B73F or >= 0x2B740 and <= 0x2B81F or >= 0x2B920 and <= 0x2CEAF or >= 0xF900 and <= 0xFAFF
        or >= 0x2F800 and <= 0x2FA1F;
}
