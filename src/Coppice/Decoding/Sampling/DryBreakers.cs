namespace Coppice.Decoding.Sampling;

/// <summary>Token sequences that a repetition does not reach across.</summary>
/// <param name="sequences">By their first token what follows it; nothing for a token that holds a whole breaker.</param>
internal sealed class DryBreakers(IReadOnlyDictionary<int, int[][]> sequences)
{
    /// <summary>None.</summary>
    public static DryBreakers None { get; } = new(new Dictionary<int, int[][]>());

    /// <summary>Whether a breaker is within this one token.</summary>
    public bool IsWhole(int token)
    {
        if (!sequences.TryGetValue(token, out var tails)) return false;
        foreach (var tail in tails)
        {
            if (tail.Length == 0) return true;
        }
        return false;
    }

    /// <summary>How many tokens at the end of <paramref name="tokens"/> come after the last breaker; all where there is none.</summary>
    public int CountAfterLast(ReadOnlySpan<int> tokens)
    {
        for (var after = 0; after < tokens.Length; after++)
        {
            if (!sequences.TryGetValue(tokens[^(after + 1)], out var tails)) continue;
            var longest = -1;
            foreach (var tail in tails)
            {
                if (tail.Length > longest && tokens[^after..].StartsWith(tail)) longest = tail.Length;
            }
            if (longest >= 0) return after - longest;
        }
        return tokens.Length;
    }
}
