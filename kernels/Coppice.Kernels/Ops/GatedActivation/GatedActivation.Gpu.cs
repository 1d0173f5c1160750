using Coppice.Kernels.Gpu;
using Coppice.Kernels.Numerics;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    private protected override void GatedActivationCore<TActivation>(Tensor gate, Tensor up, Tensor y)
    {
        var config = Cells(gate.Rows, gate.Shape.RowLength, out var cells);
        _kernels.Launch(config, GatedActivationKernel<TActivation>, cells, Rows(gate), Rows(up), Rows(y));
    }

    /// <summary>y = f(gate) · up, one thread an element. Reads 8 bytes and writes 4 for each.</summary>
    [GroupSize(CellGroup)]
    internal static void GatedActivationKernel<TActivation>(DeviceCells cells, DeviceRows gate, DeviceRows up, DeviceRows y)
        where TActivation : struct, IActivation
    {
        if (!cells.Inside) return;
        var (row, column) = (DeviceCells.Row, DeviceCells.Column);
        y.View[y.Offset(row) + column] = TActivation.Invoke(gate.View[gate.Offset(row) + column]) * up.View[up.Offset(row) + column];
    }
}
