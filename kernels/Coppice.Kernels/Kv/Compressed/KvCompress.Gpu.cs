namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    protected override void KvCompressCore(in PagedKv source, int first, KvChunkLayout layout, int layer, int number, Tensor chunks,
        int unit) => throw NoCompression();

    protected override void KvCompressCore(in DenseKv source, int first, KvChunkLayout layout, int layer, int number, Tensor chunks,
        int unit) => throw NoCompression();

    protected override void KvCompressCore(Tensor k, Tensor v, KvChunkLayout layout, int layer, int number, Tensor chunks, int unit) =>
        throw NoCompression();
}
