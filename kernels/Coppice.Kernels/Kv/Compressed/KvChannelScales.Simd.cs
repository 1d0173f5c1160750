using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    private sealed partial class CompressJob
    {
        private readonly ref partial struct HeadPart
        {
            /// <summary>F16 of the head, [headDim].</summary>
            private ushort* ChannelScales => (ushort*)((byte*)StoredScales + _part.GroupBytes) + (long)_head * HeadDim;

            /// <summary>
            /// Divides each channel by its root mean square over the tokens that are not exact, an F16; one of zeros by 1.
            /// </summary>
            private void DivideChannels()
            {
                SumSquares(Minima);
                for (var d = 0; d < HeadDim; d++)
                {
                    var scale = ToHalf(MathF.Sqrt(Minima[d] / (Tokens - Exact)));
                    ChannelScales[d] = scale == 0 ? ToHalf(1f) : scale;
                }
                ReadChannelScales();
                for (var run = 0; run < _part.Runs; run++)
                    for (var i = 0; i < _part.RunLength; i += Lanes)
                        TLanes.Store(TLanes.Divide(TLanes.Load(Run(run) + i), ScaleAt(run, i)), Run(run) + i);
            }

            private void MultiplyChannels()
            {
                ReadChannelScales();
                for (var run = 0; run < _part.Runs; run++)
                    for (var i = 0; i < _part.RunLength; i += Lanes)
                        TLanes.Store(TLanes.Multiply(TLanes.Load(Run(run) + i), ScaleAt(run, i)), Run(run) + i);
            }

            private TLanes ScaleAt(int run, int i) => _part.IsKeys ? TLanes.Broadcast(Minima[run]) : TLanes.Load(Minima + i);

            /// <summary>Scales of channels as F32, with ones after them up to a whole vector.</summary>
            private void ReadChannelScales()
            {
                for (var d = 0; d < HeadDim; d++) Minima[d] = ToSingle(ChannelScales[d]);
                new Span<float>(Minima + HeadDim, RoundUp(HeadDim) - HeadDim).Fill(1f);
            }

            /// <summary>Σ x² of each channel.</summary>
            [MethodImpl(Compiled.Alone)]
            private void SumSquares(float* sums)
            {
                if (_part.IsKeys)
                {
                    for (var d = 0; d < HeadDim; d++) sums[d] = Product(Run(d) + Exact, Run(d) + Exact, Tokens - Exact);
                    return;
                }
                for (var i = 0; i < HeadDim; i += Lanes)
                {
                    var sum = TLanes.Zero;
                    for (var token = Exact; token < Tokens; token++)
                    {
                        var x = TLanes.Load(Run(token) + i);
                        sum = TLanes.FusedMultiplyAdd(x, x, sum);
                    }
                    TLanes.Store(sum, sums + i);
                }
            }
        }
    }
}
