namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    protected override void AddRowsCore(Tensor x, Tensor rows, Tensor scales, Tensor y)
    {
        for (var i = 0; i < x.Rows; i++)
        {
            var target = Row(y, ((int*)rows.Address)[(long)i * rows.RowStride]);
            AddRow(target, Row(x, i), ((float*)scales.Address)[(long)i * scales.RowStride], x.Shape.RowLength, target);
        }
    }
}
