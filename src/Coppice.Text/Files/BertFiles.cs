using Coppice.Text.Decoders;
using Coppice.Text.PreTokenizers;
using Coppice.Text.Processors;
using Coppice.Text.TokenModels;

namespace Coppice.Text.Files;

/// <summary>Builds a WordPiece tokenizer from the vocab.txt of BERT and its kin: one token a line, its id the number of the line.</summary>
internal static class BertFiles
{
    private const string File = "vocab.txt", Continuing = "##";
    private const int MostCharacters = 100;

    private static readonly string[] Classes =
        ["BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "MobileBertTokenizer", "SqueezeBertTokenizer"];

    /// <summary>
    /// The parts for the file in <paramref name="folder"/>, with what tokenizer_config.json says of case, accents and Chinese characters.
    /// </summary>
    public static TokenizerParts Read(string folder, CheckpointSettings settings)
    {
        var kind = settings.TokenizerClass ?? Classes[0];
        if (!Classes.Contains(kind.EndsWith("Fast", StringComparison.Ordinal) ? kind[..^4] : kind))
            throw new UnsupportedModelException($"tokenizer_config.json: tokenizer_class \"{kind}\" is not supported with {File}; "
                + $"supported: {string.Join(", ", Classes)}, or a tokenizer.json.");
        if (!settings.FlagOr("do_basic_tokenize", true))
            throw new UnsupportedModelException(
                $"tokenizer_config.json: do_basic_tokenize false is not supported with {File}; supported: true.");
        var vocabulary = ReadVocabulary(JsonSource.Read(Path.Combine(folder, File)));
        var model = new WordPieceModel(vocabulary, settings.Named("unk_token") ?? "[UNK]", Continuing, MostCharacters);
        var lowercase = settings.FlagOr("do_lower_case", true);
        var chinese = settings.FlagOr("tokenize_chinese_chars", true);
        var normalizer = NormalizerReader.Bert(
            clean: true, chinese, settings.FlagOr("strip_accents", lowercase), lowercase);
        return new TokenizerParts
        {
            Model = model,
            Normalizer = normalizer,
            PreTokenizers = PreTokenizerReader.Bert(),
            Words = new WordCut(chinese),
            Added = settings.AddedTokens(model, normalizer, ["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"]),
            PostProcessor = new PostProcessor([new Template([Id("cls_token", "[CLS]"), null, Id("sep_token", "[SEP]")])]),
            Decoder = new DecoderChain([WordPieces.Stage(Continuing, cleanUp: true)]),
        };

        int[] Id(string role, string usual)
        {
            var token = settings.Named(role) ?? usual;
            return vocabulary.TryFind(token, out var id)
                ? [id]
                : throw new CheckpointException($"{File}: the {role} {token} must be among the lines, found none.");
        }
    }

    private static Vocabulary ReadVocabulary(JsonSource source)
    {
        var bytes = source.Bytes.Span;
        var vocabulary = new Vocabulary(bytes.Count((byte)'\n') + 1);
        var id = 0;
        foreach (var range in bytes.TrimEnd((byte)'\n').Split((byte)'\n'))
        {
            if (id == Vocabulary.IdLimit)
                throw new CheckpointException($"{source.Name}: must have at most {Vocabulary.IdLimit:N0} lines, found more.");
            var line = bytes[range];
            vocabulary.Add(line.EndsWith("\r"u8) ? line[..^1] : line, id++);
        }
        vocabulary.Complete();
        return vocabulary;
    }
}
