
namespace Coppice.Text.TokenModels;

/// <summary>Tokens as a tree over their UTF-8 bytes, kept in one hash table of (node, byte) to node.</summary>
internal sealed class TokenTrie
{
    // Ten times what the largest vocabularies need; it bounds what a hostile file can make us allocate.
    private const int MostNodes = 1 << 24;

    private long[] _keys = new long[1024];
    private int[] _children = new int[1024];
    private int[] _values = [-1, -1];
    private int _nodes = 1;

    /// <summary>The root node.</summary>
    public const int Root = 1;

    /// <summary>Adds all tokens of a vocabulary with their ids as values.</summary>
    /// <exception cref="CheckpointException">The tokens are too long in sum.</exception>
    public void AddAll(Vocabulary vocabulary)
    {
        for (var id = 0; id < vocabulary.IdCount; id++)
            if (vocabulary.TryText(id, out var token)) Add(token, id);
    }

    /// <summary>Adds a token; a later one with the same bytes replaces an earlier one.</summary>
    public void Add(ReadOnlySpan<byte> token, int value)
    {
        var node = Root;
        foreach (var part in token)
        {
            var slot = Slot(_keys, Key(node, part));
            if (_keys[slot] == 0)
            {
                if (_nodes == MostNodes)
                    throw new CheckpointException(
                        $"tokenizer.json: model.vocab must have tokens of at most {MostNodes} bytes in sum, found more.");
                if (++_nodes * 2 > _keys.Length)
                {
                    Grow();
                    slot = Slot(_keys, Key(node, part));
                }
                _keys[slot] = Key(node, part);
                _children[slot] = _nodes;
                if (_nodes == _values.Length) Array.Resize(ref _values, _nodes * 2);
                _values[_nodes] = -1;
            }
            node = _children[slot];
        }
        _values[node] = value;
    }

    /// <summary>The child of a node, 0 where there is none; 0 itself has none.</summary>
    public int Child(int node, byte part) => _children[Slot(_keys, Key(node, part))];

    /// <summary>The value of the token that ends at a node, -1 where none does.</summary>
    public int Value(int node) => _values[node];

    private static long Key(int node, byte part) => (long)node << 8 | part;

    private static int Slot(long[] keys, long key)
    {
        var mask = keys.Length - 1;
        var slot = (int)((ulong)(key * -7046029254386353131) >> 32) & mask;
        while (keys[slot] != 0 && keys[slot] != key) slot = (slot + 1) & mask;
        return slot;
    }

    private void Grow()
    {
        var keys = new long[_keys.Length * 2];
        var children = new int[keys.Length];
        for (var i = 0; i < _keys.Length; i++)
        {
            if (_keys[i] == 0) continue;
            var slot = Slot(keys, _keys[i]);
            keys[slot] = _keys[i];
            children[slot] = _children[i];
        }
        (_keys, _children) = (keys, children);
    }
}
