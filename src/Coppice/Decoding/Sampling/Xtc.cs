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
        var floor = max + Math.Log(Softmax.Mass(candidates, max)) + Math.Log(threshold);
        var logits = candidates.Logits;
        var (above, all, last) = (0, 0, -1);
        for (var i = 0; i < logits.Length; i++)
        {
            if (logits[i] > float.NegativeInfinity) all++;
            if (!(logits[i] >= floor)) continue;
            above++;
            if (last < 0 || logits[i] <= logits[last]) last = i;
        }
        if (above < 2 || all - (above - 1) < least) return;
        for (var i = 0; i < logits.Length; i++)
        {
            if (logits[i] >= floor && i != last) logits[i] = float.NegativeInfinity;
        }
    }
}
