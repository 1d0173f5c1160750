using Coppice.Kernels.Gpu;
using ILGPU;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void SoftmaxCore(Tensor x, Tensor y) =>
        _kernels.Launch(GroupPerRow(x.Rows, x.Last), SoftmaxKernel, Rows(x), Rows(y));

    /// <summary>y = exp(x - max(x)) / Σ exp(x - max(x)), a group a row: maximum, then sum, then quotient.</summary>
    /// <remarks>
    /// Thread i owns elements i, i + group, … Reads 12 bytes (the last two times from cache) and writes 4 for each element.
    /// </remarks>
    [GroupSize(RowGroup)]
    internal static void SoftmaxKernel(DeviceRows x, DeviceRows y)
    {
        var (from, to) = (x.Offset(Grid.IdxX), y.Offset(Grid.IdxX));
        var max = float.NegativeInfinity;
        for (var i = Group.IdxX; i < x.Width; i += Group.DimX) max = MathF.Max(max, x.View[from + i]);
        max = Reduction.GroupMax(max);
        if (max == float.NegativeInfinity) max = 0f;        // a row of nothing: every exponential below is 0

        var sum = 0f;
        for (var i = Group.IdxX; i < x.Width; i += Group.DimX) sum += MathF.Exp(x.View[from + i] - max);
        sum = Reduction.GroupSum(sum);

        var factor = DeviceMath.Once(sum == 0f ? 0f : 1f / sum);
        for (var i = Group.IdxX; i < x.Width; i += Group.DimX) y.View[to + i] = MathF.Exp(x.View[from + i] - max) * factor;
    }
}
