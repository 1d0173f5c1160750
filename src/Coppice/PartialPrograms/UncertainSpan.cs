namespace Coppice;

/// <summary>A stretch of generated text that the model was not sure of.</summary>
/// <param name="Start">Its first token.</param>
/// <param name="End">The token after its last one.</param>
/// <param name="Text">Its text.</param>
/// <param name="LeastProbability">Of its tokens.</param>
/// <param name="Alternatives">What else its first token could have been, the most probable first; as many as were reported.</param>
public sealed record UncertainSpan(int Start, int End, string Text, double LeastProbability, IReadOnlyList<TokenLogProb> Alternatives)
{
    /// <summary>Stretches of tokens of less than a probability: the spots that a solver, or a person, should look at.</summary>
    /// <param name="pieces">With log-probabilities (<see cref="GenerationOptions.LogProbs"/>).</param>
    /// <param name="threshold">γ, above 0, at most 1; 0.9 by default.</param>
    /// <exception cref="ArgumentException">A piece has no log-probability.</exception>
    /// <remarks>Source: Lee et al., Guess &amp; Sketch, section 3.1.</remarks>
    public static IReadOnlyList<UncertainSpan> In(IReadOnlyList<GeneratedPiece> pieces, double threshold = .9)
    {
        ArgumentNullException.ThrowIfNull(pieces);
        if (!(threshold > 0 && threshold <= 1))
            throw new ArgumentOutOfRangeException(nameof(threshold), threshold, "spans: threshold must be above 0 and at most 1.");
        var spans = new List<UncertainSpan>();
        for (var start = 0; start < pieces.Count; start++)
        {
            var end = start;
            while (end < pieces.Count && Probability(pieces[end]) < threshold) end++;
            if (end == start) continue;
            var first = pieces[start].LogProbs!;
            spans.Add(new UncertainSpan(
                start, end, string.Concat(pieces.Skip(start).Take(end - start).Select(piece => piece.Text)),
                pieces.Skip(start).Take(end - start).Min(Probability),
                [.. first.Best.Where(best => best.TokenId != pieces[start].TokenId)]));
            start = end;
        }
        return spans;
    }

    private static double Probability(GeneratedPiece piece) => piece.LogProbs is { } logProbs
        ? Math.Exp(logProbs.Chosen)
        : throw new ArgumentException("spans: each piece must have its log-probability (LogProbs = 0 or more).");
}
