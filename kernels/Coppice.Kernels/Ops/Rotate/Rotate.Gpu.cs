using Coppice.Kernels.Gpu;
using ILGPU;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    protected override void RotateCore(Tensor x)
    {
        var length = x.Last & -x.Last;
        _kernels.Launch(GroupPerRow(x.Rows, x.Last, HeadsOf(x)), RotateKernel, Heads(x), length, 1f / MathF.Sqrt(length));
    }

    /// <summary>
    /// Sums and differences of neighbours at distance 1, 2, 4, …, then one product, for every run of a head: one group a (row, head).
    /// </summary>
    /// <param name="x">[rows, heads · headDim].</param>
    /// <param name="length">Elements of a run: a power of two.</param>
    /// <param name="factor">1 / √length.</param>
    [GroupSize(RowGroup)]
    internal static void RotateKernel(DeviceRows x, int length, float factor)
    {
        var at = x.Offset(Grid.IdxX, Grid.IdxY);
        for (var distance = 1; distance < length; distance *= 2)
        {
            for (var pair = Group.IdxX; pair < x.Width / 2; pair += Group.DimX)
            {
                var first = at + pair / distance * 2 * distance + pair % distance;
                var (left, right) = (x.View[first], x.View[first + distance]);
                x.View[first] = left + right;
                x.View[first + distance] = left - right;
            }
            Group.Barrier();
        }
        for (var i = Group.IdxX; i < x.Width; i += Group.DimX) x.View[at + i] *= factor;
    }
}
