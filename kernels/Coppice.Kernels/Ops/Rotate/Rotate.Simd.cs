using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    protected override void RotateCore(Tensor x) => ForRows(new RotateWork(x), x.Rows, x.Shape.RowLength, cost: 4);

    private readonly struct RotateWork(Tensor x) : IRowWork
    {
        [MethodImpl(Compiled.Alone)]
        public void Run(int row)
        {
            var length = x.Last & -x.Last;
            var factor = 1f / MathF.Sqrt(length);
            for (var first = 0; first < x.Shape.RowLength; first += length)
            {
                var run = Row(x, row) + first;
                for (var distance = 1; distance < length; distance *= 2)
                    for (var i = 0; i < length; i += 2 * distance) Butterfly(run + i, run + i + distance, distance);
                for (var i = 0; i < length; i += Lanes)
                    StoreUpTo(TLanes.Multiply(LoadUpTo(run + i, length - i, 0f), TLanes.Broadcast(factor)), run + i, length - i);
            }
        }

        /// <summary>Sums and differences of <paramref name="count"/> pairs.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Butterfly(float* a, float* b, int count)
        {
            var i = 0;
            for (; i <= count - Lanes; i += Lanes)
            {
                TLanes left = TLanes.Load(a + i), right = TLanes.Load(b + i);
                TLanes.Store(TLanes.Add(left, right), a + i);
                TLanes.Store(TLanes.Subtract(left, right), b + i);
            }
            for (; i < count; i++)
            {
                float left = a[i], right = b[i];
                a[i] = left + right;
                b[i] = left - right;
            }
        }
    }
}
