namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    protected override void RotateCore(Tensor x) => throw NoCompression();
}
