using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    protected override void RopeCore(Tensor x, Tensor positions, Tensor cosines, Tensor sines, RopePairing pairing) =>
        ForRows(new RopeWork(x, positions, cosines, sines, pairing), x.Rows, x.Shape.RowLength);

    private readonly struct RopeWork(Tensor x, Tensor positions, Tensor cosines, Tensor sines, RopePairing pairing) : IRowWork
    {
        public void Run(int row)
        {
            var position = ((int*)positions.Address)[(long)row * positions.RowStride];
            System.Diagnostics.Debug.Assert((uint)position < (uint)cosines.Rows, "The caller checks positions.");
            float* cos = Row(cosines, position), sin = Row(sines, position), head = Row(x, row);
            for (var h = 0; h < x.Shape[1]; h++, head += x.Last)
            {
                if (pairing == RopePairing.Half) TurnHalves(head, cos, sin, cosines.Last);
                else TurnPairs(head, cos, sin, cosines.Last);
            }
        }
    }

    [MethodImpl(Compiled.Alone)]
    private static void TurnHalves(float* x, float* cos, float* sin, int half)
    {
        for (var i = 0; i < half; i += Lanes)
        {
            var left = half - i;
            TLanes a = LoadUpTo(x + i, left, 0f), b = LoadUpTo(x + half + i, left, 0f), c = LoadUpTo(cos + i, left, 0f),
                s = LoadUpTo(sin + i, left, 0f);
            StoreUpTo(TLanes.Subtract(TLanes.Multiply(a, c), TLanes.Multiply(b, s)), x + i, left);
            StoreUpTo(TLanes.Add(TLanes.Multiply(b, c), TLanes.Multiply(a, s)), x + half + i, left);
        }
    }

    [MethodImpl(Compiled.Alone)]
    private static void TurnPairs(float* x, float* cos, float* sin, int half)
    {
        for (var i = 0; i < half; i++)
        {
            var (a, b) = (x[2 * i], x[2 * i + 1]);
            x[2 * i] = a * cos[i] - b * sin[i];
            x[2 * i + 1] = b * cos[i] + a * sin[i];
        }
    }
}
