using Coppice.Constraints.Tokens;

namespace Coppice.Constraints.Masks;

/// <summary>
/// What comes in tokens after the byte that ends a string, merged: tokens with the same tail share its nodes. So a mask in a string costs
/// a walk over a few hundred tails instead of every token with a quote.
/// </summary>
internal sealed class TailTrie
{
    private TailTrie(int[] whole, byte[] labels, ushort[] depths, int[] after, int[][] tokens, int deepest)
    {
        Whole = whole;
        Labels = labels;
        Depths = depths;
        After = after;
        Tokens = tokens;
        Deepest = deepest;
    }

    /// <summary>Tokens that end with the string.</summary>
    public int[] Whole { get; }

    public byte[] Labels { get; }
    public ushort[] Depths { get; }
    public int[] After { get; }
    public int[][] Tokens { get; }
    public int Deepest { get; }

    /// <summary>The tails of all tokens below the nodes <paramref name="ends"/> of <paramref name="trie"/>.</summary>
    public static TailTrie Of(TokenVocabulary vocabulary, TokenTrie trie, IReadOnlyList<int> ends)
    {
        var whole = new List<int>();
        var tails = new List<(int Start, int Token)>();
        foreach (var end in ends)
            for (var node = end; node < trie.After[end]; node++)
                for (var token = trie.Tokens[node]; token >= 0; token = trie.Twins[token])
                    if (node == end) whole.Add(token);
                    else tails.Add((trie.Depths[end], token));
        tails.Sort((a, b) => vocabulary.BytesOf(a.Token)[a.Start..].SequenceCompareTo(vocabulary.BytesOf(b.Token)[b.Start..]));
        var (labels, depths, after, tokens) = (new List<byte>(), new List<ushort>(), new List<int>(), new List<List<int>>());
        var open = new List<int>();
        var deepest = 0;
        ReadOnlySpan<byte> previous = default;
        foreach (var (start, token) in tails)
        {
            var tail = vocabulary.BytesOf(token)[start..];
            var shared = tail.CommonPrefixLength(previous);
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
                tokens.Add([]);
            }
            tokens[open[^1]].Add(token);
            deepest = Math.Max(deepest, tail.Length);
            previous = tail;
        }
        foreach (var node in open) after[node] = labels.Count;
        return new TailTrie([.. whole], [.. labels], [.. depths], [.. after], [.. tokens.Select(list => list.ToArray())], deepest);
    }
}
