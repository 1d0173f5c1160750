using System.Numerics;

namespace Coppice.Text.TokenModels;

/// <summary>Merge rules of a BPE model: a pair of ids leads to a rank (lower merges first) and the id of the whole.</summary>
internal sealed class MergeTable
{
    private const ulong Empty = ulong.MaxValue;

    private readonly ulong[] _pairs;
    private readonly ulong[] _values;
    private readonly int _shift;

    /// <summary>A table with room for <paramref name="capacity"/> rules.</summary>
    public MergeTable(int capacity)
    {
        var bits = BitOperations.Log2((uint)Math.Max(8, capacity)) + 2;
        _pairs = new ulong[1 << bits];
        _values = new ulong[1 << bits];
        _shift = 64 - bits;
        Array.Fill(_pairs, Empty);
    }

    /// <summary>Adds a rule; a later rule for the same pair replaces the earlier one.</summary>
    public void Add(int left, int right, int rank, int whole)
    {
        var pair = Pair(left, right);
        var slot = Slot(pair);
        _pairs[slot] = pair;
        _values[slot] = (ulong)(uint)rank << 32 | (uint)whole;
    }

    /// <summary>Finds the rule of a pair.</summary>
    public bool TryFind(int left, int right, out int rank, out int whole)
    {
        var pair = Pair(left, right);
        var slot = Slot(pair);
        rank = (int)(_values[slot] >> 32);
        whole = (int)_values[slot];
        return _pairs[slot] == pair;
    }

    private static ulong Pair(int left, int right) => (ulong)(uint)left << 32 | (uint)right;

    private int Slot(ulong pair)
    {
        // Multiplication by 2^64 divided by the golden ratio spreads neighbouring ids (Knuth, volume 3, 6.4).
        var slot = (int)((pair * 0x9E3779B97F4A7C15) >> _shift);
        while (_pairs[slot] != Empty && _pairs[slot] != pair) slot = (slot + 1) & (_pairs.Length - 1);
        return slot;
    }
}
