using Coppice.Cache;
using Coppice.Kernels;
using Coppice.Loading;
using Coppice.Models;
using Coppice.Weights;

namespace Coppice;

/// <summary>What is in a model's folder, read without loading a weight.</summary>
public sealed record ModelInfo
{
    /// <summary>The family that reads the model.</summary>
    public required string Family { get; init; }
    /// <summary>The model_type of config.json.</summary>
    public required string ModelType { get; init; }
    /// <summary>Whether it is an encoder, which gives vectors of texts and generates none.</summary>
    public bool IsEncoder { get; init; }
    /// <summary>Weights; a tied head counts once.</summary>
    public required long ParameterCount { get; init; }
    /// <summary>Positions the model was made for.</summary>
    public required int ContextLength { get; init; }
    /// <summary>Entries of the vocabulary.</summary>
    public required int VocabularySize { get; init; }
    /// <summary>Width of the residual stream.</summary>
    public required int HiddenSize { get; init; }
    /// <summary>Width of the MLP of a layer without experts.</summary>
    public required int MlpSize { get; init; }
    /// <summary>Layers.</summary>
    public required int LayerCount { get; init; }
    /// <summary>Query heads.</summary>
    public required int QueryHeads { get; init; }
    /// <summary>KV heads.</summary>
    public required int KvHeads { get; init; }
    /// <summary>Elements of a head.</summary>
    public required int HeadDim { get; init; }
    /// <summary>Experts of a sparse layer, 0 for none.</summary>
    public required int ExpertCount { get; init; }
    /// <summary>Experts that one token runs, 0 for none.</summary>
    public required int ExpertsPerToken { get; init; }
    /// <summary>Whether the output matrix is the embedding.</summary>
    public required bool HasTiedHead { get; init; }
    /// <summary>Whether there is a tokenizer.</summary>
    public required bool HasTokenizer { get; init; }
    /// <summary>Tokens that end a text, as configuration and tokenizer say, ascending.</summary>
    public required IReadOnlyList<int> EndTokenIds { get; init; }
    /// <summary>What generation_config.json recommends, as <see cref="LanguageModel.DefaultGeneration"/> has it.</summary>
    public GenerationOptions DefaultGeneration { get; init; } = new();
    /// <summary>What is odd in the folder and does not keep the model from loading, a sentence each.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
    /// <summary>Bytes of the stored tensors by their type; empty where the folder has no weights.</summary>
    public required IReadOnlyDictionary<string, long> StoredBytes { get; init; }
    /// <summary>
    /// Bytes of the weights in the memory of the CPU in each format, padding counted; empty where the folder has no weights.
    /// </summary>
    public required IReadOnlyDictionary<WeightFormat, long> WeightBytes { get; init; }
    /// <summary>Bytes of keys and values for one token, by the type of an element.</summary>
    public required IReadOnlyDictionary<ElementType, long> KvBytesPerToken { get; init; }
    /// <summary>Bytes of keys and values for <see cref="ContextLength"/> tokens in whole pages, by the type of an element.</summary>
    public required IReadOnlyDictionary<ElementType, long> KvBytesPerContext { get; init; }

    /// <summary>
    /// Bytes that the keys and values of a text of <paramref name="tokens"/> tokens occupy, kept as <paramref name="options"/> say: whole
    /// pages of 64 tokens, and compressed ones, with scales, factors, outliers, headers and padding.
    /// </summary>
    /// <exception cref="ArgumentException">Keys and values of this model cannot be compressed so.</exception>
    public long KvBytes(KvCacheOptions options, int tokens)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(tokens);
        return Cache.KvBytes.OfText(options, new KvGeometry(LayerCount, KvHeads, HeadDim, options.Type), tokens);
    }

    /// <summary>
    /// Bytes of the keys and values of one more token of a long text, when it is no longer recent; see <see cref="KvBytes"/>.
    /// </summary>
    /// <inheritdoc cref="KvBytes" path="/exception"/>
    public long KvTokenBytes(KvCacheOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var geometry = new KvGeometry(LayerCount, KvHeads, HeadDim, options.Type);
        return (long)Math.Ceiling(Cache.KvBytes.OfCompressed(options, geometry));
    }

    /// <summary>
    /// Reads the folder's JSON files and the headers of its weights, where it has any, and checks them against each other.
    /// </summary>
    /// <exception cref="CheckpointException">A file is missing, malformed or contradicts another.</exception>
    /// <exception cref="UnsupportedModelException">The model asks for what the engine does not have.</exception>
    public static ModelInfo Read(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var files = ModelFolder.Read(folder);
        using var checkpoint = Checkpoint.IsIn(files.Folder) ? Checkpoint.Open(files.Folder) : null;
        var plan = WeightPlan.Build(files.Spec, files.Map);
        if (checkpoint is not null)
        {
            var (corrected, found) = files.Plan(checkpoint);
            files = corrected;
            plan = found.Weights;
        }
        var spec = files.Spec;
        var tokenizer = files.LoadTokenizer();
        var defaults = files.Defaults.With(tokenizer?.SpecialTokens.EndId, spec.VocabularySize);
        return new ModelInfo
        {
            Family = files.Family.Name,
            ModelType = spec.ModelType,
            IsEncoder = spec.IsEncoder,
            ParameterCount = plan.ParameterCount,
            ContextLength = spec.ContextLength,
            VocabularySize = spec.VocabularySize,
            HiddenSize = spec.HiddenSize,
            MlpSize = spec.MlpSize,
            LayerCount = spec.Layers.Count,
            QueryHeads = spec.QueryHeads,
            KvHeads = spec.KvHeads,
            HeadDim = spec.HeadDim,
            ExpertCount = spec.Experts?.Count ?? 0,
            ExpertsPerToken = spec.Experts?.PerToken ?? 0,
            HasTiedHead = spec.TiedHead,
            HasTokenizer = files.HasTokenizer,
            EndTokenIds = defaults.EndIds,
            DefaultGeneration = defaults.Options,
            Warnings = [.. files.Warnings, .. tokenizer?.Warnings ?? []],
            StoredBytes = Stored(checkpoint),
            WeightBytes = Weights(checkpoint, plan),
            KvBytesPerToken = Kv(spec, geometry => geometry.Bytes(1) / KvLayout.PageSize),
            KvBytesPerContext = Kv(spec, geometry => geometry.Bytes(KvLayout.Pages(spec.ContextLength))),
        };
    }

    private static Dictionary<string, long> Stored(Checkpoint? checkpoint) => checkpoint is null
        ? [] : checkpoint.Tensors.Values.GroupBy(t => t.Entry.Type.FileName()).ToDictionary(g => g.Key, g => g.Sum(t => t.Entry.Bytes));

    private static Dictionary<WeightFormat, long> Weights(Checkpoint? checkpoint, WeightPlan plan)
    {
        if (checkpoint is null) return [];
        using var backend = DeviceFactory.Create("cpu", threads: 1);
        return Enum.GetValues<WeightFormat>().ToDictionary(
            format => format, format => WeightLoader.Bytes(backend, checkpoint, plan, new WeightSettings(format)));
    }

    private static Dictionary<ElementType, long> Kv(ModelSpec spec, Func<KvGeometry, long> bytes) =>
        new[] { ElementType.F32, ElementType.F16, ElementType.BF16 }
        .ToDictionary(type => type, type => bytes(new KvGeometry(spec.KvLayers, spec.KvHeads, spec.HeadDim, type)));
}
