using Coppice.Kernels.Gpu;
using Coppice.Kernels.Numerics;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    private protected override void MapCore<TActivation>(Tensor x, Tensor y)
    {
        var config = Cells(x.Rows, x.Shape.RowLength, out var cells);
        _kernels.Launch(config, MapKernel<TActivation>, cells, Rows(x), Rows(y));
    }

    /// <summary>y = f(x), one thread an element. Reads 4 bytes and writes 4 for each.</summary>
    [GroupSize(CellGroup)]
    internal static void MapKernel<TActivation>(DeviceCells cells, DeviceRows x, DeviceRows y) where TActivation : struct, IActivation
    {
        if (!cells.Inside) return;
        var (row, column) = (DeviceCells.Row, DeviceCells.Column);
        y.View[y.Offset(row) + column] = TActivation.Invoke(x.View[x.Offset(row) + column]);
    }
}
