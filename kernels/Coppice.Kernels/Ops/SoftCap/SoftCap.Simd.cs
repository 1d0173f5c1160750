using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    protected override void SoftCapCore(Tensor x, float scale, float cap, Tensor y)
    {
        TLanes factor = TLanes.Broadcast(scale), limit = TLanes.Broadcast(cap);
        for (var t = 0; t < x.Rows; t++)
        {
            float* source = Row(x, t), row = Row(y, t);
            for (var i = 0; i < x.Shape.RowLength; i += Lanes)
            {
                var left = x.Shape.RowLength - i;
                var scaled = TLanes.Multiply(LoadUpTo(source + i, left, 0f), factor);
                StoreUpTo(cap == 0f ? scaled : TLanes.Multiply(limit, LaneMath.Tanh(TLanes.Divide(scaled, limit))), row + i, left);
            }
        }
    }
}
