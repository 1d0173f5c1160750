namespace Coppice.Constraints;

/// <summary>
/// What earlier samples have shown of how much of the model's probability stays in the grammar (ASAp; Park et al., NeurIPS 2024,
/// arXiv 2405.21047). At a node u, A(u) is the probability of the tokens that the grammar allows and phi(u) bounds the probability of
/// ending in the grammar: phi(u) = A(u) - sum over explored a of p(a|u) (1 - phi(ua)). Only visited prefixes are kept, which is exact.
/// </summary>
/// <remarks>
/// Safe for concurrent use: one lock. Shared by all samples of one model, prompt, grammar and temperature. A token of a sample costs the
/// explored children of all prefixes before it; memory is that of the tokens of all samples, each prefix once.
/// </remarks>
public sealed class AsapTrie
{
    private const int Magic = 0x31_50_53_41;

    private const int LongestKey = 1_024;

    private readonly Lock _gate = new();
    private readonly Node _root = new(null, 0);

    /// <summary>The bound at the root: the probability, as far as is known, that the model's text is in the grammar.</summary>
    public double Bound
    {
        get
        {
            lock (_gate) return _root.Future;
        }
    }

    /// <summary>What the trie is learned from, as <see cref="Bind"/> was told; empty before.</summary>
    public string Key { get; private set; } = "";

    /// <summary>Ties the trie to what it is learned from: one model, prompt, grammar and temperature.</summary>
    /// <param name="key">Names them; at most 1,024 bytes of UTF-8.</param>
    /// <exception cref="ArgumentException">The key is empty or too long, or the trie is learned from something else.</exception>
    public void Bind(string key)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        if (System.Text.Encoding.UTF8.GetByteCount(key) > LongestKey)
            throw new ArgumentException($"ASAp trie: the key must have at most {LongestKey:N0} bytes, found {key.Length:N0} characters.",
                nameof(key));
        lock (_gate)
        {
            if (Key.Length == 0) Key = key;
            if (Key != key)
                throw new ArgumentException(
                    "ASAp trie: must be used with the model, prompt, constraint and temperature that it was learned with, found others.",
                    nameof(key));
        }
    }

    /// <summary>Begins a sample.</summary>
    public AsapCursor Begin() => new(this);

    /// <summary>Writes the trie.</summary>
    public void Save(Stream destination)
    {
        using var writer = new BinaryWriter(destination, System.Text.Encoding.UTF8, leaveOpen: true);
        lock (_gate)
        {
            writer.Write(Magic);
            var key = System.Text.Encoding.UTF8.GetBytes(Key);
            writer.Write(key.Length);
            writer.Write(key);
            var open = new Stack<Node>([_root]);
            while (open.TryPop(out var node))
            {
                writer.Write(node.Probability);
                writer.Write(node.Allowed);
                writer.Write(node.Future);
                writer.Write(node.Children.Count);
                foreach (var (token, _) in node.Children) writer.Write(token);
                foreach (var child in node.Children.Values.Reverse()) open.Push(child);
            }
        }
    }

    /// <summary>Reads what <see cref="Save"/> has written.</summary>
    /// <exception cref="InvalidDataException">It is something else.</exception>
    public static AsapTrie Load(Stream source)
    {
        using var reader = new BinaryReader(source, System.Text.Encoding.UTF8, leaveOpen: true);
        var trie = new AsapTrie();
        try
        {
            if (reader.ReadInt32() != Magic)
                throw new InvalidDataException("ASAp trie: must begin with its mark, found something else.");
            var length = reader.ReadInt32();
            if (length is < 0 or > LongestKey)
                throw new InvalidDataException($"ASAp trie: its key must have 0 to {LongestKey:N0} bytes, found {length:N0}.");
            trie.Key = System.Text.Encoding.UTF8.GetString(reader.ReadBytes(length));
            var open = new Stack<Node>([trie._root]);
            while (open.TryPop(out var node)) Read(reader, node, open);
        }
        catch (EndOfStreamException error)
        {
            throw new InvalidDataException("ASAp trie: must hold all nodes that it announces, found its end.", error);
        }
        return trie;
    }

    private static void Read(BinaryReader reader, Node node, Stack<Node> open)
    {
        node.Probability = reader.ReadDouble();
        node.Allowed = reader.ReadDouble();
        node.Future = reader.ReadDouble();
        var count = reader.ReadInt32();
        var isSound = node.Probability is >= 0 and <= 1.000001 && (node.Allowed is -1 or (>= 0 and <= 1.000001))
            && node.Future is >= 0 and <= 1.000001;
        if (!isSound || count is < 0 or > 1 << 24)
            throw new InvalidDataException("ASAp trie: must hold probabilities and counts, found other numbers.");
        var children = new List<Node>();
        for (var i = 0; i < count; i++)
        {
            var child = new Node(node, 0);
            if (!node.Children.TryAdd(reader.ReadInt32(), child))
                throw new InvalidDataException("ASAp trie: must hold each token once, found one twice.");
            children.Add(child);
        }
        for (var i = children.Count - 1; i >= 0; i--) open.Push(children[i]);
    }

    internal Node Root => _root;

    internal Lock Gate => _gate;

    /// <summary>A visited prefix.</summary>
    internal sealed class Node(Node? parent, double probability)
    {
        public Node? Parent { get; } = parent;

        /// <summary>p(last token | prefix before it), over the whole vocabulary.</summary>
        public double Probability { get; set; } = probability;

        /// <summary>A(u); -1 before the first visit.</summary>
        public double Allowed { get; set; } = -1;

        public double Future { get; set; } = 1;

        public Dictionary<int, Node> Children { get; } = [];

        /// <summary>
        /// Works phi out from what is known of the children. A sum of small parts keeps them, as a difference from 1 would not.
        /// </summary>
        public void Bound()
        {
            if (Allowed < 0) return;
            var (explored, future) = (0.0, 0.0);
            foreach (var child in Children.Values)
            {
                explored += child.Probability;
                future += child.Probability * child.Future;
            }
            // It never rises: what rounding adds is not taken.
            Future = Math.Min(Math.Max(Allowed - explored, 0) + future, Future);
        }
    }
}

/// <summary>Where one sample stands in an <see cref="AsapTrie"/>.</summary>
/// <remarks>
/// For each token: <see cref="Visit(ReadOnlySpan{float}, ReadOnlySpan{ulong})"/> with the row's probabilities and the mask, add
/// <see cref="Adjust"/> to the logits, draw, and <see cref="Descend"/>. Nothing but temperature may change the row before, else the
/// guarantee is lost.
/// </remarks>
public sealed class AsapCursor
{
    private readonly AsapTrie _trie;
    private AsapTrie.Node _node;

    internal AsapCursor(AsapTrie trie)
    {
        _trie = trie;
        _node = trie.Root;
    }

    /// <summary>Tells how much probability the grammar's mask leaves here.</summary>
    /// <param name="probabilities">Softmax over the whole row, without any mask.</param>
    /// <param name="mask">The mask; ends of text are allowed where the grammar may end.</param>
    public void Visit(ReadOnlySpan<float> probabilities, ReadOnlySpan<ulong> mask)
    {
        var allowed = 0.0;
        for (var id = 0; id < probabilities.Length; id++)
            if (((mask[id >> 6] >> id) & 1) != 0) allowed += probabilities[id];
        Visit(Math.Min(allowed, 1));
    }

    /// <summary>Tells the probability of all allowed tokens together.</summary>
    public void Visit(double allowed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(allowed);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(allowed, 1 + 1e-6);
        lock (_trie.Gate)
        {
            if (_node.Allowed >= 0) return;
            _node.Allowed = allowed;
            for (var at = _node; at is not null; at = at.Parent) at.Bound();
        }
    }

    /// <summary>Adds ln phi of each explored child to the logits, so that tokens with little grammatical future are drawn less.</summary>
    public void Adjust(Span<float> logits)
    {
        lock (_trie.Gate)
            foreach (var (token, child) in _node.Children)
                logits[token] = child.Future <= 0 ? float.NegativeInfinity : logits[token] + (float)Math.Log(child.Future);
    }

    /// <summary>The same for probabilities, up to a common factor: multiplies that of each explored child by phi.</summary>
    /// <param name="weights">[vocabulary].</param>
    public void Weigh(Span<double> weights)
    {
        lock (_trie.Gate)
            foreach (var (token, child) in _node.Children)
                if ((uint)token < (uint)weights.Length) weights[token] *= child.Future;
    }

    /// <summary>The bound after <paramref name="token"/>: 1 where it has never come.</summary>
    public double BoundOf(int token)
    {
        lock (_trie.Gate) return _node.Children.TryGetValue(token, out var child) ? child.Future : 1;
    }

    /// <summary>Goes on with the drawn token.</summary>
    /// <param name="token">The token; not an end of text, whose bound is always 1.</param>
    /// <param name="probability">Its probability over the whole row, without any mask.</param>
    public void Descend(int token, double probability)
    {
        lock (_trie.Gate)
        {
            if (!_node.Children.TryGetValue(token, out var child)) _node.Children[token] = child = new AsapTrie.Node(_node, probability);
            _node = child;
        }
    }
}
