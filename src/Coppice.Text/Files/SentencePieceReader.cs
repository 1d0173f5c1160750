using System.Text;
using Coppice.Text.Decoders;
using Coppice.Text.Normalizers;
using Coppice.Text.Patterns;
using Coppice.Text.PreTokenizers;
using Coppice.Text.Processors;
using Coppice.Text.TokenModels;

namespace Coppice.Text.Files;

/// <summary>
/// Builds a tokenizer from a SentencePiece model where a checkpoint has no tokenizer.json, with the parts that Hugging Face transformers
/// converts such a model to: control pieces become special tokens, BPE merges are found from the scores.
/// </summary>
internal static class SentencePieceReader
{
    private const string Mark = "\u2581";

    private static readonly string[] ShiftingClasses =
        ["XLMRoberta", "Camembert", "MBart", "NllbTokenizer", "XGLM", "Barthez", "M2M100", "DebertaV2"];

    /// <summary>The parts for the model in <paramref name="bytes"/>.</summary>
    public static TokenizerParts Read(string file, ReadOnlySpan<byte> bytes, CheckpointSettings settings)
    {
        var model = SentencePieceModel.Read(file, bytes);
        if (model.WhitespaceIsSuffix || !model.EscapesWhitespace)
            throw new UnsupportedModelException($"{file}: treat_whitespace_as_suffix and escape_whitespaces must have their "
                + $"usual values; supported: false, true.");
        if (settings.TokenizerClass is { } name && ShiftsIds(name))
            throw new UnsupportedModelException($"tokenizer_config.json: tokenizer_class \"{name}\" gives the pieces other ids, "
                + $"which is not supported; "
                + "supported: models whose ids are places in the list, or a tokenizer.json.");
        var tokenModel = model.ModelType switch
        {
            SentencePieceModel.BytePairs => ReadBpe(file, model),
            SentencePieceModel.Unigram => (TokenModel)ReadUnigram(model),
            var other => throw new UnsupportedModelException($"{file}: trainer_spec.model_type {other} is not supported; "
                + $"supported: 1 (Unigram), 2 (BPE)."),
        };
        return new TokenizerParts
        {
            Model = tokenModel,
            Normalizer = ReadNormalizer(file, model),
            PreTokenizers = model.ModelType == SentencePieceModel.Unigram
                ? [new Metaspace(Mark, model.AddsDummyPrefix ? PrependScheme.Always : PrependScheme.Never, split: true)]
                : [],
            Added = new AddedTokens(AddedPieces(model)),
            PostProcessor = new PostProcessor([ReadTemplate(model, tokenModel, settings)]),
            Decoder = new DecoderChain(Decoders(model)),
        };
    }

    private static bool ShiftsIds(string name) => ShiftingClasses.Any(kind => name.StartsWith(kind, StringComparison.Ordinal));

    private static Vocabulary ReadVocabulary(SentencePieceModel model)
    {
        var vocabulary = new Vocabulary(model.Pieces.Count);
        for (var id = 0; id < model.Pieces.Count; id++) vocabulary.Add(Encoding.UTF8.GetBytes(model.Pieces[id].Text), id);
        vocabulary.Complete();
        return vocabulary;
    }

    private static BpeModel ReadBpe(string file, SentencePieceModel model)
    {
        var vocabulary = ReadVocabulary(model);
        var merges = new MergeBuilder(file, "pieces", vocabulary, "");
        foreach (var (left, right) in ScoredMerges.Of(model.Pieces))
        {
            merges.Left(Encoding.UTF8.GetBytes(left));
            merges.Right(Encoding.UTF8.GetBytes(right));
        }
        var options = new BpeOptions
        {
            UnknownToken = model.Pieces.FirstOrDefault(piece => piece.Kind == PieceKind.Unknown)?.Text,
            FuseUnknown = true,
            ByteFallback = model.ByteFallback,
        };
        return new BpeModel(vocabulary, merges.Table(), merges.Boundaries, options);
    }

    private static UnigramModel ReadUnigram(SentencePieceModel model)
    {
        var unknown = model.Pieces.FindIndex(piece => piece.Kind == PieceKind.Unknown);
        var scores = model.Pieces.Select(piece => (double)piece.Score).ToArray();
        return new UnigramModel(ReadVocabulary(model), scores, unknown < 0 ? null : unknown, model.ByteFallback);
    }

    private static NormalizerSequence ReadNormalizer(string file, SentencePieceModel model)
    {
        var parts = new List<Normalizer>();
        if (model.CharacterMap.Length > 0)
            parts.Add(CharacterMap.Parse(model.CharacterMap)
                ?? throw new CheckpointException($"{file}: normalizer_spec.precompiled_charsmap must be a compiled map, found "
                    + $"sizes that do not fit."));
        if (model.RemovesExtraWhitespace)
        {
            parts.Add(new Replace(Pattern.Parse(" {2,}"), " "));
            parts.Add(new Rewrite(text => text.Trim(' ')));
        }
        if (model.ModelType == SentencePieceModel.BytePairs)
        {
            if (model.AddsDummyPrefix) parts.Add(new Rewrite(text => text.Length == 0 ? text : Mark + text));
            parts.Add(new Replace(Pattern.Of(" "), Mark));
        }
        return new NormalizerSequence([.. parts]);
    }

    private static IEnumerable<AddedToken> AddedPieces(SentencePieceModel model)
    {
        for (var id = 0; id < model.Pieces.Count; id++)
        {
            var piece = model.Pieces[id];
            var special = piece.Kind is PieceKind.Control or PieceKind.Unknown;
            if ((special || piece.Kind == PieceKind.UserDefined) && piece.Text.Length > 0)
                yield return new AddedToken { Id = id, Content = piece.Text, Form = piece.Text, Special = special };
        }
    }

    // Llama-like models begin texts, T5-like ones end them, unless tokenizer_config.json says otherwise.
    private static Template ReadTemplate(SentencePieceModel model, TokenModel tokens, CheckpointSettings settings)
    {
        int? Id(string token) => tokens.Vocabulary.TryFind(token, out var id) ? id : null;
        var endsTexts = settings.TokenizerClass is { } name
            && (name.Contains("T5", StringComparison.Ordinal) || name.StartsWith("Pegasus", StringComparison.Ordinal));
        var begin = settings.AddsBeginning ?? (model.ModelType == SentencePieceModel.BytePairs && !endsTexts);
        var end = settings.AddsEnd ?? endsTexts;
        var parts = new List<int[]?> { null };
        if (begin && Id(settings.Named("bos_token") ?? "<s>") is { } first) parts.Insert(0, [first]);
        if (end && Id(settings.Named("eos_token") ?? "</s>") is { } last) parts.Add([last]);
        return new Template([.. parts]);
    }

    private static DecoderStage[] Decoders(SentencePieceModel model)
    {
        var stages = new List<DecoderStage> { new TokenMap((token, _) =>
            token.Replace(Mark, " ", StringComparison.Ordinal), byCharacter: true) };
        if (model.ByteFallback) stages.Add(new ByteFallback());
        stages.Add(new Fuse());
        if (model.AddsDummyPrefix) stages.Add(new Decoders.Strip(" ", 1, 0));
        return [.. stages];
    }
}
