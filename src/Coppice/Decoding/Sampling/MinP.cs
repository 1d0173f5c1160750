using System.Numerics.Tensors;

namespace Coppice.Decoding.Sampling;

/// <summary>
/// Keeps tokens at least p times as probable as the most probable one, never fewer than one: z ≥ max(z) + ln p; the others become -∞.
/// </summary>
internal sealed class MinP(double p) : LogitsProcessor
{
    /// <inheritdoc/>
    public override bool AllowsCandidates => true;

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
    {
        var logits = candidates.Logits;
        var max = TensorPrimitives.Max<float>(logits);
        if (max < candidates.Bound) return;                 // the most probable token may be outside
        var floor = Math.Min(max + Math.Log(p), max);       // above 1 only the most probable stays
        for (var id = 0; id < logits.Length; id++)
        {
            if (logits[id] < floor) logits[id] = float.NegativeInfinity;
        }
        if (candidates.Bound < floor) candidates.Bound = float.NegativeInfinity;
    }
}
