using Coppice.Kernels.Gpu;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void SoftCapCore(Tensor x, float scale, float cap, Tensor y)
    {
        var config = Cells(x.Rows, x.Shape.RowLength, out var cells);
        _kernels.Launch(config, SoftCapKernel, cells, Rows(x), scale, cap, Rows(y));
    }

    /// <summary>
    /// y = cap · tanh(scale · x / cap), or scale · x where cap is 0, one thread an element. Reads 4 bytes and writes 4 for each.
    /// </summary>
    [GroupSize(CellGroup)]
    internal static void SoftCapKernel(DeviceCells cells, DeviceRows x, float scale, float cap, DeviceRows y)
    {
        if (!cells.Inside) return;
        var (row, column) = (DeviceCells.Row, DeviceCells.Column);
        y.View[y.Offset(row) + column] = SoftCap(scale * x.View[x.Offset(row) + column], cap);
    }

    /// <summary>cap · tanh(s / cap), or s where <paramref name="cap"/> is 0.</summary>
    private static float SoftCap(float s, float cap) => cap == 0f ? s : cap * MathF.Tanh(s / cap);
}
