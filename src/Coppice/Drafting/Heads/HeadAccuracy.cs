using Coppice.Execution;

namespace Coppice.Drafting;

/// <summary>Counts how often the candidates of draft heads are right along given texts, by head and rank.</summary>
/// <remarks>A head that reads tokens is given the true ones, so its counts hold where all before it were right.</remarks>
/// <param name="heads">The heads; belong to the model.</param>
internal sealed class HeadAccuracy(DraftHeads heads)
{
    private readonly long[,] _hits = new long[heads.Heads.Depth, heads.Heads.Top];
    private readonly long[] _positions = new long[heads.Heads.Depth];

    /// <summary>Positions at which the first head was asked.</summary>
    public long Positions => _positions[0];

    /// <summary>[head][rank]: the share of positions at which the candidate was the text's token.</summary>
    public IReadOnlyList<IReadOnlyList<double>> Rates =>
        [.. Enumerable.Range(0, heads.Heads.Depth).Select(head => (IReadOnlyList<double>)[.. Enumerable.Range(0, heads.Heads.Top)
            .Select(rank => _hits[head, rank] / Math.Max(1.0, _positions[head]))])];

    /// <summary>Looks at a text.</summary>
    /// <param name="tokens">Prompt and text.</param>
    /// <param name="states">[tokens, hidden]: the model's final states.</param>
    /// <param name="prompt">Tokens that were given; candidates for them do not count.</param>
    public void Add(ReadOnlySpan<int> tokens, ReadOnlySpan<float> states, int prompt)
    {
        var (width, depth, top) = (heads.Heads.HiddenSize, heads.Heads.Depth, heads.Heads.Top);
        var (best, logits) = (new int[depth * top], new float[depth * top]);
        var state = new float[width];
        using var cache = heads.Prefix?.NewCache();
        for (var at = 0; at + 2 < tokens.Length; at++)
        {
            var own = states.Slice(at * width, width);
            if (heads.Prefix is { } prefix) prefix.Run(cache!, own, state);
            else own.CopyTo(state);
            if (at + 2 < prompt) continue;
            if (!heads.Heads.IsConditioned) heads.Heads.Run(state, best, logits);
            for (var head = 0; head < depth && at + 2 + head < tokens.Length; head++)
            {
                if (heads.Heads.IsConditioned) heads.Heads.Run(head, state, tokens.Slice(at + 1, head + 1), best, logits);
                var first = heads.Heads.IsConditioned ? 0 : head * top;
                var rank = best.AsSpan(first, top).IndexOf(tokens[at + 2 + head]);
                _positions[head]++;
                if (rank >= 0) _hits[head, rank]++;
            }
        }
    }
}
