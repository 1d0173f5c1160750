using System.Runtime.Intrinsics;

namespace Coppice.Decoding.Sampling;

/// <summary>
/// Keeps tokens at least as probable as two draws are to be equal: p ≥ Σ p²; the others become -∞. Has no setting.
/// </summary>
/// <param name="least">Tokens that stay in any case, at least 1.</param>
/// <remarks>Source: Tan et al., p-less Sampling: A Robust Hyperparameter-Free Approach for LLM Decoding, section 3.</remarks>
internal sealed class PLess(int least = 1) : LogitsProcessor
{
    /// <inheritdoc/>
    public override bool AllowsCandidates => true;
    /// <inheritdoc/>
    public override bool NeedsAll => true;

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
    {
        if (!Softmax.TryMax(ref candidates, out var max)) return;
        // With w = exp(z - max): z ≥ max + ln(Σ w² / Σ w).
        var (mass, squares) = Softmax.Sums<Squares>(candidates, max);
        Truncation.Below(ref candidates, max + Math.Log(squares) - Math.Log(mass), least);
    }

    /// <summary>w = exp(z - max), and w².</summary>
    private readonly struct Squares : Softmax.ITerms
    {
        public static (Vector512<double> First, Vector512<double> Second) Of(Vector512<double> shift)
        {
            var weights = WeightedDraw.Exponential(shift);
            return (weights, weights * weights);
        }
    }
}
