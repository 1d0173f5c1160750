using Coppice.Text.Decoders;
using Coppice.Text.Normalizers;
using Coppice.Text.Patterns;
using Coppice.Text.PreTokenizers;
using Coppice.Text.Processors;
using Coppice.Text.TokenModels;
using Coppice.Text.Unicode;

namespace Coppice.Text.Files;

/// <summary>Builds a byte-level BPE tokenizer from the pair vocab.json and merges.txt of GPT-2 and its kin.</summary>
internal static class GptFiles
{
    private const string QwenPattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private static readonly string[] LikeGpt = ["GPT2", "CodeGen", "GPTNeoX", "PreTrainedTokenizer", "TokenizersBackend"];
    private static readonly string[] LikeRoberta = ["Roberta", "Bart", "Longformer", "LED"];

    /// <summary>The parts for the two files in <paramref name="folder"/>.</summary>
    public static TokenizerParts Read(string folder, CheckpointSettings settings)
    {
        var source = JsonSource.Read(Path.Combine(folder, "vocab.json"));
        var vocabulary = TokenModelReader.ReadVocabulary(source, .., "vocab");
        var merges = ReadMerges(JsonSource.Read(Path.Combine(folder, "merges.txt")), vocabulary);
        var kind = settings.TokenizerClass ?? "GPT2Tokenizer";
        bool Is(params string[] names) => names.Any(name => kind.StartsWith(name, StringComparison.Ordinal));
        var qwen = Is("Qwen2");
        var roberta = Is(LikeRoberta);
        if (!qwen && !roberta && !Is(LikeGpt))
            throw new UnsupportedModelException($"tokenizer_config.json: tokenizer_class \"{kind}\" is not supported with "
                + $"vocab.json and merges.txt; "
                + $"supported: {string.Join(", ", [.. LikeGpt, .. LikeRoberta, "Qwen2"])}, or a tokenizer.json.");
        var model = new BpeModel(vocabulary, merges.Table(), merges.Boundaries, new BpeOptions { SpellsBytes = true });
        var normalizer = qwen ? new Rewrite(text => Normalization.Apply(text, compose: true, compatible: false)) : null;
        var split = qwen ? new PatternSplit(Pattern.Parse(QwenPattern), SplitBehavior.Isolated, invert: false) : ByteLevelPattern.Split;
        return new TokenizerParts
        {
            Model = model,
            Normalizer = normalizer,
            PreTokenizers = settings.AddsPrefixSpace ? [new SpacePrefix(), split] : [split],
            Added = settings.AddedTokens(model, normalizer, qwen || roberta ? [] : ["<|endoftext|>"]),
            PostProcessor = new PostProcessor(roberta ? [Framed(vocabulary, settings)] : []),
            Decoder = new DecoderChain([new ByteLevel()]),
        };
    }

    private static MergeBuilder ReadMerges(JsonSource source, Vocabulary vocabulary)
    {
        var builder = new MergeBuilder(source.Name, "line", vocabulary, "");
        foreach (var range in source.Bytes.Span.Split((byte)'\n'))
        {
            var line = source.Bytes.Span[range];
            if (line.EndsWith("\r"u8)) line = line[..^1];
            if (!line.IsEmpty) builder.AddLine(line);
        }
        return builder;
    }

    private static Template Framed(Vocabulary vocabulary, CheckpointSettings settings)
    {
        int[]? Token(string role, string usual) => vocabulary.TryFind(settings.Named(role) ?? usual, out var id) ? [id] : [];
        return new Template([Token("cls_token", "<s>"), null, Token("sep_token", "</s>")]);
    }
}
