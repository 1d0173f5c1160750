using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    protected override void TopKCore(Tensor x, Tensor values, Tensor indices) => ForRows(new TopKWork(x, values, indices), x.Rows, x.Last);

    private readonly struct TopKWork(Tensor x, Tensor values, Tensor indices) : IRowWork
    {
        public void Run(int row)
        {
            var index = (int*)indices.Address + (long)row * indices.RowStride;
            if (values.Last == 1) *index = ArgMax(Row(x, row), x.Last, Row(values, row));
            else SelectLargest(Row(x, row), x.Last, values.Last, Row(values, row), index);
        }
    }

    /// <summary>The largest, and the first index that has it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int ArgMax(float* x, int length, float* value)
    {
        var largest = TLanes.Broadcast(float.NegativeInfinity);
        for (var i = 0; i < length; i += Lanes) largest = TLanes.Max(LoadUpTo(x + i, length - i, float.NegativeInfinity), largest);
        *value = TLanes.Largest(largest);
        return Math.Max(0, new ReadOnlySpan<float>(x, length).IndexOf(*value));
    }

    /// <summary>Insertion into a sorted list of k: one compare for each element that is not among the largest so far, four vectors at a time where none is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SelectLargest(float* x, int length, int k, float* values, int* indices)
    {
        var (count, i) = (0, 0);
        while (i < length)
        {
            if (count == k && i + 4 * Lanes <= length && LargestOfFour(x + i) <= values[k - 1])
            {
                i += 4 * Lanes;
                continue;
            }
            for (var end = Math.Min(i + 4 * Lanes, length); i < end; i++)
            {
                var v = float.IsNaN(x[i]) ? float.NegativeInfinity : x[i];
                if (count == k && !(v > values[k - 1])) continue;
                var at = count < k ? count++ : k - 1;
                for (; at > 0 && values[at - 1] < v; at--) (values[at], indices[at]) = (values[at - 1], indices[at - 1]);
                (values[at], indices[at]) = (v, i);
            }
        }
    }

    /// <summary>The largest of four vectors; NaN counts as -∞.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float LargestOfFour(float* x)
    {
        var least = TLanes.Broadcast(float.NegativeInfinity);
        var (first, second) = (TLanes.Max(TLanes.Load(x), least), TLanes.Max(TLanes.Load(x + Lanes), least));
        return TLanes.Largest(TLanes.Max(TLanes.Max(TLanes.Load(x + 2 * Lanes), first), TLanes.Max(TLanes.Load(x + 3 * Lanes), second)));
    }
}
