namespace Coppice.Decoding.Sampling;

/// <summary>
/// Keeps the smallest set of most probable tokens whose probabilities add up to at least p; the others become -∞.
/// </summary>
/// <param name="p">0 to 1; 1 keeps all.</param>
/// <param name="least">Tokens that stay in any case, at least 1.</param>
/// <remarks>Source: Holtzman et al., The Curious Case of Neural Text Degeneration, section 3.1. Sums in double.</remarks>
internal sealed class TopP(double p, int least = 1) : LogitsProcessor
{
    private const float FirstDepth = 4;

    /// <inheritdoc/>
    public override bool AllowsCandidates => true;
    /// <inheritdoc/>
    public override bool NeedsAll => true;

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
    {
        var logits = candidates.Logits;
        if (!Softmax.TryMax(ref candidates, out var max) || p >= 1) return;
        var needed = p * Softmax.Mass(candidates, max);
        // The set lies near the maximum, so only what lies near it is sorted, deeper and deeper until the set is found whole.
        for (var depth = FirstDepth; ; depth *= 2)
        {
            var ranked = RankedLogits.AtLeast(logits, depth > 128 ? float.NegativeInfinity : max - depth);
            var (mass, kept) = (0.0, 0);
            while (kept < ranked.Count && (kept < least || mass < needed)) mass += Math.Exp((double)logits[ranked.Id(kept++)] - max);
            var found = (mass >= needed && kept >= least) || depth > 128;
            if (found) Keep(logits, ranked, kept);
            ranked.Dispose();
            if (found) return;
        }
    }

    /// <summary>Everything below the last kept token, or equal to it with a higher id, becomes -∞.</summary>
    private static void Keep(Span<float> logits, RankedLogits ranked, int kept)
    {
        var last = ranked.Id(kept - 1);
        var floor = logits[last];
        for (var id = 0; id < logits.Length; id++)
        {
            if (logits[id] < floor || (logits[id] == floor && id > last)) logits[id] = float.NegativeInfinity;
        }
    }
}
