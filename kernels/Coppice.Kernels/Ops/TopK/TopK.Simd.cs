using System.Numerics;
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
            float* best = Row(values, row);
            var index = IndexRow(indices, row);
            BeginLargest(best, index, values.Last);
            KeepLargest(Row(x, row), x.Last, 0, values.Last, best, index);
        }
    }

    private static int* IndexRow(in Tensor indices, int row) => (int*)indices.Address + (long)row * indices.RowStride;

    /// <summary>A sorted list of k into which everything goes.</summary>
    private static void BeginLargest(float* values, int* indices, int k)
    {
        new Span<float>(values, k).Fill(float.NegativeInfinity);
        new Span<int>(indices, k).Fill(int.MaxValue);
    }

    /// <summary>
    /// Puts elements <paramref name="first"/>, <paramref name="first"/> + 1, … of a row in a sorted list of k: one compare for 16 that are
    /// all less than its last.
    /// </summary>
    [MethodImpl(Compiled.Alone)]
    private static void KeepLargest(float* x, int length, int first, int k, float* values, int* indices)
    {
        var i = 0;
        for (; i <= length - Lanes; i += Lanes)
            for (var left = TLanes.NotLess(TLanes.Load(x + i), TLanes.Broadcast(values[k - 1])); left != 0; left &= left - 1)
            {
                var at = i + BitOperations.TrailingZeroCount(left);
                Insert(x[at], first + at, k, values, indices);
            }
        for (; i < length; i++) Insert(x[i], first + i, k, values, indices);
    }

    /// <summary>
    /// Puts an element in its place among the k first by (value descending, index ascending), or leaves it out; NaN is -∞.
    /// </summary>
    [MethodImpl(Compiled.Alone)]
    private static void Insert(float value, int index, int k, float* values, int* indices)
    {
        if (float.IsNaN(value)) value = float.NegativeInfinity;
        var at = k - 1;
        if (!Precedes(value, index, values[at], indices[at])) return;
        for (; at > 0 && Precedes(value, index, values[at - 1], indices[at - 1]); at--)
            (values[at], indices[at]) = (values[at - 1], indices[at - 1]);
        (values[at], indices[at]) = (value, index);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Precedes(float a, int indexA, float b, int indexB) => a > b || (a == b && indexA < indexB);
}
