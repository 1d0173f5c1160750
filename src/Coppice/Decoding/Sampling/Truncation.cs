using System.Numerics;

namespace Coppice.Decoding.Sampling;

/// <summary>Cuts off what is too improbable: the step that all processors with a threshold end with.</summary>
internal static class Truncation
{
    /// <summary>Every logit below <paramref name="floor"/> becomes -∞, but the <paramref name="least"/> largest stay.</summary>
    /// <param name="candidates">A whole row, or some of its logits; where those outside could matter, the whole row is asked for.</param>
    /// <param name="floor">Compared in double precision.</param>
    /// <param name="least">Tokens that stay in any case, at least 1; of equal ones those with the lower ids.</param>
    public static void Below(ref Candidates candidates, double floor, int least)
    {
        var logits = candidates.Logits;
        var smallest = AtLeast(floor);
        if (Count(logits, smallest) < Math.Min(least, logits.Length))
        {
            if (candidates.IsComplete) LargestLogits.Keep(logits, Math.Min(least, logits.Length));
            else candidates.NeedWholeRow();
            return;
        }
        Below(logits, smallest);
        if (candidates.Bound < smallest) candidates.Bound = float.NegativeInfinity;
    }

    /// <summary>Every logit below <paramref name="floor"/> becomes -∞.</summary>
    public static void Below(Span<float> logits, float floor)
    {
        var i = 0;
        var (bound, none) = (new Vector<float>(floor), new Vector<float>(float.NegativeInfinity));
        for (; i <= logits.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var some = new Vector<float>(logits[i..]);
            Vector.ConditionalSelect(Vector.GreaterThanOrEqual(some, bound), some, none).CopyTo(logits[i..]);
        }
        for (; i < logits.Length; i++)
        {
            if (logits[i] < floor) logits[i] = float.NegativeInfinity;
        }
    }

    /// <summary>The smallest float that is not below <paramref name="floor"/>.</summary>
    public static float AtLeast(double floor)
    {
        var smallest = (float)floor;
        return smallest < floor ? MathF.BitIncrement(smallest) : smallest;
    }

    /// <summary>How many logits are above -∞.</summary>
    public static int Count(ReadOnlySpan<float> logits) => Count(logits, -float.MaxValue);

    /// <summary>How many logits are at least <paramref name="floor"/>.</summary>
    public static int Count(ReadOnlySpan<float> logits, float floor)
    {
        var counts = Vector<int>.Zero;
        var (i, bound) = (0, new Vector<float>(floor));
        for (; i <= logits.Length - Vector<float>.Count; i += Vector<float>.Count)
            counts -= Vector.GreaterThanOrEqual(new Vector<float>(logits[i..]), bound);
        var count = Vector.Sum(counts);
        for (; i < logits.Length; i++)
        {
            if (logits[i] >= floor) count++;
        }
        return count;
    }
}
