using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    protected override void RmsNormCore(Tensor x, Tensor weight, float epsilon, Tensor y) =>
        ForRows(new RmsNormWork(x, default, 0f, weight, epsilon, y), x.Rows, x.Shape.RowLength);

    protected override void AddRmsNormCore(Tensor x, Tensor delta, float scale, Tensor weight, float epsilon, Tensor y) =>
        ForRows(new RmsNormWork(x, delta, scale, weight, epsilon, y), x.Rows, x.Shape.RowLength);

    private readonly struct RmsNormWork(Tensor x, Tensor delta, float scale, Tensor weight, float epsilon, Tensor y) : IRowWork
    {
        public void Run(int row)
        {
            float* source = Row(x, row), destination = Row(y, row), gain = Row(weight, 0);
            if (!delta.IsEmpty) AddRow(source, Row(delta, row), scale, x.Shape.RowLength, source);
            for (var i = 0; i < x.Shape.RowLength; i += x.Last) NormalizeRow(source + i, gain, x.Last, epsilon, destination + i);
        }
    }

    [MethodImpl(Compiled.Alone)]
    private static void NormalizeRow(float* x, float* weight, int length, float epsilon, float* y)
    {
        var factor = TLanes.Broadcast(1f / MathF.Sqrt(SumOfSquares(x, length) / length + epsilon));
        var i = 0;
        for (; i <= length - Lanes; i += Lanes)
            TLanes.Store(TLanes.Multiply(TLanes.Multiply(TLanes.Load(x + i), factor), TLanes.Load(weight + i)), y + i);
        if (i == length) return;
        var tail = TLanes.Multiply(TLanes.Multiply(LaneMath.LoadPartial<TLanes>(x + i, length - i), factor),
            LaneMath.LoadPartial<TLanes>(weight + i, length - i));
        LaneMath.StorePartial(tail, y + i, length - i);
    }

    /// <summary>Σ x², in two chains of 16 lanes.</summary>
    [MethodImpl(Compiled.Alone)]
    private static float SumOfSquares(float* x, int length)
    {
        TLanes s0 = TLanes.Zero, s1 = TLanes.Zero;
        var i = 0;
        for (; i <= length - 2 * Lanes; i += 2 * Lanes)
        {
            TLanes a = TLanes.Load(x + i), b = TLanes.Load(x + i + Lanes);
            s0 = TLanes.FusedMultiplyAdd(a, a, s0);
            s1 = TLanes.FusedMultiplyAdd(b, b, s1);
        }
        for (; i < length; i += Lanes)
        {
            var a = length - i >= Lanes ? TLanes.Load(x + i) : LaneMath.LoadPartial<TLanes>(x + i, length - i);
            s0 = TLanes.FusedMultiplyAdd(a, a, s0);
        }
        return TLanes.Sum(TLanes.Add(s0, s1));
    }
}
