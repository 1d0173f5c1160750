using System.Numerics.Tensors;

namespace Coppice.Decoding.Sampling;

/// <summary>Logarithms of the model's own probabilities, before any processor.</summary>
internal static class LogProbabilities
{
    /// <summary>ln Σ exp(z), with the maximum taken out and the sum in double.</summary>
    public static double LogSum(ReadOnlySpan<float> logits)
    {
        var max = TensorPrimitives.Max(logits);
        if (!float.IsFinite(max)) return max;
        var sum = 0.0;
        foreach (var logit in logits) sum += Math.Exp((double)logit - max);
        return max + Math.Log(sum);
    }

    /// <summary>The chosen token's and the <paramref name="count"/> best ones', largest first.</summary>
    public static TokenLogProbs Of(ReadOnlySpan<float> logits, int chosen, int count)
    {
        var logSum = LogSum(logits);
        var best = new TokenLogProb[Math.Min(count, logits.Length)];
        var floor = (Value: float.PositiveInfinity, Id: -1);
        for (var rank = 0; rank < best.Length; rank++)
        {
            var next = (Value: float.NegativeInfinity, Id: -1);
            for (var id = 0; id < logits.Length; id++)
            {
                var below = logits[id] < floor.Value || (logits[id] == floor.Value && id > floor.Id);
                if (below && (next.Id < 0 || logits[id] > next.Value)) next = (logits[id], id);
            }
            if (next.Id < 0) return new TokenLogProbs(logits[chosen] - logSum, best[..rank]);       // fewer tokens than asked for are not NaN
            best[rank] = new TokenLogProb(next.Id, next.Value - logSum);
            floor = next;
        }
        return new TokenLogProbs(logits[chosen] - logSum, best);
    }
}
