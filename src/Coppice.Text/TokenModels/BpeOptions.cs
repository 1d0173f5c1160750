namespace Coppice.Text.TokenModels;

/// <summary>The settings of a BPE model as tokenizer.json names them; empty texts mean none.</summary>
internal sealed record BpeOptions
{
    public string? UnknownToken { get; init; }

    public string ContinuingPrefix { get; init; } = "";

    public string EndSuffix { get; init; } = "";

    public bool FuseUnknown { get; init; }

    public bool ByteFallback { get; init; }

    public bool IgnoreMerges { get; init; }

    /// <summary>Whether pieces arrive as plain text whose UTF-8 bytes are spelled in the byte alphabet first.</summary>
    public bool SpellsBytes { get; init; }
}
