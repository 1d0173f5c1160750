namespace Coppice.Decoding.Strategies;

/// <summary>A continuation that a strategy keeps.</summary>
/// <param name="Tokens">After the prompt; an end token at its end included.</param>
/// <param name="Score">Sum of logarithms, at most 0 as a rule.</param>
/// <param name="Parent">Its place among the drafts of the step before; null where it begins at the prompt.</param>
internal sealed record ScoredDraft(int[] Tokens, double Score, int? Parent)
{
    /// <summary>Whether a constraint has ended it: nothing could follow.</summary>
    public bool IsWhole { get; init; }

    /// <summary>The score of a token on average, by which drafts of different lengths are compared.</summary>
    public double Mean => Score / Tokens.Length;

    /// <summary>The score divided by a power of the number of tokens: 0 for the sum, 1 for the mean.</summary>
    public double Normalized(double lengthPenalty) => Score / Math.Pow(Tokens.Length, lengthPenalty);

    /// <summary>
    /// The best <paramref name="count"/> of drafts that go on and drafts that have ended, by <see cref="Mean"/>; of equal ones those that
    /// go on come first, then in
    /// the order given.
    /// </summary>
    public static IReadOnlyList<ScoredDraft> Rank(IEnumerable<ScoredDraft> alive, IEnumerable<ScoredDraft> ended, int count) =>
        [.. alive.Concat(ended).OrderByDescending(draft => draft.Mean).Take(count)];

    /// <summary>This draft with another token.</summary>
    public int[] With(int token) => [.. Tokens, token];
}
