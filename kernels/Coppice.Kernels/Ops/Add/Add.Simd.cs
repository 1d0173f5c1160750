using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    protected override void AddCore(Tensor x, Tensor delta, float scale, Tensor y)
    {
        for (var t = 0; t < x.Rows; t++) AddRow(Row(x, t), Row(delta, t), scale, x.Shape.RowLength, Row(y, t));
    }

    private static void AddRow(float* x, float* delta, float scale, int length, float* y)
    {
        var s = TLanes.Broadcast(scale);
        for (var i = 0; i < length; i += Lanes)
        {
            var left = length - i;
            StoreUpTo(TLanes.FusedMultiplyAdd(LoadUpTo(delta + i, left, 0f), s, LoadUpTo(x + i, left, 0f)), y + i, left);
        }
    }
}
