
namespace Coppice.Decoding.Sampling;

/// <summary>Logarithms of the model's own probabilities, before any processor. NaN counts as -∞.</summary>
/// <remarks>
/// Of logits of +∞ each has an equal share. Where no logit is above -∞ there are no probabilities: every logarithm is -∞.
/// </remarks>
internal static class LogProbabilities
{
    /// <summary>ln Σ exp(z), with the maximum taken out and the sum in double.</summary>
    public static double LogSum(ReadOnlySpan<float> logits)
    {
        var max = LargestLogits.Max(logits);     // NaN where an element is
        if (float.IsFinite(max)) return max + Math.Log(WeightedDraw.Mass(logits, max));
        if (!float.IsNaN(max)) return max;
        max = LargestNumber(logits);
        if (!float.IsFinite(max)) return max;
        var sum = 0.0;
        foreach (var logit in logits)
        {
            if (logit > float.NegativeInfinity) sum += Math.Exp((double)logit - max);
        }
        return max + Math.Log(sum);
    }

    /// <summary>The chosen token's and the <paramref name="count"/> best ones', largest first.</summary>
    public static TokenLogProbs Of(ReadOnlySpan<float> logits, int chosen, int count)
    {
        var logSum = LogSum(logits);
        var equal = double.IsPositiveInfinity(logSum) ? logits.Count(float.PositiveInfinity) : 0;
        var best = new TokenLogProb[Math.Min(count, logits.Length)];
        if (best.Length > 0 && !float.IsNaN(LargestLogits.Max(logits)) && Truncation.Count(logits) >= best.Length)
        {
            using var ranked = RankedLogits.AtLeast(logits, LargestLogits.Kth(logits, best.Length));
            for (var rank = 0; rank < best.Length; rank++)
                best[rank] = new TokenLogProb(ranked.Id(rank), Of(logits[ranked.Id(rank)], logSum, equal));
            return new TokenLogProbs(Of(logits[chosen], logSum, equal), best);
        }
        var floor = (Value: float.PositiveInfinity, Id: -1);
        for (var rank = 0; rank < best.Length; rank++)
        {
            var next = (Value: float.NegativeInfinity, Id: -1);
            for (var id = 0; id < logits.Length; id++)
            {
                var below = logits[id] < floor.Value || (logits[id] == floor.Value && id > floor.Id);
                if (below && (next.Id < 0 || logits[id] > next.Value)) next = (logits[id], id);
            }
            if (next.Id < 0) best = best[..rank];       // fewer tokens than asked for are not NaN
            else best[rank] = new TokenLogProb(next.Id, Of(next.Value, logSum, equal));
            floor = next;
        }
        return new TokenLogProbs(Of(logits[chosen], logSum, equal), best);
    }

    /// <param name="logit">One logit.</param>
    /// <param name="logSum">Of all.</param>
    /// <param name="equal">How many are +∞.</param>
    private static double Of(float logit, double logSum, int equal)
    {
        if (double.IsFinite(logSum)) return float.IsNaN(logit) ? double.NegativeInfinity : logit - logSum;
        return float.IsPositiveInfinity(logit) ? -Math.Log(equal) : double.NegativeInfinity;
    }

    /// <summary>The largest element that is not NaN; -∞ where all are.</summary>
    private static float LargestNumber(ReadOnlySpan<float> logits)
    {
        var max = float.NegativeInfinity;
        foreach (var logit in logits)
        {
            if (logit > max) max = logit;
        }
        return max;
    }
}
