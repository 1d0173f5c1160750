using Coppice.Text.Decoders;
using Coppice.Text.Normalizers;
using Coppice.Text.PreTokenizers;
using Coppice.Text.Processors;

namespace Coppice.Text.Files;

/// <summary>Reads tokenizer.json, the format of Hugging Face tokenizers.</summary>
internal static class TokenizerJson
{
    /// <summary>The parts that the file describes.</summary>
    public static TokenizerParts Read(JsonSource source)
    {
        var members = source.Members(inner: "model");
        JsonField? Part(string key)
        {
            if (!members.TryGetValue(key, out var where)) return null;
            var field = source.Field(where, key);
            return field.IsNull ? null : field;
        }
        var normalizer = Part("normalizer") is { } normalizerField ? NormalizerReader.Read(normalizerField) : null;
        var preTokenizers = new List<PreTokenizer>();
        var spells = Part("pre_tokenizer") is { } preTokenizer && PreTokenizerReader.Read(preTokenizer, preTokenizers);
        var tokenModel = TokenModelReader.Read(new ModelSettings(source, members), ref spells);
        if (spells) preTokenizers.Add(new ByteLevelSpelling());
        return new TokenizerParts
        {
            Model = tokenModel,
            Normalizer = normalizer,
            PreTokenizers = preTokenizers,
            Words = Words(Part("normalizer"), Part("pre_tokenizer")),
            Added = AddedTokenReader.Read(Part("added_tokens"), tokenModel, normalizer),
            PostProcessor = new PostProcessor(Part("post_processor") is { } processor ? ProcessorReader.Read(processor) : []),
            Decoder = new DecoderChain(Part("decoder") is { } decoder ? DecoderReader.Read(decoder) : null),
        };
    }

    private static WordCut? Words(JsonField? normalizer, JsonField? preTokenizer) =>
        normalizer is { } field && field.Required("type").Text is "BertNormalizer" or "Bert"
            && preTokenizer is { } cut && cut.Required("type").Text == "BertPreTokenizer"
            ? new WordCut(field.Required("handle_chinese_chars").Flag) : null;
}
