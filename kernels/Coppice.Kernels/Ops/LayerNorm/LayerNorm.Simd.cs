using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    protected override void LayerNormCore(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y)
    {
        var (length, per) = (x.Last, x.Shape.RowLength / x.Last);
        for (var t = 0; t < x.Rows; t++)
            for (var h = 0; h < per; h++)
                LayerNormRow(Row(x, t) + h * length, Row(weight, 0), bias.IsEmpty ? null : Row(bias, 0), length, epsilon, Row(y, t) + h * length);
    }

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
    private static TLanes LoadUpTo(float* source, int left, float fill) =>
        left >= Lanes ? TLanes.Load(source) : LaneMath.LoadPartial<TLanes>(source, left, fill);

    /// <summary>Stores 16 lanes, or the <paramref name="left"/> that there is room for.</summary>
    private static void StoreUpTo(TLanes value, float* destination, int left)
    {
        if (left >= Lanes) TLanes.Store(value, destination);
        else LaneMath.StorePartial(value, destination, left);
    }
}
