namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    private static NotSupportedException NoCompression() =>
        new("compressed cache: it needs the CPU back end so far (choose Device \"cpu\" or an uncompressed cache).");

    protected override void AttendBlocksCore(Tensor q, in CompressedKv kv, in AttentionMask mask, float scale, float softCap,
        Tensor states) => throw NoCompression();

    protected override void AttendBlocksCore(Tensor q, in PagedKv kv, in AttentionMask mask, in KvHorizon from, float scale, float softCap,
        Tensor states, bool continues) => throw NoCompression();

    protected override void AttendBlocksCore(Tensor q, in DenseKv kv, in AttentionMask mask, in KvHorizon from, float scale, float softCap,
        Tensor states, bool continues) => throw NoCompression();

    protected override void MergeBlocksCore(Tensor states, Tensor y) => throw NoCompression();
}
