namespace Coppice.Constraints.Deny;

/// <summary>Finds which of many sequences ends at each place of a stream (Aho and Corasick, 1975).</summary>
/// <typeparam name="T">What the sequences are made of.</typeparam>
internal sealed class AhoCorasick<T> where T : notnull
{
    private readonly List<Dictionary<T, int>> _children = [[]];
    private readonly List<int> _fallbacks = [0];
    private readonly List<int> _hits = [-1];

    /// <summary>The automaton of <paramref name="sequences"/>; empty ones are left out.</summary>
    public AhoCorasick(IReadOnlyList<IReadOnlyList<T>> sequences)
    {
        for (var i = 0; i < sequences.Count; i++)
        {
            if (sequences[i].Count == 0) continue;
            var node = 0;
            foreach (var item in sequences[i]) node = Child(node, item);
            if (_hits[node] < 0) _hits[node] = i;
        }
        var queue = new Queue<int>(_children[0].Values);
        while (queue.TryDequeue(out var node))
            foreach (var (item, child) in _children[node])
            {
                _fallbacks[child] = Step(_fallbacks[node], item);
                if (_hits[child] < 0) _hits[child] = _hits[_fallbacks[child]];
                queue.Enqueue(child);
            }
    }

    /// <summary>Whether there is no sequence.</summary>
    public bool IsEmpty => _children.Count == 1;

    /// <summary>The state after <paramref name="item"/>; 0 is the start.</summary>
    public int Step(int state, T item)
    {
        for (; ; state = _fallbacks[state])
        {
            if (_children[state].TryGetValue(item, out var child)) return child;
            if (state == 0) return 0;
        }
    }

    /// <summary>The sequence that ends in <paramref name="state"/>, or -1.</summary>
    public int Hit(int state) => _hits[state];

    private int Child(int node, T item)
    {
        if (_children[node].TryGetValue(item, out var child)) return child;
        _children.Add([]);
        _fallbacks.Add(0);
        _hits.Add(-1);
        return _children[node][item] = _children.Count - 1;
    }
}
