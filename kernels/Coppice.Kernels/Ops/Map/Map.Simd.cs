using Coppice.Kernels.Numerics;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    private protected override void MapCore<TActivation>(Tensor x, Tensor y)
    {
        for (var t = 0; t < x.Rows; t++)
        {
            float* source = Row(x, t), row = Row(y, t);
            for (var i = 0; i < x.Shape.RowLength; i += Lanes)
            {
                var left = x.Shape.RowLength - i;
                StoreUpTo(TActivation.Invoke(LoadUpTo(source + i, left, 0f)), row + i, left);
            }
        }
    }
}
