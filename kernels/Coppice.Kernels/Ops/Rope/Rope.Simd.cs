using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    protected override void RopeCore(Tensor x, Tensor positions, Tensor cosines, Tensor sines, RopePairing pairing)
    {
        var (heads, headDim, half) = (x.Shape[1], x.Shape[2], cosines.Last);
        for (var t = 0; t < x.Rows; t++)
        {
            var position = ((int*)positions.Address)[(long)t * positions.RowStride];
            System.Diagnostics.Debug.Assert((uint)position < (uint)cosines.Rows, "The caller checks positions.");
            float* cos = Row(cosines, position), sin = Row(sines, position), row = Row(x, t);
            for (var h = 0; h < heads; h++)
            {
                if (pairing == RopePairing.Half) TurnHalves(row + h * headDim, cos, sin, half);
                else TurnPairs(row + h * headDim, cos, sin, half);
            }
        }
    }

    private static void TurnHalves(float* x, float* cos, float* sin, int half)
    {
        for (var i = 0; i < half; i += Lanes)
        {
            var left = half - i;
            TLanes a = LoadUpTo(x + i, left, 0f), b = LoadUpTo(x + half + i, left, 0f), c = LoadUpTo(cos + i, left, 0f), s = LoadUpTo(sin + i, left, 0f);
            StoreUpTo(TLanes.Subtract(TLanes.Multiply(a, c), TLanes.Multiply(b, s)), x + i, left);
            StoreUpTo(TLanes.Add(TLanes.Multiply(b, c), TLanes.Multiply(a, s)), x + half + i, left);
        }
    }

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
