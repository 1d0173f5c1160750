namespace Coppice.Decoding.Sampling;

/// <summary>
/// Excludes top choices: now and then, of the tokens that have at least a probability, only the least probable one stays beside those that
/// do not have it.
/// </summary>
/// <param name="probability">How often, 0 to 1.</param>
/// <param name="threshold">The probability, above 0; above 0.5 it excludes nothing.</param>
/// <param name="seed">Key of the draws.</param>
/// <param name="least">Nothing is excluded where fewer would stay, at least 1.</param>
/// <remarks>
/// Whether it acts is drawn anew for each position, from the seed and the position alone. Of equally probable ones that with the highest id
/// stays. Source: p-e-w, Exclude Top Choices (llama.cpp, 2024).
/// </remarks>
internal sealed class Xtc(double probability, double threshold, ulong seed, int least = 1) : LogitsProcessor
{
    /// <inheritdoc/>
    public override bool AllowsCandidates => true;
    /// <inheritdoc/>
    public override bool NeedsAll => true;

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
    {
        if (threshold > 0.5 || Philox.Uniform(seed, RandomStream.Xtc, tokens.Length) > probability) return;
        if (!Softmax.TryMax(ref candidates, out var max)) return;
        var floor = Truncation.AtLeast(max + Math.Log(Softmax.Mass(candidates, max)) + Math.Log(threshold));
        var logits = candidates.Logits;
        using var above = RankedLogits.AtLeast(logits, floor);
        if (above.Count < 2 || Truncation.Count(logits) - (above.Count - 1) < least) return;
        for (var rank = 0; rank < above.Count - 1; rank++) logits[above.Id(rank)] = float.NegativeInfinity;
    }
}
