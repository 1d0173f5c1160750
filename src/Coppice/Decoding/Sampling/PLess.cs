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
        // z ≥ max + ln(Σ exp(2 (z - max)) / Σ exp(z - max)): one mass of the row, the other of its logits doubled.
        var squares = Softmax.Sum(candidates, max, static shift => Math.Exp(2 * shift));
        Truncation.Below(ref candidates, max + Math.Log(squares) - Math.Log(Softmax.Mass(candidates, max)), least);
    }
}
