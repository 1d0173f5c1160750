using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    protected override void EmbedCore(Tensor ids, WeightMatrix table, float scale, Tensor y)
    {
        var w = (PanelMatrix)table;
        var stride = ids.RowStride;
        for (var t = 0; t < ids.Rows; t++)
        {
            var id = ((int*)ids.Address)[(long)t * stride];
            System.Diagnostics.Debug.Assert((uint)id < (uint)w.Outputs, "The caller checks token ids.");
            var row = Row(y, t);
            for (var k = 0; k < w.Inputs; k++) row[k] = scale * w[id, k];
        }
    }
}
