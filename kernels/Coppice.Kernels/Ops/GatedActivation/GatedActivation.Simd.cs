using Coppice.Kernels.Numerics;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    private protected override void GatedActivationCore<TActivation>(Tensor gate, Tensor up, Tensor y)
    {
        for (var t = 0; t < gate.Rows; t++)
        {
            float* g = Row(gate, t), u = Row(up, t), row = Row(y, t);
            for (var i = 0; i < gate.Shape.RowLength; i += Lanes)
            {
                var left = gate.Shape.RowLength - i;
                StoreUpTo(TLanes.Multiply(TActivation.Invoke(LoadUpTo(g + i, left, 0f)), LoadUpTo(u + i, left, 0f)), row + i, left);
            }
        }
    }
}
