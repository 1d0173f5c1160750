namespace Coppice.Drafting;

/// <summary>
/// Continuations that were found in earlier text, merged where they begin alike, with the number of times that each was found.
/// </summary>
/// <remarks>Nodes are numbered so that a parent comes before its children; node 0 is the token after which they were found.</remarks>
/// <param name="capacity">Nodes that fit; what does not is left out.</param>
internal sealed class RetrievedTrie(int capacity)
{
    private readonly int[] _tokens = new int[capacity], _parents = new int[capacity], _counts = new int[capacity];

    /// <summary>Nodes that fit.</summary>
    public int Capacity => capacity;

    /// <summary>Nodes, the root among them.</summary>
    public int Count { get; private set; } = 1;

    /// <summary>Forgets everything and expects <paramref name="places"/> places, where their number is known beforehand.</summary>
    public void Clear(int places = 0) => (Count, _counts[0]) = (1, places);

    /// <summary>A continuation was found.</summary>
    public void Add(ReadOnlySpan<int> continuation)
    {
        var node = 0;
        _counts[0]++;
        foreach (var token in continuation)
        {
            if (!TryFindChild(node, token, out var child))
            {
                if (Count == capacity) return;
                child = Append(node, token, 0);
            }
            node = child;
            _counts[node]++;
        }
    }

    /// <summary>A child that <paramref name="parent"/> does not have, found a number of times.</summary>
    public int Append(int parent, int token, int count)
    {
        (_tokens[Count], _parents[Count], _counts[Count]) = (token, parent, count);
        return Count++;
    }

    public int Token(int node) => _tokens[node];

    public int Parent(int node) => _parents[node];

    /// <summary>How many of those that reach the parent go on with this node.</summary>
    public double Share(int node) => (double)_counts[node] / _counts[_parents[node]];

    private bool TryFindChild(int node, int token, out int child)
    {
        for (child = node + 1; child < Count; child++)
        {
            if (_parents[child] == node && _tokens[child] == token) return true;
        }
        return false;
    }
}
