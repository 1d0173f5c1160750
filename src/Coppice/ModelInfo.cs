using Coppice.Cache;
using Coppice.Kernels;
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
    /// <summary>Weights; a tied head counts once.</summary>
    public required long ParameterCount { get; init; }
    /// <summary>Positions the model was made for.</summary>
    public required int ContextLength { get; init; }
    /// <summary>Entries of the vocabulary.</summary>
    public required int VocabularySize { get; init; }
    /// <summary>Width of the residual stream.</summary>
    public required int HiddenSize { get; init; }
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
    /// <summary>Whether there is a tokenizer.</summary>
    public required bool HasTokenizer { get; init; }
    /// <summary>Tokens that end a text.</summary>
    public required IReadOnlyList<int> EndTokenIds { get; init; }
    /// <summary>Bytes of the stored tensors by their type.</summary>
    public required IReadOnlyDictionary<string, long> StoredBytes { get; init; }
    /// <summary>Bytes of the weights in memory in each format, padding of the layout not counted.</summary>
    public required IReadOnlyDictionary<WeightFormat, long> WeightBytes { get; init; }
    /// <summary>Bytes of keys and values for one token, by the type of an element.</summary>
    public required IReadOnlyDictionary<ElementType, long> KvBytesPerToken { get; init; }

    /// <summary>Reads the folder's JSON files and the headers of its weights, and checks them against each other.</summary>
    /// <exception cref="CheckpointException">A file is missing, malformed or contradicts another.</exception>
    /// <exception cref="UnsupportedModelException">The model asks for what the engine has not.</exception>
    public static ModelInfo Read(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var files = ModelFolder.Read(folder);
        using var checkpoint = Checkpoint.Open(folder);
        var (spec, plan) = (files.Spec, WeightLoader.Plan(checkpoint, files.Spec, files.Map));
        var vectors = 4 * plan.Vectors.Sum(v => (long)v.Length);
        return new ModelInfo
        {
            Family = files.Family.Name,
            ModelType = spec.ModelType,
            ParameterCount = plan.ParameterCount,
            ContextLength = spec.ContextLength,
            VocabularySize = spec.VocabularySize,
            HiddenSize = spec.HiddenSize,
            LayerCount = spec.Layers.Count,
            QueryHeads = spec.QueryHeads,
            KvHeads = spec.KvHeads,
            HeadDim = spec.HeadDim,
            ExpertCount = spec.Experts?.Count ?? 0,
            HasTokenizer = files.HasTokenizer,
            EndTokenIds = files.Defaults.EndIds,
            StoredBytes = checkpoint.Tensors.Values.GroupBy(t => t.Entry.Type.FileName()).ToDictionary(g => g.Key, g => g.Sum(t => t.Entry.Bytes)),
            WeightBytes = Enum.GetValues<WeightFormat>().ToDictionary(f => f, f => vectors + plan.Matrices.Sum(
                m => m.Outputs * new WeightSettings(f).Of(m, checkpoint).RowBytes(m.Inputs))),
            KvBytesPerToken = new[] { ElementType.F32, ElementType.F16, ElementType.BF16 }.ToDictionary(
                t => t, t => new KvGeometry(spec.Layers.Count, spec.KvHeads, spec.HeadDim, t).Bytes(1) / KvLayout.PageSize),
        };
    }
}
