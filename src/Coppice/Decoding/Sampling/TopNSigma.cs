using System.Runtime.Intrinsics;

namespace Coppice.Decoding.Sampling;

/// <summary>Keeps logits at most n standard deviations below the largest: z ≥ max(z) - n · σ(z); the others become -∞.</summary>
/// <param name="n">Above 0.</param>
/// <param name="least">Tokens that stay in any case, at least 1.</param>
/// <remarks>
/// σ is that of the logits above -∞. A temperature before it changes nothing of what stays. Source: Tang et al., Top-nσ: Not All Logits Are
/// You Need, section 3.
/// </remarks>
internal sealed class TopNSigma(double n, int least = 1) : LogitsProcessor
{
    /// <inheritdoc/>
    public override bool AllowsCandidates => true;
    /// <inheritdoc/>
    public override bool NeedsAll => true;

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
    {
        if (!Softmax.TryMax(ref candidates, out var max)) return;
        var (sum, squares) = Softmax.Sums<Shifts>(candidates, max);
        var count = Truncation.Count(candidates.Logits);
        var mean = sum / count;
        Truncation.Below(ref candidates, max - n * Math.Sqrt(Math.Max(squares / count - mean * mean, 0)), least);
    }

    /// <summary>z - max, and its square.</summary>
    private readonly struct Shifts : Softmax.ITerms
    {
        public static (Vector512<double> First, Vector512<double> Second) Of(Vector512<double> shift)
        {
            shift = Vector512.AndNot(shift, Vector512.IsNegativeInfinity(shift));
            return (shift, shift * shift);
        }
    }
}
