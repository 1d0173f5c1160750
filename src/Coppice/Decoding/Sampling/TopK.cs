namespace Coppice.Decoding.Sampling;

/// <summary>Keeps the k largest logits, of equal ones those with the lower ids; the others become -∞.</summary>
internal sealed class TopK(int k) : LogitsProcessor
{
    /// <inheritdoc/>
    public override bool AllowsCandidates => true;
    /// <inheritdoc/>
    public override bool CutsOff => true;

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
    {
        var logits = candidates.Logits;
        if (k >= logits.Length) return;     // candidates that are not complete stay so
        var floor = LargestLogits.Kth(logits, k);
        // One outside may be among the k, or equal to the last of them.
        if (!candidates.IsComplete && floor <= candidates.Bound) candidates.NeedWholeRow();
        if (float.IsPositiveInfinity(candidates.Bound)) return;
        LargestLogits.Keep(logits, k, floor);
        candidates.Bound = float.NegativeInfinity;
    }
}
