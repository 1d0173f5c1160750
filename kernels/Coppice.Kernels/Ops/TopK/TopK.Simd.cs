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

    /// <summary>Elements that are looked at one by one where the largest of them is among the largest so far.</summary>
    private const int Stretch = 64;

    /// <summary>The largest, and the first index that has it.</summary>
    private static int ArgMax(float* x, int length, float* value)
    {
        *value = Largest(x, length);
        return Math.Max(0, new ReadOnlySpan<float>(x, length).IndexOf(*value));
    }

    /// <summary>The largest, NaN not counted.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Largest(float* x, int length)
    {
        var largest = TLanes.Broadcast(float.NegativeInfinity);
        for (var i = 0; i < length; i += Lanes) largest = TLanes.Max(LoadUpTo(x + i, length - i, float.NegativeInfinity), largest);
        return TLanes.Largest(largest);
    }

    /// <summary>Insertion into a sorted list of k; of long rows most stretches hold nothing for it, which the lanes find out.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SelectLargest(float* x, int length, int k, float* values, int* indices)
    {
        var count = 0;
        for (var start = 0; start < length; start += Stretch)
        {
            var end = Math.Min(start + Stretch, length);
            if (count < k || Largest(x + start, end - start) > values[k - 1]) Insert(x, start, end, k, ref count, values, indices);
        }
    }

    /// <summary>Elements start … end - 1, in order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Insert(float* x, int start, int end, int k, ref int count, float* values, int* indices)
    {
        for (var i = start; i < end; i++)
        {
            var v = float.IsNaN(x[i]) ? float.NegativeInfinity : x[i];
            if (count == k && !(v > values[k - 1])) continue;
            var at = count < k ? count++ : k - 1;
            for (; at > 0 && values[at - 1] < v; at--) (values[at], indices[at]) = (values[at - 1], indices[at - 1]);
            (values[at], indices[at]) = (v, i);
        }
    }
}
