namespace Coppice.Drafting;

/// <summary>Candidates for a token tree, taken by falling score, of equal ones the older first: a binary heap of fixed size.</summary>
/// <typeparam name="T">What a candidate is.</typeparam>
internal sealed class CandidateQueue<T>(int capacity) where T : struct
{
    private readonly (float Score, int Age, T Item)[] _heap = new (float, int, T)[capacity];
    private int _count, _age;

    public int Count => _count;

    /// <summary>Begins anew.</summary>
    public void Clear() => (_count, _age) = (0, 0);

    /// <summary>Adds a candidate; one that does not fit is dropped.</summary>
    public void Add(float score, in T item)
    {
        if (_count == _heap.Length) return;
        var at = _count++;
        var entry = (score, _age++, item);
        for (; at > 0 && Before(entry, _heap[(at - 1) / 2]); at = (at - 1) / 2) _heap[at] = _heap[(at - 1) / 2];
        _heap[at] = entry;
    }

    /// <summary>Takes the best candidate, or says that there is none.</summary>
    public bool TryTake(out T item, out float score)
    {
        (item, score) = (default, 0);
        if (_count == 0) return false;
        (score, _, item) = _heap[0];
        var last = _heap[--_count];
        var at = 0;
        for (var child = 1; child < _count; child = 2 * at + 1)
        {
            if (child + 1 < _count && Before(_heap[child + 1], _heap[child])) child++;
            if (!Before(_heap[child], last)) break;
            _heap[at] = _heap[child];
            at = child;
        }
        _heap[at] = last;
        return true;
    }

    private static bool Before(in (float Score, int Age, T Item) a, in (float Score, int Age, T Item) b) =>
        a.Score > b.Score || (a.Score == b.Score && a.Age < b.Age);
}
