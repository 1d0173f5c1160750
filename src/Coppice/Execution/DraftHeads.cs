namespace Coppice.Execution;

/// <summary>Draft heads of a model as they run: the heads, and the layer before them where they have one.</summary>
/// <param name="heads">Belongs to this from now on.</param>
/// <param name="prefix">Likewise; null where heads read the model's states as they are.</param>
internal sealed class DraftHeads(HeadRunner heads, PrefixLayer? prefix) : IDisposable
{
    /// <summary>The heads.</summary>
    public HeadRunner Heads => heads;
    /// <summary>The layer that states go through first; null for none.</summary>
    public PrefixLayer? Prefix => prefix;
    /// <summary>What the sequences of the model ask of the heads.</summary>
    public HeadBatch Batch { get; } = new(heads);
    /// <summary>Memory of both.</summary>
    public long BytesInUse => heads.BytesInUse + (prefix?.BytesInUse ?? 0);

    /// <summary>Frees everything; drafters that use it must be disposed before.</summary>
    public void Dispose()
    {
        heads.Dispose();
        prefix?.Dispose();
    }
}
