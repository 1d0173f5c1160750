using System.Numerics.Tensors;

namespace Coppice.Decoding.Sampling;

/// <summary>
/// Keeps the smallest set of most probable tokens whose probabilities add up to at least p, never fewer than one; the others become -∞.
/// </summary>
/// <remarks>Source: Holtzman et al., The Curious Case of Neural Text Degeneration, section 3.1. Sums in double.</remarks>
internal sealed class TopP(double p) : LogitsProcessor
{
    private const float FirstDepth = 4;
    private const int VectorLength = 8;     // doubles; padded to whole ones, the few have the exponentials of a whole row

    /// <inheritdoc/>
    public override bool AllowsCandidates => true;

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
    {
        var logits = candidates.Logits;
        var max = TensorPrimitives.Max<float>(logits);
        if (!candidates.IsComplete) candidates.NeedWholeRow();      // the probability of what is outside is not known
        if (!candidates.IsComplete || p >= 1 || !float.IsFinite(max)) return;
        var needed = p * Mass(candidates, max);
        // The set lies near the maximum, so only what lies near it is sorted, deeper and deeper until the set is found whole.
        for (var depth = FirstDepth; ; depth *= 2)
        {
            var ranked = RankedLogits.AtLeast(logits, depth > 128 ? float.NegativeInfinity : max - depth);
            var (mass, kept) = (0.0, 0);
            while (kept < ranked.Count && (kept == 0 || mass < needed)) mass += Math.Exp((double)logits[ranked.Id(kept++)] - max);
            var found = mass >= needed || depth > 128;
            if (found) Keep(logits, ranked, kept);
            ranked.Dispose();
            if (found) return;
        }
    }

    /// <summary>
    /// Σ exp(z - max), in the order of <see cref="WeightedDraw"/>, so that tokens that are banned and tokens that are not here are the
    /// same.
    /// </summary>
    private static double Mass(in Candidates candidates, float max)
    {
        ReadOnlySpan<float> logits = candidates.Logits;
        if (candidates.IsWholeRow) return WeightedDraw.Mass(logits, max);
        Span<double> weights = stackalloc double[WeightedDraw.BlockLength];
        WeightedDraw.Exponentials(logits, max, weights[..((logits.Length + VectorLength - 1) / VectorLength * VectorLength)]);
        return WeightedDraw.Total<double>(candidates.Ids, weights[..logits.Length]);
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
