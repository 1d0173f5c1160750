using Coppice.Kernels.Gpu;
using ILGPU;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void EmbedCore(Tensor ids, WeightMatrix table, float scale, Tensor y) =>
        table.Format.Dispatch(new EmbedCall(this, ids, (GpuWeight)table, scale, y));

    private readonly struct EmbedCall(GpuBackend backend, Tensor ids, GpuWeight table, float scale, Tensor y) : IDeviceWeightsCall
    {
        public void Run<T>() where T : struct, IDeviceWeights
        {
            var config = backend.Cells(y.Rows, y.Shape.RowLength, out var cells);
            backend._kernels.Launch(config, EmbedKernel<T>, cells, Rows(ids), table.View, scale, Rows(y));
        }
    }

    /// <summary>y[t] = scale · W[ids[t]], one thread an element. Reads one weight and writes 4 bytes for each.</summary>
    /// <param name="cells">Which element of y.</param>
    /// <param name="ids">[tokens].</param>
    /// <param name="table">[vocabulary, rowLength].</param>
    /// <param name="scale">Embedding scale.</param>
    /// <param name="y">[tokens, hidden].</param>
    [GroupSize(CellGroup)]
    internal static void EmbedKernel<T>(DeviceCells cells, DeviceRows ids, DeviceMatrix table, float scale, DeviceRows y)
        where T : struct, IDeviceWeights
    {
        if (!cells.Inside) return;
        var (row, column) = (DeviceCells.Row, DeviceCells.Column);
        y.View[y.Offset(row) + column] = scale * T.Load(table, ids.Integers[ids.Offset(row)], column);
    }
}
