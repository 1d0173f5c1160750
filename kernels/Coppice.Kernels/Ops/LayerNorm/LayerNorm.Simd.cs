using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    protected override void LayerNormCore(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y) =>
        ForRows(new LayerNormWork(x, weight, bias, epsilon, y), x.Rows, x.Shape.RowLength);

    private readonly struct LayerNormWork(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y) : IRowWork
    {
        public void Run(int row)
        {
            float* gain = Row(weight, 0), shift = bias.IsEmpty ? null : Row(bias, 0);
            for (var i = 0; i < x.Shape.RowLength; i += x.Last)
                LayerNormRow(Row(x, row) + i, gain, shift, x.Last, epsilon, Row(y, row) + i);
        }
    }

    [MethodImpl(Compiled.Alone)]
    private static void LayerNormRow(float* x, float* weight, float* bias, int length, float epsilon, float* y)
    {
        var sum = TLanes.Zero;
        for (var i = 0; i < length; i += Lanes) sum = TLanes.Add(sum, LoadUpTo(x + i, length - i, 0f));
        var mean = TLanes.Sum(sum) / length;
        var broadcastMean = TLanes.Broadcast(mean);
        var squares = TLanes.Zero;
        for (var i = 0; i < length; i += Lanes)
        {
            var d = TLanes.Subtract(LoadUpTo(x + i, length - i, mean), broadcastMean);
            squares = TLanes.FusedMultiplyAdd(d, d, squares);
        }
        var factor = TLanes.Broadcast(1f / MathF.Sqrt(TLanes.Sum(squares) / length + epsilon));
        for (var i = 0; i < length; i += Lanes)
        {
            var left = length - i;
            var normal = TLanes.Multiply(TLanes.Subtract(LoadUpTo(x + i, left, 0f), broadcastMean), factor);
            var shift = bias is null ? TLanes.Zero : LoadUpTo(bias + i, left, 0f);
            StoreUpTo(TLanes.FusedMultiplyAdd(normal, LoadUpTo(weight + i, left, 0f), shift), y + i, left);
        }
    }

    /// <summary>16 lanes, or the <paramref name="left"/> that there are and <paramref name="fill"/> in the rest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes LoadUpTo(float* source, int left, float fill) =>
        left >= Lanes ? TLanes.Load(source) : LaneMath.LoadPartial<TLanes>(source, left, fill);

    /// <summary>Stores 16 lanes, or the <paramref name="left"/> that there is room for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreUpTo(TLanes value, float* destination, int left)
    {
        if (left >= Lanes) TLanes.Store(value, destination);
        else LaneMath.StorePartial(value, destination, left);
    }
}
