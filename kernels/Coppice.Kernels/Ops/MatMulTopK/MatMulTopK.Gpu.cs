namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    /// <remarks>
    /// Two launches more than the product: the best of each segment of a row, then of its segments. What leaves the device is k pairs for
    /// each row.
    /// </remarks>
    protected override void MatMulTopKCore(Tensor x, WeightMatrix weight, Tensor bias, Tensor y, Tensor values, Tensor indices)
    {
        MatMulCore(x, weight, bias, y);
        TopKCore(y, values, indices);
    }
}
