namespace Coppice.Decoding.Drafters;

/// <summary>What a pass over a tree came to.</summary>
/// <param name="tree">The tree as it was drafted; the root alone where there was no draft.</param>
/// <param name="path">Accepted nodes, the root first.</param>
/// <param name="tokens">All tokens of the sequence, with those that the pass gave.</param>
/// <param name="emitted">How many tokens the pass gave: less than the path is long where the text ended inside it.</param>
/// <param name="top">[nodes, topCount]: best tokens behind each node by raw logit, the largest first; -1 in the first place where they were not computed.</param>
/// <param name="topCount">As the drafter asked for.</param>
internal readonly ref struct Verification(
    TokenTree tree, ReadOnlySpan<int> path, ReadOnlySpan<int> tokens, int emitted, ReadOnlySpan<int> top, int topCount)
{
    private readonly ReadOnlySpan<int> _top = top;

    public TokenTree Tree { get; } = tree;
    public ReadOnlySpan<int> Path { get; } = path;
    public ReadOnlySpan<int> Tokens { get; } = tokens;
    /// <summary>The tokens that the pass gave, in order.</summary>
    public ReadOnlySpan<int> Emitted => Tokens[^_emitted..];

    private readonly int _emitted = emitted;

    /// <summary>The target's best tokens behind <paramref name="node"/>, the best first; empty where its row was not computed.</summary>
    public ReadOnlySpan<int> Top(int node)
    {
        if (topCount == 0) return [];
        var row = _top.Slice(node * topCount, topCount);
        return row[0] < 0 ? [] : row;
    }
}
