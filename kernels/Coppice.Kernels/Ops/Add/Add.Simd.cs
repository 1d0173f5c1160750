using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    protected override void AddCore(Tensor x, Tensor delta, float scale, Tensor y) =>
        ForRows(new AddWork(x, delta, scale, y), x.Rows, x.Shape.RowLength);

    private readonly struct AddWork(Tensor x, Tensor delta, float scale, Tensor y) : IRowWork
    {
        public void Run(int row) => AddRow(Row(x, row), Row(delta, row), scale, x.Shape.RowLength, Row(y, row));
    }

    [MethodImpl(Compiled.Alone)]
    private static void AddRow(float* x, float* delta, float scale, int length, float* y)
    {
        var s = TLanes.Broadcast(scale);
        for (var i = 0; i < length; i += Lanes)
        {
            var left = length - i;
            StoreUpTo(TLanes.FusedMultiplyAdd(LoadUpTo(delta + i, left, 0f), s, LoadUpTo(x + i, left, 0f)), y + i, left);
        }
    }
}
