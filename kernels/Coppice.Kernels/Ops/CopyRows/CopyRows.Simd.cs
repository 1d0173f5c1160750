namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    protected override void CopyRowsCore(Tensor x, Tensor rows, Tensor y)
    {
        for (var i = 0; i < rows.Rows; i++)
        {
            var row = ((int*)rows.Address)[(long)i * rows.RowStride];
            System.Diagnostics.Debug.Assert((uint)row < (uint)x.Rows, "The caller checks row indices.");
            new ReadOnlySpan<float>(Row(x, row), x.Shape.RowLength).CopyTo(new Span<float>(Row(y, i), x.Shape.RowLength));
        }
    }
}
