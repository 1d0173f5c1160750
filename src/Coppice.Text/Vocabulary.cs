using System.Text;

namespace Coppice.Text;

/// <summary>Tokens and their ids, both ways: the UTF-8 texts lie in one block and are found by hash, without a string per token.</summary>
internal sealed class Vocabulary
{
    /// <summary>One more than the largest id that a file may use; it bounds what a hostile file can make us allocate.</summary>
    public const int IdLimit = 1 << 24;

    private byte[] _text;
    private int[] _ends;
    private int[] _ids;
    private int[] _slots;
    private int[] _entryOfId = [];
    private int _count;

    /// <summary>An empty vocabulary with room for about <paramref name="capacity"/> tokens.</summary>
    public Vocabulary(int capacity)
    {
        capacity = Math.Max(16, capacity);
        _text = new byte[capacity * 8];
        _ends = new int[capacity];
        _ids = new int[capacity];
        _slots = new int[PowerOfTwo(capacity * 2)];
    }

    /// <summary>Different tokens.</summary>
    public int Count => _count;

    /// <summary>One more than the largest id.</summary>
    public int IdCount { get; private set; }

    /// <summary>The longest token in UTF-8 bytes.</summary>
    public int LongestToken { get; private set; }

    /// <summary>Adds a token; one that is there already takes the new id.</summary>
    public void Add(ReadOnlySpan<byte> token, int id)
    {
        var slot = Slot(token);
        IdCount = Math.Max(IdCount, id + 1);
        if (_slots[slot] != 0)
        {
            _ids[_slots[slot] - 1] = id;
            return;
        }
        var start = _count == 0 ? 0 : _ends[_count - 1];
        if (_count == _ids.Length) Grow();
        if (start + token.Length > _text.Length) Array.Resize(ref _text, Math.Max(_text.Length * 2, start + token.Length));
        token.CopyTo(_text.AsSpan(start));
        _ends[_count] = start + token.Length;
        _ids[_count] = id;
        _slots[Slot(token)] = ++_count;
        LongestToken = Math.Max(LongestToken, token.Length);
    }

    /// <summary>Prepares the way from ids to tokens; of several tokens with one id the first is kept.</summary>
    public void Complete()
    {
        _entryOfId = new int[IdCount];
        for (var entry = _count - 1; entry >= 0; entry--) _entryOfId[_ids[entry]] = entry + 1;
    }

    /// <summary>Finds a token's id.</summary>
    public bool TryFind(ReadOnlySpan<byte> token, out int id)
    {
        var entry = _slots[Slot(token)];
        id = entry == 0 ? 0 : _ids[entry - 1];
        return entry != 0;
    }

    /// <summary>Finds a token's id.</summary>
    public bool TryFind(ReadOnlySpan<char> token, out int id)
    {
        id = 0;
        if (token.Length > LongestToken) return false;
        var most = token.Length * 3;
        Span<byte> bytes = most <= 512 ? stackalloc byte[most] : new byte[most];
        return TryFind(bytes[..Encoding.UTF8.GetBytes(token, bytes)], out id);
    }

    /// <summary>The UTF-8 text of a token; false where no token has the id.</summary>
    public bool TryText(int id, out ReadOnlySpan<byte> token)
    {
        token = default;
        if ((uint)id >= (uint)_entryOfId.Length || _entryOfId[id] == 0) return false;
        token = Entry(_entryOfId[id] - 1);
        return true;
    }

    private ReadOnlySpan<byte> Entry(int entry) => _text.AsSpan((entry == 0 ? 0 : _ends[entry - 1])..(_ends[entry]));

    private int Slot(ReadOnlySpan<byte> token)
    {
        var hash = new HashCode();
        hash.AddBytes(token);
        var mask = _slots.Length - 1;
        var slot = hash.ToHashCode() & mask;
        while (_slots[slot] != 0 && !Entry(_slots[slot] - 1).SequenceEqual(token)) slot = (slot + 1) & mask;
        return slot;
    }

    private void Grow()
    {
        Array.Resize(ref _ends, _ends.Length * 2);
        Array.Resize(ref _ids, _ids.Length * 2);
        if (_ids.Length * 2 <= _slots.Length) return;
        _slots = new int[_slots.Length * 2];
        for (var entry = 0; entry < _count; entry++) _slots[Slot(Entry(entry))] = entry + 1;
    }

    private static int PowerOfTwo(int atLeast) => (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)atLeast);
}
