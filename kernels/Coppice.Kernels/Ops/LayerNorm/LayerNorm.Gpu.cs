using Coppice.Kernels.Gpu;
using ILGPU;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void LayerNormCore(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y)
    {
        var hasBias = bias.IsEmpty ? 0 : 1;
        _kernels.Launch(GroupPerRow(x.Rows, x.Last, HeadsOf(x)), LayerNormKernel,
            Heads(x), View<float>(weight), ViewOrAny<float>(bias), hasBias, epsilon, Heads(y));
    }

    /// <summary>y = weight · (x - mean(x)) / √(var(x) + ε) + bias, a group a row.</summary>
    /// <remarks>
    /// The mean first, then the squared deviations: one pass over x² - mean² would cancel. Thread i owns elements i, i + group, …
    /// Reads 20 bytes (x the second and third time from cache) and writes 4 for each element.
    /// </remarks>
    [GroupSize(RowGroup)]
    internal static void LayerNormKernel(DeviceRows x, ArrayView<float> weight, ArrayView<float> bias, int hasBias, float epsilon,
        DeviceRows y)
    {
        var (from, to) = (x.Offset(Grid.IdxX, Grid.IdxY), y.Offset(Grid.IdxX, Grid.IdxY));
        var sum = 0f;
        for (var i = Group.IdxX; i < x.Width; i += Group.DimX) sum += x.View[from + i];
        var mean = DeviceMath.Once(Reduction.GroupSum(sum) / x.Width);

        var squares = 0f;
        for (var i = Group.IdxX; i < x.Width; i += Group.DimX)
        {
            var deviation = x.View[from + i] - mean;
            squares = DeviceMath.FusedMultiplyAdd(deviation, deviation, squares);
        }
        var factor = DeviceMath.Once(1f / MathF.Sqrt(Reduction.GroupSum(squares) / x.Width + epsilon));

        for (var i = Group.IdxX; i < x.Width; i += Group.DimX)
        {
            var offset = hasBias != 0 ? bias[i] : 0f;
            y.View[to + i] = DeviceMath.FusedMultiplyAdd(weight[i], (x.View[from + i] - mean) * factor, offset);
        }
    }
}
