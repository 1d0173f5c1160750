using System.Diagnostics;

namespace Coppice.Decoding;

/// <summary>Proposed tokens as a tree: node 0 is the last committed token, children continue it; siblings have different tokens.</summary>
/// <remarks>Nodes are numbered so that a parent comes before its children. A structure of arrays, reused from step to step.</remarks>
internal sealed class TokenTree
{
    private const int None = -1;

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
    }

    /// <summary>Nodes that fit, the root among them.</summary>
    public int Capacity { get; }
    /// <summary>Largest depth, plus one.</summary>
    public int PathLength { get; }
    /// <summary>Nodes, the root among them.</summary>
    public int Count { get; private set; }
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Count);
    /// <summary>Distance from the root.</summary>
    public ReadOnlySpan<int> Depths => _depths.AsSpan(0, Count);
    /// <summary>[nodes, pathLength]: the nodes from the root to each node, in order of depth.</summary>
    public ReadOnlySpan<int> Paths => _paths.AsSpan(0, Count * PathLength);

    /// <summary>Begins anew with the root alone.</summary>
    public void Reset(int rootToken)
    {
        Count = 0;
        Append(None, rootToken, 0);
    }

    /// <summary>The child of <paramref name="parent"/> with <paramref name="token"/>: the one there is, or a new one behind its siblings.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such parent, or no room for another node or another level.</exception>
    public int Add(int parent, int token)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(parent);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(parent, Count);
        ArgumentOutOfRangeException.ThrowIfNegative(token);
        if (TryFindChild(parent, token, out var existing)) return existing;
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(_depths[parent] + 1, PathLength, nameof(parent));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(Count, Capacity, nameof(parent));
        return Append(parent, token, _depths[parent] + 1);
    }

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

    /// <summary>The nodes from the root to <paramref name="node"/>.</summary>
    public ReadOnlySpan<int> Path(int node) => _paths.AsSpan(node * PathLength, _depths[node] + 1);

    private int Append(int parent, int token, int depth)
    {
        var node = Count++;
        (_tokens[node], _parents[node], _depths[node]) = (token, parent, depth);
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
