using Coppice.Constraints.Tokens;

namespace Coppice.Constraints.Masks;

/// <summary>
/// A way from one place of a text to its end: some bytes, and the way from the place that they lead to, which others share. In how few
/// tokens the bytes can be split is found when it is first asked for.
/// </summary>
internal sealed class EndingText
{
    private readonly byte[] _text;
    private readonly EndingText? _after;
    private byte[] _head = [];              // the first bytes of the whole way, as many as the longest token has
    private int[]? _tokens;                 // from each of them on the fewest tokens; int.MaxValue where there is no split

    /// <summary>The way of <paramref name="text"/> and then of <paramref name="after"/>.</summary>
    public EndingText(byte[] text, EndingText after)
    {
        (_text, _after) = (text, after);
        Bytes = text.Length + after.Bytes;
    }

    private EndingText() => (_text, _tokens) = ([], [0]);

    /// <summary>The text may end here.</summary>
    public static EndingText Nothing { get; } = new();

    /// <summary>Bytes in all.</summary>
    public int Bytes { get; }

    /// <summary>The fewest tokens that the bytes can be split into; int.MaxValue where they cannot be split.</summary>
    public int Tokens(TokenTrie trie)
    {
        if (_tokens is null) Split(trie);
        return _tokens![0];
    }

    /// <summary>The first token of such a split; -1 where there is none.</summary>
    public int First(TokenTrie trie)
    {
        if (Tokens(trie) is 0 or int.MaxValue) return -1;
        foreach (var (length, token) in trie.TokensAt(_head))
            if (_tokens![length] == _tokens[0] - 1) return token;
        return -1;
    }

    private void Split(TokenTrie trie)
    {
        // Texts may be nested as deep as they are long: no recursion.
        var open = new Stack<EndingText>();
        for (var at = this; at._tokens is null; at = at._after!) open.Push(at);
        foreach (var ending in open) ending.SplitBefore(trie);
    }

    /// <summary>From the last byte to the first, once it is known of what comes after.</summary>
    private void SplitBefore(TokenTrie trie)
    {
        var after = _after!;
        byte[] text = [.. _text, .. after._head];
        var tokens = new int[text.Length + 1];
        after._tokens!.CopyTo(tokens, _text.Length);
        for (var start = _text.Length - 1; start >= 0; start--)
        {
            var fewest = int.MaxValue;
            foreach (var (length, _) in trie.TokensAt(text.AsSpan(start)))
                if (tokens[start + length] < fewest) fewest = tokens[start + length] + 1;
            tokens[start] = fewest;
        }
        var kept = Math.Min(text.Length, trie.LongestToken);
        _head = text.Length == kept ? text : text[..kept];
        _tokens = tokens.Length == kept + 1 ? tokens : tokens[..(kept + 1)];
    }
}
