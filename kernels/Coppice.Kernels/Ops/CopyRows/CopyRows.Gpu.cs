using Coppice.Kernels.Gpu;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void CopyRowsCore(Tensor x, Tensor rows, Tensor y)
    {
        var config = Cells(y.Rows, y.Shape.RowLength, out var cells);
        _kernels.Launch(config, CopyRowsKernel, cells, Rows(x), Rows(rows), Rows(y));
    }

    /// <summary>y[i] = x[rows[i]], one thread an element. Reads 4 bytes and writes 4 for each.</summary>
    [GroupSize(CellGroup)]
    internal static void CopyRowsKernel(DeviceCells cells, DeviceRows x, DeviceRows rows, DeviceRows y)
    {
        if (!cells.Inside) return;
        var (row, column) = (DeviceCells.Row, DeviceCells.Column);
        y.View[y.Offset(row) + column] = x.View[x.Offset(rows.Integers[rows.Offset(row)]) + column];
    }
}
