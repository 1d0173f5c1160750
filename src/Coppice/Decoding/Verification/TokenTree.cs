using System.Diagnostics;

namespace Coppice.Decoding.Verification;

/// <summary>Where a node of a token tree comes from, which decides the rule that accepts it.</summary>
internal enum NodeKind : byte
{
    /// <summary>The last committed token.</summary>
    Root,
    /// <summary>Proposed outright: its proposal is a point mass.</summary>
    Deterministic,
    /// <summary>Drawn from the drafter's distribution after its parent, earlier siblings removed.</summary>
    SampledWithoutReplacement,
}

/// <summary>Proposed tokens as a tree: node 0 is the last committed token, children continue it; siblings have different tokens.</summary>
/// <remarks>
/// Nodes are numbered so that a parent comes before its children; siblings are in the order in which they were added, which is the order of
/// verification. A structure of arrays, reused from step to step.
/// </remarks>
internal sealed class TokenTree
{
    /// <summary>No node.</summary>
    public const int None = -1;

    private readonly NodeKind[] _kinds;
    private StopRule? _stop;
    private readonly int[] _tokens, _parents, _depths, _firstChild, _lastChild, _nextSibling, _paths;

    /// <summary>Room for trees of at most <paramref name="capacity"/> nodes, none deeper than <paramref name="maxDepth"/>.</summary>
    public TokenTree(int capacity, int maxDepth)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(maxDepth);
        (Capacity, PathLength) = (capacity, maxDepth + 1);
        (_tokens, _parents, _depths) = (new int[capacity], new int[capacity], new int[capacity]);
        (_firstChild, _lastChild, _nextSibling) = (new int[capacity], new int[capacity], new int[capacity]);
        _paths = new int[capacity * PathLength];
        _kinds = new NodeKind[capacity];
    }

    /// <summary>Nodes that fit, the root among them.</summary>
    public int Capacity { get; }
    /// <summary>Largest depth, plus one.</summary>
    public int PathLength { get; }
    /// <summary>Nodes, the root among them.</summary>
    public int Count { get; private set; }
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Count);
    /// <summary>The node above each node, <see cref="None"/> for the root.</summary>
    public ReadOnlySpan<int> Parents => _parents.AsSpan(0, Count);
    /// <summary>Distance from the root.</summary>
    public ReadOnlySpan<int> Depths => _depths.AsSpan(0, Count);
    /// <summary>[nodes, pathLength]: the nodes from the root to each node, in order of depth.</summary>
    public ReadOnlySpan<int> Paths => _paths.AsSpan(0, Count * PathLength);

    /// <summary><see cref="Tokens"/>, for a pass that runs later.</summary>
    public ReadOnlyMemory<int> TokenMemory => _tokens.AsMemory(0, Count);
    /// <summary><see cref="Depths"/>, likewise.</summary>
    public ReadOnlyMemory<int> DepthMemory => _depths.AsMemory(0, Count);
    /// <summary><see cref="Paths"/>, likewise.</summary>
    public ReadOnlyMemory<int> PathMemory => _paths.AsMemory(0, Count * PathLength);

    public ReadOnlySpan<NodeKind> Kinds => _kinds.AsSpan(0, Count);
    /// <summary>Whether a node was drawn, so that rules V2 and V3 hold.</summary>
    public bool IsSampled { get; private set; }

    /// <summary>Tokens that a pass over the tree is expected to give, as its drafter estimates: 1 for the root alone.</summary>
    public double ExpectedTokens { get; set; } = 1;

    /// <summary>Begins anew with the root alone.</summary>
    /// <param name="rootToken">The last committed token.</param>
    /// <param name="stop">Says which tokens end the text; null for none.</param>
    public void Reset(int rootToken, StopRule? stop = null)
    {
        (Count, IsSampled, _stop) = (0, false, stop);
        ExpectedTokens = 1;
        Append(None, rootToken, 0, NodeKind.Root);
    }

    /// <summary>
    /// The child of <paramref name="parent"/> with <paramref name="token"/>: the one there is, or a new one after its siblings.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such parent, or no room for another node or another level.</exception>
    public int Add(int parent, int token)
    {
        Check(parent, token);
        return TryFindChild(parent, token, out var existing) ? existing : AppendChecked(parent, token, NodeKind.Deterministic);
    }

    /// <summary>
    /// A new child of <paramref name="parent"/>, drawn from the drafter's proposal after it without the siblings drawn before.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such parent, or no room for another node or another level.</exception>
    /// <exception cref="ArgumentException">A sibling has the token: it was not drawn without replacement.</exception>
    public int AddSampled(int parent, int token)
    {
        Check(parent, token);
        if (TryFindChild(parent, token, out _))
            throw new ArgumentException($"tree: node {parent} must have no child with token {token} before it is drawn.", nameof(token));
        IsSampled = true;
        return AppendChecked(parent, token, NodeKind.SampledWithoutReplacement);
    }

    /// <summary>The first child of <paramref name="node"/> in the order of verification, or <see cref="None"/>.</summary>
    public int FirstChild(int node) => _firstChild[node];

    /// <summary>The sibling after <paramref name="node"/> in the order of verification, or <see cref="None"/>.</summary>
    public int NextSibling(int node) => _nextSibling[node];

    /// <summary>Finds the child of <paramref name="node"/> with <paramref name="token"/>.</summary>
    public bool TryFindChild(int node, int token, out int child)
    {
        for (child = _firstChild[node]; child != None; child = _nextSibling[child])
        {
            if (_tokens[child] == token) return true;
        }
        child = 0;
        return false;
    }

    /// <summary>Whether the text ends with <paramref name="token"/>, so that nothing below a node with it is of use.</summary>
    public bool Ends(int token) => _stop?.Ends(token) == true;

    /// <summary>
    /// Whether children of <paramref name="node"/> are of use: it lies above <paramref name="maxDepth"/> and the text does not end with it.
    /// Drafters ask before they propose any.
    /// </summary>
    public bool MayExtend(int node, int maxDepth) => _depths[node] < maxDepth && (node == 0 || !Ends(_tokens[node]));

    /// <summary>The nodes from the root to <paramref name="node"/>.</summary>
    public ReadOnlySpan<int> Path(int node) => _paths.AsSpan(node * PathLength, _depths[node] + 1);

    private void Check(int parent, int token)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(parent);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(parent, Count);
        ArgumentOutOfRangeException.ThrowIfNegative(token);
    }

    private int AppendChecked(int parent, int token, NodeKind kind)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(_depths[parent] + 1, PathLength, nameof(parent));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(Count, Capacity, nameof(parent));
        return Append(parent, token, _depths[parent] + 1, kind);
    }

    private int Append(int parent, int token, int depth, NodeKind kind)
    {
        var node = Count++;
        (_tokens[node], _parents[node], _depths[node], _kinds[node]) = (token, parent, depth, kind);
        (_firstChild[node], _lastChild[node], _nextSibling[node]) = (None, None, None);
        if (parent != None)
        {
            if (_lastChild[parent] == None) _firstChild[parent] = node;
            else _nextSibling[_lastChild[parent]] = node;
            _lastChild[parent] = node;
            Path(parent).CopyTo(_paths.AsSpan(node * PathLength));
        }
        _paths[node * PathLength + depth] = node;
        Debug.Assert(parent < node, "a parent comes before its children");
        return node;
    }
}
