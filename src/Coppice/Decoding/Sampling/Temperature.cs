using System.Numerics;

namespace Coppice.Decoding.Sampling;

/// <summary>(z - max(z)) / temperature: below 1 sharpens the distribution, above 1 flattens it.</summary>
/// <remarks>
/// With the maximum taken out first, nothing overflows but what is too improbable to be chosen, however small the temperature is.
/// </remarks>
internal sealed class Temperature(float temperature) : LogitsProcessor
{
    /// <inheritdoc/>
    public override bool AllowsCandidates => true;

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
    {
        var logits = candidates.Logits;
        var max = LargestLogits.Max(logits);
        if (max < candidates.Bound) candidates.NeedWholeRow();      // whose maximum is outside
        if (max < candidates.Bound || !float.IsFinite(max)) return;
        var i = 0;
        for (; i <= logits.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var some = logits[i..];
            ((new Vector<float>(some) - new Vector<float>(max)) / new Vector<float>(temperature)).CopyTo(some);
        }
        for (; i < logits.Length; i++) logits[i] = (logits[i] - max) / temperature;
        candidates.Bound = (candidates.Bound - max) / temperature;
    }
}
