using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Coppice.Decoding.Sampling;

/// <summary>The k largest logits of a row.</summary>
internal static class LargestLogits
{
    /// <summary>The largest; NaN where one is NaN, -∞ of none.</summary>
    public static float Max(ReadOnlySpan<float> logits)
    {
        var i = 0;
        var max = float.NegativeInfinity;
        if (logits.Length >= 2 * Vector512<float>.Count)
        {
            // Two chains, because each waits for its own last step; and no minding of NaN but the count of what equals itself.
            ref var first = ref MemoryMarshal.GetReference(logits);
            var (a, b) = (Vector512.Create(max), Vector512.Create(max));
            var areNumbers = Vector512<float>.AllBitsSet;
            for (; i <= logits.Length - 2 * Vector512<float>.Count; i += 2 * Vector512<float>.Count)
            {
                var x = Vector512.LoadUnsafe(ref first, (nuint)i);
                var y = Vector512.LoadUnsafe(ref first, (nuint)(i + Vector512<float>.Count));
                areNumbers &= Vector512.Equals(x, x) & Vector512.Equals(y, y);
                (a, b) = (Vector512.MaxNative(a, x), Vector512.MaxNative(b, y));
            }
            if (areNumbers.AsInt32() != Vector512<int>.AllBitsSet) return float.NaN;
            a = Vector512.MaxNative(a, b);
            for (var lane = 0; lane < Vector512<float>.Count; lane++) max = MathF.Max(max, a[lane]);
        }
        for (; i < logits.Length; i++) max = MathF.Max(max, logits[i]);
        return max;
    }

    /// <summary>The k-th largest.</summary>
    /// <param name="logits">Not NaN.</param>
    /// <param name="k">1 to their number.</param>
    public static float Kth(ReadOnlySpan<float> logits, int k)
    {
        var rented = ArrayPool<float>.Shared.Rent(k);
        var heap = rented.AsSpan(0, k);         // the k largest so far, the smallest of them on top
        logits[..k].CopyTo(heap);
        for (var i = k / 2 - 1; i >= 0; i--) Sink(heap, i);
        for (var first = k; first < logits.Length; first += Vector<float>.Count)
        {
            var some = logits[first..Math.Min(first + Vector<float>.Count, logits.Length)];
            // Few are larger, so whole vectors of the others are skipped.
            var isWhole = some.Length == Vector<float>.Count;
            if (isWhole && Vector.LessThanOrEqualAll(new Vector<float>(some), new Vector<float>(heap[0]))) continue;
            foreach (var logit in some)
            {
                if (logit <= heap[0]) continue;
                heap[0] = logit;
                Sink(heap, 0);
            }
        }
        var smallest = heap[0];
        ArrayPool<float>.Shared.Return(rented);
        return smallest;
    }

    /// <summary>Keeps the k largest, of equal ones those at lower indices; the others become -∞.</summary>
    /// <param name="logits">Not NaN.</param>
    /// <param name="k">1 to their number.</param>
    public static void Keep(Span<float> logits, int k) => Keep(logits, k, Kth(logits, k));

    /// <summary>The same where <paramref name="floor"/>, the k-th largest, is known.</summary>
    public static void Keep(Span<float> logits, int k, float floor)
    {
        if (float.IsNegativeInfinity(floor)) return;
        var equal = Truncation.Count(logits, floor) - k;        // how many of those that equal the floor go
        Truncation.Below(logits, floor);
        for (var i = logits.Length - 1; equal > 0; i--)
        {
            if (logits[i] != floor) continue;
            logits[i] = float.NegativeInfinity;
            equal--;
        }
    }

    private static void Sink(Span<float> heap, int i)
    {
        for (var child = 2 * i + 1; child < heap.Length; child = 2 * i + 1)
        {
            if (child + 1 < heap.Length && heap[child + 1] < heap[child]) child++;
            if (heap[i] <= heap[child]) return;
            (heap[i], heap[child]) = (heap[child], heap[i]);
            i = child;
        }
    }
}
