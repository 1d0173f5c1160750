namespace Coppice.Decoding.Sampling;

/// <summary>Keeps tokens of at least a probability: p ≥ ε; the others become -∞.</summary>
/// <param name="epsilon">Above 0, below 1.</param>
/// <param name="least">Tokens that stay in any case, at least 1.</param>
/// <remarks>Source: Hewitt et al., Truncation Sampling as Language Model Desmoothing, section 4.1.</remarks>
internal sealed class EpsilonCutoff(double epsilon, int least = 1) : LogitsProcessor
{
    /// <inheritdoc/>
    public override bool AllowsCandidates => true;
    /// <inheritdoc/>
    public override bool NeedsAll => true;

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
    {
        if (!Softmax.TryMax(ref candidates, out var max)) return;
        Truncation.Below(ref candidates, max + Math.Log(Softmax.Mass(candidates, max)) + Math.Log(epsilon), least);
    }
}
