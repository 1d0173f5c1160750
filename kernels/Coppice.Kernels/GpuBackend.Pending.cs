namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    protected override void AttentionCore(Tensor q, in DenseKv kv, in AttentionMask mask, float scale, float softCap, Tensor y) => throw new NotSupportedException();
    protected override void AttentionCore(Tensor q, in PagedKv kv, in AttentionMask mask, float scale, float softCap, Tensor y) => throw new NotSupportedException();
    protected override void KvAppendCore(in DenseKv kv, Tensor k, Tensor v, int start) => throw new NotSupportedException();
    protected override void KvMoveCore(in DenseKv kv, ReadOnlySpan<int> sources, int start) => throw new NotSupportedException();
    protected override void KvAppendCore(in PagedKv kv, Tensor k, Tensor v, int start) => throw new NotSupportedException();
    protected override void KvMoveCore(in PagedKv kv, ReadOnlySpan<int> sources, int start) => throw new NotSupportedException();
    protected override void AddCore(Tensor x, Tensor delta, float scale, Tensor y) => throw new NotSupportedException();
    protected override void AddRowsCore(Tensor x, Tensor rows, Tensor scales, Tensor y) => throw new NotSupportedException();
    protected override void CopyRowsCore(Tensor x, Tensor rows, Tensor y) => throw new NotSupportedException();
    protected override void EmbedCore(Tensor ids, WeightMatrix table, float scale, Tensor y) => throw new NotSupportedException();
    protected override void GatedActivationCore<TActivation>(Tensor gate, Tensor up, Tensor y) => throw new NotSupportedException();
    protected override void LayerNormCore(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y) => throw new NotSupportedException();
    protected override void MapCore<TActivation>(Tensor x, Tensor y) => throw new NotSupportedException();
    protected override void MatMulCore(Tensor x, WeightMatrix weight, Tensor bias, Tensor y) => throw new NotSupportedException();
    protected override void RmsNormCore(Tensor x, Tensor weight, float epsilon, Tensor y) => throw new NotSupportedException();
    protected override void RopeCore(Tensor x, Tensor positions, Tensor cosines, Tensor sines, RopePairing pairing) => throw new NotSupportedException();
    protected override void SoftCapCore(Tensor x, float scale, float cap, Tensor y) => throw new NotSupportedException();
    protected override void SoftmaxCore(Tensor x, Tensor y) => throw new NotSupportedException();
    protected override void TopKCore(Tensor x, Tensor values, Tensor indices) => throw new NotSupportedException();
}
