using System.Runtime.CompilerServices;
using Coppice.Kernels.Numerics;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>An exponential and a division beside an addition.</summary>
    private const int ActivationCost = 8;

    private protected override void GatedActivationCore<TActivation>(Tensor gate, Tensor up, Tensor y) =>
        ForRows(new GatedActivationWork<TActivation>(gate, up, y), gate.Rows, gate.Shape.RowLength, ActivationCost);

    private readonly struct GatedActivationWork<TActivation>(Tensor gate, Tensor up, Tensor y) : IRowWork
        where TActivation : struct, IActivation
    {
        [MethodImpl(Compiled.Alone)]
        public void Run(int row)
        {
            float* g = Row(gate, row), u = Row(up, row), destination = Row(y, row);
            for (var i = 0; i < gate.Shape.RowLength; i += Lanes)
            {
                var left = gate.Shape.RowLength - i;
                StoreUpTo(TLanes.Multiply(TActivation.Invoke(LoadUpTo(g + i, left, 0f)), LoadUpTo(u + i, left, 0f)), destination + i, left);
            }
        }
    }
}
