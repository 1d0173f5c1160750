using Coppice.Kernels.Gpu;
using ILGPU;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void RopeCore(Tensor x, Tensor positions, Tensor cosines, Tensor sines, RopePairing pairing)
    {
        var pairs = cosines.Last;
        if (pairs == 0) return;
        var (step, distance) = pairing == RopePairing.Half ? (1, pairs) : (2, 1);
        var config = Cells(x.Rows, x.Shape[1] * pairs, out var cells);
        _kernels.Launch(config, RopeKernel, cells, Rows(positions), Rows(cosines), Rows(sines),
            new RopeLayout(x.Last, pairs, step, distance), Rows(x));
    }

    /// <summary>
    /// Where pair i of a head lies: elements i · Step and i · Step + Distance. (1, pairs) is the half pairing, (2, 1) the interleaved.
    /// </summary>
    internal readonly struct RopeLayout(int headDim, int pairs, int step, int distance)
    {
        internal readonly int HeadDim = headDim, Pairs = pairs, Step = step, Distance = distance;
    }

    /// <summary>(a, b) becomes (a cos - b sin, b cos + a sin), one thread a pair. Reads 16 bytes and writes 8 for each.</summary>
    /// <param name="cells">Row: token. Column: head · pairs + pair.</param>
    /// <param name="positions">[tokens].</param>
    /// <param name="cosines">[positions, pairs].</param>
    /// <param name="sines">[positions, pairs].</param>
    /// <param name="layout">Which elements are a pair.</param>
    /// <param name="x">[tokens, heads · headDim], in place.</param>
    [GroupSize(CellGroup)]
    internal static void RopeKernel(DeviceCells cells, DeviceRows positions, DeviceRows cosines, DeviceRows sines, RopeLayout layout,
        DeviceRows x)
    {
        if (!cells.Inside) return;
        var (row, column) = (DeviceCells.Row, DeviceCells.Column);
        var (head, pair) = (column / layout.Pairs, column % layout.Pairs);
        var position = positions.Integers[positions.Offset(row)];
        var cosine = cosines.View[cosines.Offset(position) + pair];
        var sine = sines.View[sines.Offset(position) + pair];
        var first = x.Offset(row) + head * layout.HeadDim + pair * layout.Step;
        var (a, b) = (x.View[first], x.View[first + layout.Distance]);
        x.View[first] = DeviceMath.FusedMultiplyAdd(a, cosine, -(b * sine));
        x.View[first + layout.Distance] = DeviceMath.FusedMultiplyAdd(b, cosine, a * sine);
    }
}
