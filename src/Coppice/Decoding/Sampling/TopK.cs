using System.Buffers;

namespace Coppice.Decoding.Sampling;

/// <summary>Keeps the k largest logits, of equal ones those with the lower ids; the others become -∞.</summary>
internal sealed class TopK(int k) : LogitsProcessor
{
    /// <inheritdoc/>
    public override bool AllowsCandidates => true;

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
    {
        var logits = candidates.Logits;
        if (k >= logits.Length) return;     // candidates that are not complete stay so
        var floor = KthLargest(logits, k);
        // One outside may be among the k, or equal to the last of them.
        if (!candidates.IsComplete && floor <= candidates.Bound) candidates.NeedWholeRow();
        if (float.IsPositiveInfinity(candidates.Bound)) return;
        var equal = k;          // how many of those that equal the floor stay
        foreach (var logit in logits)
        {
            if (logit > floor) equal--;
        }
        for (var id = 0; id < logits.Length; id++)
        {
            if (logits[id] < floor || (logits[id] == floor && equal-- <= 0)) logits[id] = float.NegativeInfinity;
        }
        candidates.Bound = float.NegativeInfinity;
    }

    /// <summary>The smallest of a heap of the k largest so far.</summary>
    private static float KthLargest(ReadOnlySpan<float> logits, int k)
    {
        var heap = ArrayPool<float>.Shared.Rent(k);
        logits[..k].CopyTo(heap);
        for (var i = k / 2 - 1; i >= 0; i--) Sink(heap.AsSpan(0, k), i);
        foreach (var logit in logits[k..])
        {
            if (logit <= heap[0]) continue;
            heap[0] = logit;
            Sink(heap.AsSpan(0, k), 0);
        }
        var smallest = heap[0];
        ArrayPool<float>.Shared.Return(heap);
        return smallest;
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
