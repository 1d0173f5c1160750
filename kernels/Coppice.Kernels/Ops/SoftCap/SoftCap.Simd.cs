using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    protected override void SoftCapCore(Tensor x, float scale, float cap, Tensor y) =>
        ForRows(new SoftCapWork(x, scale, cap, y), x.Rows, x.Shape.RowLength);

    private readonly struct SoftCapWork(Tensor x, float scale, float cap, Tensor y) : IRowWork
    {
        [MethodImpl(Compiled.Alone)]
        public void Run(int row)
        {
            TLanes factor = TLanes.Broadcast(scale), limit = TLanes.Broadcast(cap);
            float* source = Row(x, row), destination = Row(y, row);
            for (var i = 0; i < x.Shape.RowLength; i += Lanes)
            {
                var left = x.Shape.RowLength - i;
                var scaled = TLanes.Multiply(LoadUpTo(source + i, left, 0f), factor);
                StoreUpTo(cap == 0f ? scaled : TLanes.Multiply(limit, LaneMath.Tanh(TLanes.Divide(scaled, limit))), destination + i, left);
            }
        }
    }
}
