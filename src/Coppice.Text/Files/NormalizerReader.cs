using Coppice.Text.Normalizers;
using Coppice.Text.Unicode;

namespace Coppice.Text.Files;

/// <summary>Reads the normalizer.</summary>
internal static class NormalizerReader
{
    private const string Supported = "Sequence, Prepend, Replace, NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, BertNormalizer, "
        + "Precompiled, Nmt, ByteLevel";

    public static Normalizer Read(JsonField field)
    {
        var type = field.Required("type");
        switch (type.Text)
        {
            case "Sequence":
                return new NormalizerSequence([.. field.Required("normalizers").Items().Select(Read)]);
            case "Prepend":
                var prefix = field.Required("prepend").Text;
                return new Rewrite(text => text.Length == 0 ? text : prefix + text);
            case "Replace":
                return new Replace(PatternReader.Read(field.Required("pattern")), field.Required("content").Text);
            case "NFC" or "NFD" or "NFKC" or "NFKD":
                var form = type.Text;
                return new Rewrite(text => Normalization.Apply(text, compose: form.EndsWith('C'), compatible: form[2] == 'K'),
                    isLocal: true);
            case "Lowercase":
                return CharacterFilter.Lowercase;
            case "StripAccents":
                return CharacterFilter.StripAccents;
            case "Nmt":
                return CharacterFilter.Nmt;
            case "Strip":
                return new Strip(field.Required("strip_left").Flag, field.Required("strip_right").Flag);
            case "ByteLevel":
                return new Rewrite(text => ByteAlphabet.Spell(text));
            case "BertNormalizer" or "Bert":
                return ReadBert(field);
            case "Precompiled":
                return ReadPrecompiled(field.Required("precompiled_charsmap"));
            default:
                throw type.Unsupported(Supported);
        }
    }

    private static NormalizerSequence ReadBert(JsonField field)
    {
        var lowercase = field.Required("lowercase").Flag;
        var accents = field.FlagOr("strip_accents", lowercase);
        return Bert(field.Required("clean_text").Flag, field.Required("handle_chinese_chars").Flag, accents, lowercase);
    }

    /// <summary>
    /// BERT's steps in their order, each as asked for: control characters out, spaces round Chinese characters, accents off, lower case.
    /// </summary>
    public static NormalizerSequence Bert(bool clean, bool spaceChinese, bool stripAccents, bool lowercase)
    {
        var parts = new List<Normalizer>();
        if (clean) parts.Add(CharacterFilter.Clean);
        if (spaceChinese) parts.Add(CharacterFilter.SpaceChinese);
        if (stripAccents)
        {
            parts.Add(new Rewrite(text => Normalization.Apply(text, compose: false, compatible: false), isLocal: true));
            parts.Add(CharacterFilter.StripNonSpacingMarks);
        }
        if (lowercase) parts.Add(CharacterFilter.Lowercase);
        return new NormalizerSequence([.. parts]);
    }

    private static CharacterMap ReadPrecompiled(JsonField field)
    {
        var text = field.Text;
        var bytes = new byte[text.Length];
        if (Convert.TryFromBase64String(text, bytes, out var count) && CharacterMap.Parse(bytes.AsSpan(0, count)) is { } map) return map;
        throw field.Wrong("a character map of SentencePiece in base 64");
    }
}
