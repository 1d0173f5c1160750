namespace Coppice.Drafting;

/// <summary>For every token the places where it occurs in a sequence that grows, the last one first.</summary>
/// <remarks>A hash table whose slots begin linked lists through the places; allocates nothing after construction.</remarks>
internal sealed class OccurrenceChains
{
    private const int None = -1;
    private readonly int[] _heads, _before, _tokens;
    private int _count;

    /// <summary>Room for sequences of <paramref name="capacity"/> tokens.</summary>
    public OccurrenceChains(int capacity)
    {
        _heads = new int[(int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(capacity, 2))];
        (_before, _tokens) = (new int[capacity], new int[capacity]);
        Clear();
    }

    /// <summary>Forgets the sequence.</summary>
    public void Clear()
    {
        _count = 0;
        _heads.AsSpan().Fill(None);
    }

    /// <summary>Takes what <paramref name="sequence"/> has behind what was taken before.</summary>
    public void Extend(ReadOnlySpan<int> sequence)
    {
        for (; _count < sequence.Length; _count++)
        {
            ref var head = ref _heads[Slot(sequence[_count])];
            (_tokens[_count], _before[_count]) = (sequence[_count], head);
            head = _count;
        }
    }

    /// <summary>The place of the same token before <paramref name="place"/>, or -1.</summary>
    public int Before(int place)
    {
        var before = _before[place];
        while (before != None && _tokens[before] != _tokens[place]) before = _before[before];
        return before;
    }

    private int Slot(int token) => (int)((uint)token * 2654435769u >> 7) & (_heads.Length - 1);
}
