
namespace Coppice.Decoding.Sampling;

/// <summary>Keeps tokens at least p times as probable as the most probable one: z ≥ max(z) + ln p; the others become -∞.</summary>
/// <param name="p">Above 0; above 1 only the most probable stays.</param>
/// <param name="least">Tokens that stay in any case, at least 1.</param>
internal sealed class MinP(double p, int least = 1) : LogitsProcessor
{
    /// <inheritdoc/>
    public override bool AllowsCandidates => true;
    /// <inheritdoc/>
    public override bool CutsOff => true;

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
    {
        var max = LargestLogits.Max(candidates.Logits);
        if (max < candidates.Bound) return;                 // the most probable token may be outside
        Truncation.Below(ref candidates, Math.Min(max + Math.Log(p), max), least);
    }
}
