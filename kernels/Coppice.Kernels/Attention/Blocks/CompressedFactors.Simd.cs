using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    private sealed partial class CompressedAttentionJob
    {
        /// <summary>Scores += A (Bᵀ q): each column is widened once for all queries.</summary>
        private void AddKeyFactors(in BlockPart part, float* first, int queries, float* work)
        {
            var factors = new FactorView(part, isKeys: true);
            for (var r = 0; r < part.Layout.Rank; r++)
            {
                factors.WidenB(r, Scales(work));
                factors.WidenA(r, part.First, part.Count, Minima(work));
                for (var n = 0; n < queries; n++)
                {
                    var share = DotFloats(Source(At(first, n)), Scales(work), _headDim);
                    AddScaledFloats(share, Minima(work), part.Count, Scores(At(first, n)));
                }
            }
        }

        /// <summary>Outputs += B (Aᵀ p).</summary>
        private void AddValueFactors(in BlockPart part, float* first, int queries, float* work)
        {
            var factors = new FactorView(part, isKeys: false);
            for (var r = 0; r < part.Layout.Rank; r++)
            {
                factors.WidenA(r, part.First, part.Count, Minima(work));
                factors.WidenB(r, Scales(work));
                for (var n = 0; n < queries; n++)
                {
                    var share = DotFloats(Scores(At(first, n)), Minima(work), part.Count);
                    AddScaledFloats(share, Scales(work), _headDim, BlockOutput(At(first, n)));
                }
            }
        }

        /// <summary>Σ x[i] · y[i] for i below <paramref name="count"/>: 16 chains, then their tree; y is padded with zeros.</summary>
        [MethodImpl(Compiled.Alone)]
        private static float DotFloats(float* x, float* y, int count)
        {
            var sum = TLanes.Zero;
            for (var i = 0; i < count; i += Lanes)
                sum = TLanes.FusedMultiplyAdd(LoadUpTo(x + i, count - i, 0f), TLanes.Load(y + i), sum);
            return TLanes.Sum(sum);
        }

        /// <summary>target[i] += factor · y[i].</summary>
        [MethodImpl(Compiled.Alone)]
        private static void AddScaledFloats(float factor, float* y, int count, float* target)
        {
            var f = TLanes.Broadcast(factor);
            for (var i = 0; i < count; i += Lanes)
                StoreUpTo(TLanes.FusedMultiplyAdd(f, TLanes.Load(y + i), LoadUpTo(target + i, count - i, 0f)), target + i, count - i);
        }

        /// <summary>A and B of one head of a chunk, as they are stored.</summary>
        private readonly struct FactorView
        {
            private readonly byte* _a, _b;          // [rank][tokens], [rank][headDim]
            private readonly ushort* _scales;       // of bytes: A's columns, then B's
            private readonly int _tokens, _headDim, _bytesApart;

            internal FactorView(in BlockPart part, bool isKeys)
            {
                var layout = part.Layout;
                var (heads, rank) = (layout.KvHeads, layout.Rank);
                var factors = part.Chunk + (isKeys ? layout.KeyFactors : layout.ValueFactors);
                (_tokens, _headDim) = (layout.Tokens, layout.HeadDim);
                var size = layout.Codec.Factors == KvFactorType.F16 ? 2 : 1;
                _scales = null;
                _bytesApart = heads * rank;
                if (size == 1)
                {
                    _scales = (ushort*)factors + part.Head * rank;
                    factors += 2 * heads * rank * 2;
                }
                _a = factors + (long)part.Head * rank * _tokens * size;
                _b = factors + (long)heads * rank * _tokens * size + (long)part.Head * rank * _headDim * size;
            }

            /// <summary>A[first … first + count - 1, r], padded with zeros to whole vectors.</summary>
            internal void WidenA(int r, int first, int count, float* numbers) => Widen(_a, (long)r * _tokens + first, count, r, numbers);

            /// <summary>B[…, r], the same.</summary>
            internal void WidenB(int r, float* numbers) => Widen(_b, (long)r * _headDim, _headDim, _bytesApart + r, numbers);

            [MethodImpl(Compiled.Alone)]
            private void Widen(byte* factor, long at, int count, int column, float* numbers)
            {
                if (_scales == null)
                {
                    WidenHalves((ushort*)factor + at, count, numbers);
                    return;
                }
                var scale = TLanes.Broadcast((float)BitConverter.UInt16BitsToHalf(_scales[column]));
                for (var i = 0; i < count; i += Lanes)
                    TLanes.Store(TLanes.Multiply(LoadBytes((sbyte*)factor + at + i, count - i), scale), numbers + i);
            }

            private static TLanes LoadBytes(sbyte* bytes, int left)
            {
                if (left >= Lanes) return TLanes.LoadBytes(bytes);
                var padded = stackalloc sbyte[Lanes];
                for (var i = 0; i < Lanes; i++) padded[i] = i < left ? bytes[i] : (sbyte)0;
                return TLanes.LoadBytes(padded);
            }
        }
    }
}
