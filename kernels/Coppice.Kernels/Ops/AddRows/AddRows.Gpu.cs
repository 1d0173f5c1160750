using Coppice.Kernels.Gpu;
using ILGPU;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void AddRowsCore(Tensor x, Tensor rows, Tensor scales, Tensor y)
    {
        var config = Cells(x.Rows, x.Shape.RowLength, out var cells);
        _kernels.Launch(config, AddRowsKernel, cells, Rows(x), Rows(rows), Rows(scales), Rows(y));
    }

    /// <summary>
    /// y[rows[i]] += scales[i] · x[i], one thread an element; rows are distinct, so no two threads meet. Reads 8 bytes and writes 4 for
    /// each.
    /// </summary>
    [GroupSize(CellGroup)]
    internal static void AddRowsKernel(DeviceCells cells, DeviceRows x, DeviceRows rows, DeviceRows scales, DeviceRows y)
    {
        if (!cells.Inside) return;
        var (row, column) = (DeviceCells.Row, DeviceCells.Column);
        var target = y.Offset(rows.Integers[rows.Offset(row)]) + column;
        y.View[target] = DeviceMath.FusedMultiplyAdd(scales.View[scales.Offset(row)], x.View[x.Offset(row) + column], y.View[target]);
    }
}
