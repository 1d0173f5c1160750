using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    protected override void EmbedMixtureCore(Tensor ids, Tensor weights, Tensor rows, WeightMatrix table, float scale, Tensor y) =>
        ForRows(new EmbedMixtureWork(ids, weights, rows, (PanelMatrix)table, scale, y), ids.Rows, table.Inputs);

    private readonly struct EmbedMixtureWork(Tensor ids, Tensor weights, Tensor rows, PanelMatrix table, float scale, Tensor y) : IRowWork
    {
        /// <summary>Term by term, so that the row stays in the nearest cache and each term walks one lane of its panel.</summary>
        [MethodImpl(Compiled.Alone)]
        public void Run(int row)
        {
            var id = (int*)ids.Address + (long)row * ids.RowStride;
            var weight = (float*)weights.Address + (long)row * weights.RowStride;
            var sum = Row(y, ((int*)rows.Address)[(long)row * rows.RowStride]);
            for (var j = 0; j < ids.Last && (j == 0 || weight[j] != 0); j++)
            {
                System.Diagnostics.Debug.Assert((uint)id[j] < (uint)table.Outputs, "The caller checks token ids.");
                for (var k = 0; k < table.Inputs; k++)
                    sum[k] = j == 0 ? weight[j] * table[id[j], k] : MathF.FusedMultiplyAdd(weight[j], table[id[j], k], sum[k]);
            }
            for (var k = 0; k < table.Inputs; k++) sum[k] *= scale;
        }
    }
}
