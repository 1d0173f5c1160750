using Coppice.Text.Decoders;
using Coppice.Text.Normalizers;
using Coppice.Text.PreTokenizers;
using Coppice.Text.Processors;
using Coppice.Text.TokenModels;

namespace Coppice.Text;

/// <summary>What a tokenizer is made of.</summary>
internal sealed record TokenizerParts
{
    public required TokenModel Model { get; init; }

    public required AddedTokens Added { get; init; }

    public Normalizer? Normalizer { get; init; }

    public IReadOnlyList<PreTokenizer> PreTokenizers { get; init; } = [];

    /// <summary>How texts are cut into words before anything else, where that gives the same pieces.</summary>
    public TextCut? Words { get; init; }

    public PostProcessor PostProcessor { get; init; } = new([]);

    public DecoderChain Decoder { get; init; } = new(null);

    public SpecialTokens SpecialTokens { get; init; } = new();

    public IReadOnlyDictionary<string, string> ChatTemplates { get; init; } = new Dictionary<string, string>();

    public int? MaxLength { get; init; }

    public bool CleansUpSpaces { get; init; }

    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>The id of a token as the vocabulary writes it, or null.</summary>
    public int? IdOf(string token) => Added.IdOf(token) ?? (Model.Vocabulary.TryFind(token, out var id) ? id : null);
}
