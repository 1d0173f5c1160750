using Coppice.Drafting.Datastores;

namespace Coppice.Drafting;

/// <summary>
/// ADED's table as it adapts: for pairs of tokens what may follow, with weights that grow with every occurrence; over a store that stays as
/// it is.
/// </summary>
/// <remarks>
/// A hash table of fixed size; a pair that is bumped begins with its row of the store. When it is nearly full it is emptied: the store
/// remains. A full row loses its smallest weight. Nothing is allocated after construction.
/// </remarks>
internal sealed class TrigramTable
{
    /// <summary>Successors of a row: those of the store and a few of the text.</summary>
    public const int RowLength = TrigramStore.Width + 4;

    private readonly TrigramStore? _store;
    private readonly ulong[] _keys;
    private readonly byte[] _lengths;       // 0: empty
    private readonly Successor[] _rows;
    private int _count;

    /// <summary>An empty table with 2^<paramref name="bits"/> slots over <paramref name="store"/>, if any.</summary>
    public TrigramTable(int bits, TrigramStore? store)
    {
        _store = store;
        (_keys, _lengths, _rows) = (new ulong[1 << bits], new byte[1 << bits], new Successor[RowLength << bits]);
    }

    /// <summary>Held while the table is used: the drafters of several sessions may share it.</summary>
    public Lock Lock { get; } = new();

    /// <summary>Forgets everything but the store.</summary>
    public void Clear()
    {
        _lengths.AsSpan().Clear();
        _count = 0;
    }

    /// <summary>What may follow two tokens, by falling weight, then by token; empty where nothing is known.</summary>
    public ReadOnlySpan<Successor> Row(int first, int second)
    {
        var key = TrigramStore.Key(first, second);
        var slot = Slot(key);
        if (_lengths[slot] > 0) return _rows.AsSpan(slot * RowLength, _lengths[slot]);
        return _store is null ? [] : _store.Row(key);
    }

    /// <summary>
    /// Adds <paramref name="step"/> to the weight of <paramref name="token"/> after two tokens, up to <paramref name="most"/>.
    /// </summary>
    public void Bump(int first, int second, int token, float step, float most)
    {
        if (4 * _count > 3 * _keys.Length) Clear();
        var key = TrigramStore.Key(first, second);
        var slot = Slot(key);
        var row = _rows.AsSpan(slot * RowLength, RowLength);
        if (_lengths[slot] == 0) Begin(slot, key, row);
        int at = 0, length = _lengths[slot];
        while (at < length && row[at].Token != token) at++;
        var weight = at < length ? row[at].Weight + step : step;
        if (at == length && length < RowLength) length = ++_lengths[slot];
        else if (at == length) at = length - 1;
        var bumped = new Successor(token, Math.Min(weight, most));
        for (; at > 0 && Before(bumped, row[at - 1]); at--) row[at] = row[at - 1];
        row[at] = bumped;
    }

    private void Begin(int slot, ulong key, Span<Successor> row)
    {
        var stored = _store is null ? [] : _store.Row(key);
        stored.CopyTo(row);
        (_keys[slot], _lengths[slot]) = (key, (byte)stored.Length);
        _count++;
    }

    /// <summary>The slot of a key, or the empty one where it belongs.</summary>
    private int Slot(ulong key)
    {
        var slot = (int)(key * 0x9E3779B97F4A7C15 >> 32) & (_keys.Length - 1);
        while (_lengths[slot] > 0 && _keys[slot] != key) slot = (slot + 1) & (_keys.Length - 1);
        return slot;
    }

    private static bool Before(Successor a, Successor b) => a.Weight > b.Weight || (a.Weight == b.Weight && a.Token < b.Token);
}
