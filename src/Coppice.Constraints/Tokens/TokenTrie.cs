namespace Coppice.Constraints.Tokens;

/// <summary>
/// The bytes of many tokens as a trie, laid out flat in depth-first order: after node i comes its first child, and
/// <see cref="After"/>[i] is the first node that is not below it. So a walk needs no recursion: where a byte is refused it jumps over the
/// subtree, else it goes on to the next node.
/// </summary>
internal sealed class TokenTrie
{
    private readonly int[] _first = new int[256];       // for each byte the node that it leads to from the root, or -1

    /// <summary>Makes the trie of <paramref name="ids"/>; those without bytes are left out.</summary>
    /// <param name="vocabulary">The tokens.</param>
    /// <param name="ids">Which of them: of those with the same bytes all or none.</param>
    /// <param name="twins">The twins of the whole vocabulary where they are known.</param>
    public TokenTrie(TokenVocabulary vocabulary, IEnumerable<int> ids, int[]? twins = null)
    {
        var sorted = ids.Where(id => vocabulary.BytesOf(id).Length > 0).ToArray();
        Array.Sort(sorted, (a, b) => vocabulary.BytesOf(a).SequenceCompareTo(vocabulary.BytesOf(b)) is var order && order != 0
            ? order
            : a - b);
        var (labels, depths, tokens, after) = (new List<byte>(), new List<ushort>(), new List<int>(), new List<int>());
        Twins = twins ?? new int[vocabulary.Count];
        if (twins is null) Array.Fill(Twins, -1);
        var open = new List<int>();
        ReadOnlySpan<byte> previous = default;
        var last = -1;
        foreach (var id in sorted)
        {
            var bytes = vocabulary.BytesOf(id);
            if (bytes.Length > ushort.MaxValue)
                throw new ArgumentException($"vocabulary: a token must have at most 65,535 bytes, found {bytes.Length:N0} in id {id}.");
            if (last >= 0 && bytes.SequenceEqual(previous))
            {
                if (twins is null) Twins[last] = id;
                last = id;
                continue;
            }
            var shared = bytes.CommonPrefixLength(previous);
            while (open.Count > shared)
            {
                after[open[^1]] = labels.Count;
                open.RemoveAt(open.Count - 1);
            }
            for (var depth = shared; depth < bytes.Length; depth++)
            {
                open.Add(labels.Count);
                labels.Add(bytes[depth]);
                depths.Add((ushort)(depth + 1));
                tokens.Add(-1);
                after.Add(0);
            }
            tokens[^1] = id;
            LongestToken = Math.Max(LongestToken, bytes.Length);
            previous = bytes;
            last = id;
        }
        foreach (var node in open) after[node] = labels.Count;
        Labels = [.. labels];
        Depths = [.. depths];
        Tokens = [.. tokens];
        After = [.. after];
        Array.Fill(_first, -1);
        for (var node = 0; node < Count; node = After[node]) _first[Labels[node]] = node;
    }

    /// <summary>The byte that leads into each node.</summary>
    public byte[] Labels { get; }

    /// <summary>How many bytes lead to each node; 1 for the first ones.</summary>
    public ushort[] Depths { get; }

    /// <summary>The token that ends at each node, or -1.</summary>
    public int[] Tokens { get; }

    /// <summary>The first node in depth-first order that is not below each node.</summary>
    public int[] After { get; }

    /// <summary>For each token the next token with the same bytes, or -1.</summary>
    public int[] Twins { get; }

    /// <summary>Bytes of the longest token.</summary>
    public int LongestToken { get; }

    /// <summary>Number of nodes.</summary>
    public int Count => Labels.Length;

    /// <summary>The tokens that <paramref name="text"/> begins with, the shortest first, each with its bytes.</summary>
    public Beginnings TokensAt(ReadOnlySpan<byte> text) => new(this, text);

    /// <summary>
    /// The nodes of all bytes that go on after <paramref name="text"/>: from the first to before the end; none where no token does.
    /// </summary>
    public (int First, int End) Below(ReadOnlySpan<byte> text)
    {
        var (node, end) = (0, Count);
        foreach (var value in text)
        {
            while (node < end && Labels[node] < value) node = After[node];
            if (node >= end || Labels[node] != value) return (0, 0);
            end = After[node];
            node++;
        }
        return (node, end);
    }

    /// <summary>The longest token that <paramref name="text"/> begins with, or -1, and its bytes.</summary>
    public int LongestAt(ReadOnlySpan<byte> text, out int length)
    {
        var longest = -1;
        length = 0;
        foreach (var (bytes, token) in TokensAt(text)) (longest, length) = (token, bytes);
        return longest;
    }

    /// <summary>The tokens that a text begins with.</summary>
    public ref struct Beginnings(TokenTrie trie, ReadOnlySpan<byte> text)
    {
        private readonly ReadOnlySpan<byte> _text = text;
        private int _node, _end = trie.Count, _depth;

        /// <summary>Length in bytes, and the token.</summary>
        public (int Length, int Token) Current { get; private set; }

        public readonly Beginnings GetEnumerator() => this;

        public bool MoveNext()
        {
            var (labels, after) = (trie.Labels, trie.After);
            while (_depth < _text.Length)
            {
                var value = _text[_depth];
                if (_depth == 0) _node = trie._first[value];
                else while (_node < _end && labels[_node] < value) _node = after[_node];
                if ((uint)_node >= (uint)_end || labels[_node] != value) return false;
                var token = trie.Tokens[_node];
                _end = after[_node++];
                _depth++;
                if (token < 0) continue;
                Current = (_depth, token);
                return true;
            }
            return false;
        }
    }
}
