namespace Coppice.Decoding.Drafters;

/// <summary>What a drafter may use to propose: the tokens so far and how large the tree may become.</summary>
/// <param name="tokens">All tokens of the sequence, the last one the root of the tree.</param>
/// <param name="maxNodes">Nodes, the root counted.</param>
/// <param name="maxDepth">Depth of the deepest node that can still be used.</param>
internal readonly ref struct DraftRequest(ReadOnlySpan<int> tokens, int maxNodes, int maxDepth)
{
    public ReadOnlySpan<int> Tokens { get; } = tokens;
    public int MaxNodes { get; } = maxNodes;
    public int MaxDepth { get; } = maxDepth;
}

/// <summary>Proposes tokens that the model verifies in one pass.</summary>
internal abstract class Drafter : IDisposable
{
    /// <summary>A generation begins with <paramref name="prompt"/>.</summary>
    public virtual void Begin(ReadOnlySpan<int> prompt) { }

    /// <summary>Adds nodes under the root of <paramref name="tree"/>, within the limits of <paramref name="request"/>; none is fine.</summary>
    public abstract void Draft(in DraftRequest request, TokenTree tree);

    /// <summary>The model has produced <paramref name="tokens"/>.</summary>
    public virtual void Accept(ReadOnlySpan<int> tokens) { }

    /// <summary>Frees what the drafter holds.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what the drafter holds.</summary>
    protected virtual void Dispose(bool disposing) { }
}
