using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    protected override void SoftmaxCore(Tensor x, Tensor y) => ForRows(new SoftmaxWork(x, y), x.Rows, x.Last);

    private readonly struct SoftmaxWork(Tensor x, Tensor y) : IRowWork
    {
        public void Run(int row) => SoftmaxRow(Row(x, row), x.Last, Row(y, row));
    }

    [MethodImpl(Compiled.Alone)]
    private static void SoftmaxRow(float* x, int length, float* y)
    {
        var largest = TLanes.Broadcast(float.NegativeInfinity);
        for (var i = 0; i < length; i += Lanes) largest = TLanes.Max(LoadUpTo(x + i, length - i, float.NegativeInfinity), largest);
        var max = TLanes.Largest(largest);
        if (float.IsNegativeInfinity(max))
        {
            new Span<float>(y, length).Clear();
            return;
        }
        var (shift, sum) = (TLanes.Broadcast(max), TLanes.Zero);
        for (var i = 0; i < length; i += Lanes)
        {
            var e = LaneMath.Exp(TLanes.Subtract(LoadUpTo(x + i, length - i, float.NegativeInfinity), shift));
            sum = TLanes.Add(sum, e);
            StoreUpTo(e, y + i, length - i);
        }
        var factor = TLanes.Broadcast(1f / TLanes.Sum(sum));
        for (var i = 0; i < length; i += Lanes) StoreUpTo(TLanes.Multiply(LoadUpTo(y + i, length - i, 0f), factor), y + i, length - i);
    }
}
