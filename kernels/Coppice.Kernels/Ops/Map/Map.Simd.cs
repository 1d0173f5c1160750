using System.Runtime.CompilerServices;
using Coppice.Kernels.Numerics;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    private protected override void MapCore<TActivation>(Tensor x, Tensor y) =>
        ForRows(new MapWork<TActivation>(x, y), x.Rows, x.Shape.RowLength, ActivationCost);

    private readonly struct MapWork<TActivation>(Tensor x, Tensor y) : IRowWork where TActivation : struct, IActivation
    {
        [MethodImpl(Compiled.Alone)]
        public void Run(int row)
        {
            float* source = Row(x, row), destination = Row(y, row);
            for (var i = 0; i < x.Shape.RowLength; i += Lanes)
            {
                var left = x.Shape.RowLength - i;
                StoreUpTo(TActivation.Invoke(LoadUpTo(source + i, left, 0f)), destination + i, left);
            }
        }
    }
}
