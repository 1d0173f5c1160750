using Coppice.Decoding;

namespace Coppice.Cli;

/// <summary>
/// What a folder holds: <see cref="ModelInfo"/>, its files and its tokenizer, as `info --json` writes them. What the folder does not hold
/// is null.
/// </summary>
internal sealed record FolderInfo
{
    public required string Folder { get; init; }
    public required IReadOnlyList<FileInfoRow> Files { get; init; }
    public string? Family { get; init; }
    public string? ModelType { get; init; }
    public long? Parameters { get; init; }
    public int? Context { get; init; }
    public int? Vocabulary { get; init; }
    public int? Layers { get; init; }
    public int? HiddenSize { get; init; }
    public int? MlpSize { get; init; }
    public int? QueryHeads { get; init; }
    public int? KvHeads { get; init; }
    public int? HeadDim { get; init; }
    public int? Experts { get; init; }
    public int? ExpertsPerToken { get; init; }
    public bool? TiedHead { get; init; }
    public IReadOnlyList<int>? EndTokenIds { get; init; }
    /// <summary>What generation_config.json recommends, by the keys of JSON lines; null where it recommends nothing.</summary>
    public IReadOnlyDictionary<string, double>? Generation { get; init; }
    /// <summary>What is odd in the folder; null for nothing.</summary>
    public IReadOnlyList<string>? Warnings { get; init; }
    /// <summary>Stored types of the tensors, the most bytes first.</summary>
    public IReadOnlyList<string>? StoredTypes { get; init; }
    /// <summary>
    /// What `--activations auto` takes, by the names that --weights takes; null where `coppice tune` has measured none of them here.
    /// </summary>
    public IReadOnlyDictionary<string, string>? Activations { get; init; }
    public TokenizerInfo? Tokenizer { get; init; }
    /// <summary>The chat template for ordinary use.</summary>
    public string? Template { get; init; }
    public ModelBytes? Bytes { get; init; }
}

/// <summary>One file of a folder.</summary>
internal sealed record FileInfoRow(string Name, long Bytes);

/// <summary>What a folder's tokenizer is.</summary>
internal sealed record TokenizerInfo
{
    public required int Vocabulary { get; init; }
    public string? Beginning { get; init; }
    public string? End { get; init; }
    /// <summary>Names of all chat templates.</summary>
    public required IReadOnlyList<string> Templates { get; init; }
}

/// <summary>Memory that a model takes.</summary>
internal sealed record ModelBytes
{
    /// <summary>Of all weights, by the names that --weights takes; null where the folder has no weights.</summary>
    public IReadOnlyDictionary<string, long>? Weights { get; init; }
    /// <summary>Of keys and values, by the names that --kv takes.</summary>
    public required IReadOnlyDictionary<string, CacheBytes> Kv { get; init; }
}

/// <summary>Memory of keys and values.</summary>
/// <param name="Token">For one token of a long text.</param>
/// <param name="Context">For the model's whole context.</param>
/// <param name="OfF16">Of the context, beside what F16 takes.</param>
internal sealed record CacheBytes(long Token, long Context, double OfF16);
