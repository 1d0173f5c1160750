using Coppice.Kernels.Gpu;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void AddCore(Tensor x, Tensor delta, float scale, Tensor y)
    {
        var config = Cells(x.Rows, x.Shape.RowLength, out var cells);
        _kernels.Launch(config, AddKernel, cells, Rows(x), Rows(delta), scale, Rows(y));
    }

    /// <summary>y = x + scale · delta, one thread an element. Reads 8 bytes and writes 4 for each.</summary>
    [GroupSize(CellGroup)]
    internal static void AddKernel(DeviceCells cells, DeviceRows x, DeviceRows delta, float scale, DeviceRows y)
    {
        if (!cells.Inside) return;
        var (row, column) = (DeviceCells.Row, DeviceCells.Column);
        y.View[y.Offset(row) + column] =
            DeviceMath.FusedMultiplyAdd(scale, delta.View[delta.Offset(row) + column], x.View[x.Offset(row) + column]);
    }
}
