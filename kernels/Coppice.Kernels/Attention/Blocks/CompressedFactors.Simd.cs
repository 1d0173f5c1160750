using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    private sealed partial class CompressedAttentionJob
    {
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

            /// <summary>Σ x[d] · B[d, r].</summary>
            internal float DotB(int r, float* x, int count) => _scales == null ? Dot(x, (ushort*)_b + (long)r * _headDim, count)
                : Scale(_bytesApart + r) * DotBytes(x, (sbyte*)_b + (long)r * _headDim, count);

            /// <summary>Σ x[j] · A[first + j, r].</summary>
            internal float DotA(int r, int first, int count, float* x) => _scales == null
                ? Dot(x, (ushort*)_a + (long)r * _tokens + first, count)
                : Scale(r) * DotBytes(x, (sbyte*)_a + (long)r * _tokens + first, count);

            /// <summary>target[j] += factor · A[first + j, r].</summary>
            internal void AddA(int r, int first, int count, float factor, float* target)
            {
                if (_scales == null) AddScaled(factor, (ushort*)_a + (long)r * _tokens + first, count, target);
                else AddScaledBytes(factor * Scale(r), (sbyte*)_a + (long)r * _tokens + first, count, target);
            }

            /// <summary>target[d] += factor · B[d, r].</summary>
            internal void AddB(int r, int count, float factor, float* target)
            {
                if (_scales == null) AddScaled(factor, (ushort*)_b + (long)r * _headDim, count, target);
                else AddScaledBytes(factor * Scale(_bytesApart + r), (sbyte*)_b + (long)r * _headDim, count, target);
            }

            private float Scale(int column) => (float)BitConverter.UInt16BitsToHalf(_scales[column]);

            private static float DotBytes(float* x, sbyte* bytes, int count)
            {
                var sum = TLanes.Zero;
                for (var i = 0; i < count; i += Lanes)
                    sum = TLanes.FusedMultiplyAdd(LoadUpTo(x + i, count - i, 0f), LoadBytes(bytes + i, count - i), sum);
                return TLanes.Sum(sum);
            }

            private static void AddScaledBytes(float factor, sbyte* bytes, int count, float* target)
            {
                var f = TLanes.Broadcast(factor);
                for (var i = 0; i < count; i += Lanes)
                    StoreUpTo(TLanes.FusedMultiplyAdd(f, LoadBytes(bytes + i, count - i), LoadUpTo(target + i, count - i, 0f)),
                        target + i, count - i);
            }

            private static TLanes LoadBytes(sbyte* bytes, int left)
            {
                var numbers = stackalloc float[Lanes];
                for (var i = 0; i < Lanes; i++) numbers[i] = i < left ? bytes[i] : 0f;
                return TLanes.Load(numbers);
            }
        }
    }
}
