using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Coppice.Decoding.Sampling;

/// <summary>Keeps the fewest tokens of the smallest keys that together reach a weight: what top-p and typical sampling do.</summary>
/// <remarks>
/// Of equal keys those with the lower ids stay. A bound of the keys is found by halving, with one pass over the row for each step, until
/// few tokens are between what is surely kept and what surely suffices; only those are sorted. Sums are in double, of the ids that are
/// equal modulo 16 apart, so that tokens that are banned and tokens that are not here are the same.
/// </remarks>
internal static class MassCutoff
{
    private const int Lanes = 16, MostSorted = 256;
    private const float FirstDepth = 4, LastDepth = 128;

    /// <summary>Sets the logits of all other tokens to -∞.</summary>
    /// <param name="candidates">Complete.</param>
    /// <param name="keys">[candidates]; ∞ for what cannot be chosen.</param>
    /// <param name="weights">[candidates], at least 0.</param>
    /// <param name="needed">The weight; where all do not reach it, all stay.</param>
    /// <param name="least">Tokens that stay in any case, at least 1.</param>
    public static void Keep(in Candidates candidates, ReadOnlySpan<float> keys, ReadOnlySpan<double> weights, double needed, int least)
    {
        var smallest = Smallest(keys);
        var (low, high) = (float.NegativeInfinity, smallest + FirstDepth);
        var (kept, enough) = (default(Reach), default(Reach?));     // up to low, and up to high once that is known to suffice
        while (true)
        {
            var bound = enough is null ? high : float.IsFinite(low) ? low / 2 + high / 2 : smallest / 2 + high / 2;
            if (enough is { } most && (most.Count - kept.Count <= MostSorted || !(bound > low && bound < high))) break;
            var reach = Sum(candidates, keys, weights, bound);
            if (reach.Mass >= needed && reach.Count >= least)
            {
                (enough, high) = (reach, bound);
                continue;
            }
            if (bound == float.MaxValue) return;
            (kept, low) = (reach, bound);
            if (enough is null) high = bound - smallest < LastDepth ? smallest + 2 * (bound - smallest) : float.MaxValue;
        }
        Cut(candidates.Logits, keys, weights, (low, high), kept, needed, least);
    }

    /// <summary>-logit as the key of each.</summary>
    public static void Negate(ReadOnlySpan<float> logits, Span<float> keys)
    {
        var i = 0;
        for (; i <= logits.Length - Vector<float>.Count; i += Vector<float>.Count) (-new Vector<float>(logits[i..])).CopyTo(keys[i..]);
        for (; i < logits.Length; i++) keys[i] = -logits[i];
    }

    private static float Smallest(ReadOnlySpan<float> keys)
    {
        var i = 0;
        var smallest = new Vector<float>(float.PositiveInfinity);
        for (; i <= keys.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var some = new Vector<float>(keys[i..]);
            smallest = Vector.ConditionalSelect(Vector.LessThan(some, smallest), some, smallest);
        }
        var least = float.PositiveInfinity;
        for (var lane = 0; lane < Vector<float>.Count; lane++) least = MathF.Min(least, smallest[lane]);
        for (; i < keys.Length; i++) least = MathF.Min(least, keys[i]);
        return least;
    }

    private readonly record struct Reach(double Mass, int Count);

    /// <summary>Weight and number of the keys up to <paramref name="bound"/>.</summary>
    private static Reach Sum(in Candidates candidates, ReadOnlySpan<float> keys, ReadOnlySpan<double> weights, float bound)
    {
        Span<double> sums = stackalloc double[Lanes];
        sums.Clear();
        var (i, count) = (0, 0);
        if (candidates.IsWholeRow)
        {
            ref var key = ref MemoryMarshal.GetReference(keys);
            ref var weight = ref MemoryMarshal.GetReference(weights);
            var (lowerMass, upperMass) = (Vector512<double>.Zero, Vector512<double>.Zero);
            var (counts, most) = (Vector512<int>.Zero, Vector512.Create(bound));
            for (; i <= keys.Length - Lanes; i += Lanes)
            {
                var within = Vector512.LessThanOrEqual(Vector512.LoadUnsafe(ref key, (nuint)i), most).AsInt32();
                counts -= within;
                var (lower, upper) = Vector512.Widen(within);
                lowerMass += Vector512.LoadUnsafe(ref weight, (nuint)i) & lower.AsDouble();
                upperMass += Vector512.LoadUnsafe(ref weight, (nuint)(i + Lanes / 2)) & upper.AsDouble();
            }
            lowerMass.CopyTo(sums);
            upperMass.CopyTo(sums[(Lanes / 2)..]);
            count = Vector512.Sum(counts);
        }
        for (; i < keys.Length; i++)
        {
            if (!(keys[i] <= bound)) continue;
            sums[candidates.Id(i) % Lanes] += weights[i];
            count++;
        }
        for (var half = Lanes / 2; half > 0; half /= 2)
        {
            for (var lane = 0; lane < half; lane++) sums[lane] += sums[lane + half];
        }
        return new Reach(sums[0], count);
    }

    /// <summary>Sorts the keys above the range's low end up to its high end, and cuts after the one that reaches the weight.</summary>
    private static void Cut(
        Span<float> logits, ReadOnlySpan<float> keys, ReadOnlySpan<double> weights, (float Low, float High) range, Reach kept,
        double needed, int least)
    {
        var between = ArrayPool<ulong>.Shared.Rent(keys.Length);
        var count = 0;
        var (low, high) = (new Vector<float>(range.Low), new Vector<float>(range.High));
        for (var first = 0; first < keys.Length; first += Vector<float>.Count)
        {
            var some = keys[first..Math.Min(first + Vector<float>.Count, keys.Length)];
            if (some.Length == Vector<float>.Count)
            {
                var vector = new Vector<float>(some);
                if ((Vector.GreaterThan(vector, low) & Vector.LessThanOrEqual(vector, high)) == Vector<int>.Zero) continue;
            }
            for (var i = 0; i < some.Length; i++)
            {
                if (some[i] > range.Low && some[i] <= range.High) between[count++] = RankedLogits.Key(-some[i], first + i);
            }
        }
        between.AsSpan(0, count).Sort();
        var (mass, rank) = (kept.Mass, 0);
        while (rank < count && (mass < needed || kept.Count + rank < least)) mass += weights[(int)(uint)between[rank++]];
        var last = (int)(uint)between[rank - 1];
        ArrayPool<ulong>.Shared.Return(between);
        After(logits, keys, keys[last], last);
    }

    /// <summary>What has a larger key, or the same at a higher index, becomes -∞.</summary>
    private static void After(Span<float> logits, ReadOnlySpan<float> keys, float key, int last)
    {
        var i = 0;
        var (most, none) = (new Vector<float>(key), new Vector<float>(float.NegativeInfinity));
        for (; i <= logits.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var within = Vector.LessThanOrEqual(new Vector<float>(keys[i..]), most);
            Vector.ConditionalSelect(within, new Vector<float>(logits[i..]), none).CopyTo(logits[i..]);
        }
        for (; i < logits.Length; i++)
        {
            if (keys[i] > key) logits[i] = float.NegativeInfinity;
        }
        for (i = keys.Length - 1; i > last; i--)
        {
            if (keys[i] == key) logits[i] = float.NegativeInfinity;
        }
    }
}
