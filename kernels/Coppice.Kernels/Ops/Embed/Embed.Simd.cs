using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    protected override void EmbedCore(Tensor ids, WeightMatrix table, float scale, Tensor y) =>
        ForRows(new EmbedWork(ids, (PanelMatrix)table, scale, y), ids.Rows, table.Inputs);

    private readonly struct EmbedWork(Tensor ids, PanelMatrix table, float scale, Tensor y) : IRowWork
    {
        [MethodImpl(Compiled.Alone)]
        public void Run(int row)
        {
            var id = ((int*)ids.Address)[(long)row * ids.RowStride];
            System.Diagnostics.Debug.Assert((uint)id < (uint)table.Outputs, "The caller checks token ids.");
            var destination = Row(y, row);
            for (var k = 0; k < table.Inputs; k++) destination[k] = scale * table[id, k];
        }
    }
}
