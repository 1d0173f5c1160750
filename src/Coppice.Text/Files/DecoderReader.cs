using System.Text;
using Coppice.Text.Decoders;
using Coppice.Text.Patterns;
using Coppice.Text.PreTokenizers;

namespace Coppice.Text.Files;

/// <summary>Reads the decoder; sequences become one list of stages.</summary>
internal static class DecoderReader
{
    private const string Supported = "Sequence, ByteLevel, ByteFallback, Metaspace, Replace, Fuse, Strip, WordPiece, BPEDecoder, CTC";

    public static DecoderStage[] Read(JsonField field)
    {
        var type = field.Required("type");
        return type.Text switch
        {
            "Sequence" => [.. field.Required("decoders").Items().SelectMany(Read)],
            "ByteLevel" => [new ByteLevel()],
            "ByteFallback" => [new ByteFallback()],
            "Fuse" => [new Fuse()],
            "Metaspace" => [ReadMetaspace(field)],
            "Replace" => [ReadReplace(field)],
            "Strip" => [new Strip(field.Required("content").Character, ReadCount(field, "start"), ReadCount(field, "stop"))],
            "WordPiece" => [WordPieces.Stage(field.Required("prefix").Text, field.Required("cleanup").Flag)],
            "BPEDecoder" => [new WordSuffix(field.Required("suffix").Text)],
            "CTC" =>
                [new Ctc(field.Required("pad_token").Text, field.Required("word_delimiter_token").Text, field.Required("cleanup").Flag)],
            _ => throw type.Unsupported(Supported),
        };
    }

    private static int ReadCount(JsonField field, string key) => field.Required(key).Integer(int.MaxValue);

    private static TokenMap ReadMetaspace(JsonField field)
    {
        var mark = field.Required("replacement").Character;
        var prefixed = PreTokenizerReader.ReadScheme(field) != PrependScheme.Never;
        return new TokenMap((token, first) =>
            token.Replace(mark, first && prefixed ? "" : " ", StringComparison.Ordinal), byCharacter: mark.Length == 1);
    }

    private static TokenMap ReadReplace(JsonField field)
    {
        var pattern = PatternReader.Read(field.Required("pattern"));
        var content = field.Required("content").Text;
        if (pattern.Literal is { } literal)
            return new TokenMap((token, _) => token.Replace(literal, content, StringComparison.Ordinal), byCharacter: literal.Length == 1);
        return new TokenMap((token, _) => pattern.Replace(token, content), byCharacter: false);
    }
}
