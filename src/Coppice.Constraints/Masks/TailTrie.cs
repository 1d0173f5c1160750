namespace Coppice.Constraints.Masks;

/// <summary>
/// What comes in tokens after the byte that ends a string, merged: tokens with the same tail share its nodes. So a mask in a string costs
/// a walk over a few hundred tails instead of every token with a quote. Laid out as <see cref="Tokens.TokenTrie"/>.
/// </summary>
internal sealed class TailTrie
{
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);

    /// <summary>The trie of <paramref name="tails"/>, which are distinct and in order; each has the number of its place there.</summary>
    public TailTrie(byte[][] tails)
    {
        var (labels, depths, after, ids) = (new List<byte>(), new List<ushort>(), new List<int>(), new List<int>());
        var open = new List<int>();
        byte[] previous = [];
        for (var id = 0; id < tails.Length; id++)
        {
            var tail = tails[id];
            _ids[Key(tail)] = id;
            var shared = tail.AsSpan().CommonPrefixLength(previous);
            while (open.Count > shared)
            {
                after[open[^1]] = labels.Count;
                open.RemoveAt(open.Count - 1);
            }
            for (var depth = shared; depth < tail.Length; depth++)
            {
                open.Add(labels.Count);
                labels.Add(tail[depth]);
                depths.Add((ushort)(depth + 1));
                after.Add(0);
                ids.Add(-1);
            }
            if (tail.Length > 0) ids[^1] = id;
            Deepest = Math.Max(Deepest, tail.Length);
            previous = tail;
        }
        foreach (var node in open) after[node] = labels.Count;
        (Count, Tails, Labels, Depths, After, Ids) = (tails.Length, tails, [.. labels], [.. depths], [.. after], [.. ids]);
    }

    /// <summary>Number of tails.</summary>
    public int Count { get; }

    /// <summary>Their bytes.</summary>
    public byte[][] Tails { get; }

    public byte[] Labels { get; }
    public ushort[] Depths { get; }
    public int[] After { get; }

    /// <summary>The tail that ends at each node, or -1.</summary>
    public int[] Ids { get; }

    public int Deepest { get; }

    /// <summary>The number of a tail.</summary>
    public int IdOf(ReadOnlySpan<byte> tail) => _ids[Key(tail)];

    private static string Key(ReadOnlySpan<byte> tail) => System.Text.Encoding.Latin1.GetString(tail);
}
