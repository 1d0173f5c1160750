using Coppice.Kernels.Gpu;
using ILGPU;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void EmbedMixtureCore(Tensor ids, Tensor weights, Tensor rows, WeightMatrix table, float scale, Tensor y) =>
        table.Format.Dispatch(new EmbedMixtureCall(this, ids, weights, rows, (GpuWeight)table, scale, y));

    private readonly struct EmbedMixtureCall(
        GpuBackend backend, Tensor ids, Tensor weights, Tensor rows, GpuWeight table, float scale, Tensor y) : IDeviceWeightsCall
    {
        public void Run<T>() where T : struct, IDeviceWeights
        {
            var config = backend.Cells(ids.Rows, y.Shape.RowLength, out var cells);
            backend._kernels.Launch(
                config, EmbedMixtureKernel<T>, cells, Rows(ids), Rows(weights), Rows(rows), table.View, scale, Rows(y));
        }
    }

    /// <summary>
    /// y[rows[i]] = scale · Σ_j weights[i, j] · W[ids[i, j]], one thread an element. Reads a weight of the table for each term and writes 4
    /// bytes.
    /// </summary>
    /// <param name="cells">Which element of y.</param>
    /// <param name="ids">[count, terms].</param>
    /// <param name="weights">[count, terms]; 0 ends a row's terms.</param>
    /// <param name="rows">[count].</param>
    /// <param name="table">[vocabulary, rowLength].</param>
    /// <param name="scale">Embedding scale.</param>
    /// <param name="y">[tokens, hidden].</param>
    [GroupSize(CellGroup)]
    internal static void EmbedMixtureKernel<T>(
        DeviceCells cells, DeviceRows ids, DeviceRows weights, DeviceRows rows, DeviceMatrix table, float scale, DeviceRows y)
        where T : struct, IDeviceWeights
    {
        if (!cells.Inside) return;
        var (row, column) = (DeviceCells.Row, DeviceCells.Column);
        var (id, weight) = (ids.Offset(row), weights.Offset(row));
        var sum = weights.View[weight] * T.Load(table, ids.Integers[id], column);
        for (var j = 1; j < ids.Width; j++)
        {
            var w = weights.View[weight + j];
            if (w == 0) break;
            sum = DeviceMath.FusedMultiplyAdd(w, T.Load(table, ids.Integers[id + j], column), sum);
        }
        y.View[y.Offset(rows.Integers[rows.Offset(row)]) + column] = scale * sum;
    }
}
