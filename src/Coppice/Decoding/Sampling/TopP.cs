using System.Numerics.Tensors;

namespace Coppice.Decoding.Sampling;

/// <summary>Keeps the smallest set of most probable tokens whose probabilities add up to at least p, never fewer than one; the others become -∞.</summary>
/// <remarks>Source: Holtzman et al., The Curious Case of Neural Text Degeneration, section 3.1. Sums in double.</remarks>
internal sealed class TopP(double p) : LogitsProcessor
{
    private const float FirstDepth = 4;

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, Span<float> logits)
    {
        var max = TensorPrimitives.Max<float>(logits);
        if (p >= 1 || float.IsNegativeInfinity(max)) return;
        var needed = p * Mass(logits, max);
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

    private static double Mass(ReadOnlySpan<float> logits, float max)
    {
        var sum = 0.0;
        foreach (var logit in logits)
        {
            if (logit > float.NegativeInfinity) sum += Math.Exp((double)logit - max);
        }
        return sum;
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
