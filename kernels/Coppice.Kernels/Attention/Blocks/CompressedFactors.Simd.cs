using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    private sealed partial class CompressedAttentionJob
    {
        /// <summary>Scores += A (Bᵀ q), or outputs += B (Aᵀ p): each column is widened once for all queries.</summary>
        private void AddFactors(in BlockPart part, bool isKeys, float* first, int queries, float* work)
        {
            var factors = new FactorView(part, isKeys);
            float* a = Minima(work), b = Scales(work);
            for (var r = 0; r < part.Layout.Rank; r++)
            {
                if (factors.AreHalves && part.Count % Lanes == 0 && _headDim % Lanes == 0)
                {
                    AddShares(factors.A(r, part.First), part.Count, factors.B(r), isKeys, first, queries);
                    continue;
                }
                factors.WidenA(r, part.First, part.Count, a);
                factors.WidenB(r, b);
                for (var n = 0; n < queries; n++)
                {
                    var query = At(first, n);
                    if (isKeys) AddShare(Source(query), b, _headDim, Scores(query), a, part.Count);
                    else AddShare(Scores(query), a, part.Count, BlockOutput(query), b, _headDim);
                }
            }
        }

        /// <summary>
        /// target[i] += (Σ x[k] · y[k]) · z[i]; the sum is of 16 chains, then their tree. y and z are padded with zeros to whole vectors.
        /// </summary>
        [MethodImpl(Compiled.Alone)]
        private static void AddShare(float* x, float* y, int terms, float* target, float* z, int count)
        {
            var sum = TLanes.Zero;
            var k = 0;
            for (; k <= terms - Lanes; k += Lanes) sum = TLanes.FusedMultiplyAdd(TLanes.Load(x + k), TLanes.Load(y + k), sum);
            if (k < terms) sum = TLanes.FusedMultiplyAdd(LoadUpTo(x + k, terms - k, 0f), TLanes.Load(y + k), sum);
            var share = TLanes.Broadcast(TLanes.Sum(sum));
            var i = 0;
            for (; i <= count - Lanes; i += Lanes)
                TLanes.Store(TLanes.FusedMultiplyAdd(share, TLanes.Load(z + i), TLanes.Load(target + i)), target + i);
            if (i < count)
                StoreUpTo(TLanes.FusedMultiplyAdd(share, TLanes.Load(z + i), LoadUpTo(target + i, count - i, 0f)), target + i, count - i);
        }

        /// <summary><see cref="AddShare"/> of all queries, of a column of each factor as it is stored.</summary>
        [MethodImpl(Compiled.Alone)]
        private void AddShares(ushort* a, int tokens, ushort* b, bool isKeys, float* first, int queries)
        {
            var (y, terms, z, count) = isKeys ? ((nint)b, _headDim, (nint)a, tokens) : ((nint)a, tokens, (nint)b, _headDim);
            for (var n = 0; n < queries; n++)
            {
                var query = At(first, n);
                float* x = isKeys ? Source(query) : Scores(query), target = isKeys ? Scores(query) : BlockOutput(query);
                var sum = TLanes.Zero;
                for (var k = 0; k < terms; k += Lanes)
                    sum = TLanes.FusedMultiplyAdd(TLanes.Load(x + k), TLanes.LoadF16((ushort*)y + k), sum);
                var share = TLanes.Broadcast(TLanes.Sum(sum));
                for (var i = 0; i < count; i += Lanes)
                    TLanes.Store(TLanes.FusedMultiplyAdd(share, TLanes.LoadF16((ushort*)z + i), TLanes.Load(target + i)), target + i);
            }
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

            internal bool AreHalves => _scales == null;

            /// <summary>A[first …, r] as it is stored, where factors are F16.</summary>
            internal ushort* A(int r, int first) => (ushort*)_a + (long)r * _tokens + first;

            /// <summary>B[…, r], the same.</summary>
            internal ushort* B(int r) => (ushort*)_b + (long)r * _headDim;

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
