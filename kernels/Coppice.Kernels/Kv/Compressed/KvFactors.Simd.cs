using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    private sealed partial class CompressJob
    {
        private readonly ref partial struct HeadPart
        {
            /// <summary>A column that loses all but this share of its norm to the columns before it is dependent on them.</summary>
            private const float Dependent = 1e-6f;

            /// <summary>
            /// A with orthonormal columns and B = Rᵀ A, for what codes leave, R [tokens, headDim], by power iteration (Vogels et al.,
            /// PowerSGD, alg. 1, with orthonormal columns in every loop).
            /// </summary>
            private void Solve()
            {
                var rank = _layout.Rank;
                var start = new KvStart(_layout.Codec.Seed, _layer, _head, _part.IsKeys, _number);
                for (var r = 0; r < rank; r++)
                {
                    new Span<float>(FactorA(r), _longest).Clear();
                    new Span<float>(FactorB(r), _longest).Clear();
                    for (var d = 0; d < HeadDim; d++) FactorB(r)[d] = start.Entry(d, r);
                }
                for (var loop = 0; loop < _layout.Codec.Loops; loop++)
                {
                    Orthonormalise(FactorB(0), HeadDim);
                    for (var r = 0; r < rank; r++)
                        if (_part.IsKeys) SumRuns(FactorB(r), FactorA(r));
                        else SumLanes(FactorB(r), FactorA(r));
                    Orthonormalise(FactorA(0), Tokens);
                    for (var r = 0; r < rank; r++)
                        if (_part.IsKeys) SumLanes(FactorA(r), FactorB(r));
                        else SumRuns(FactorA(r), FactorB(r));
                }
                if (_layout.Codec.ShrinkFactors) Shrink();
            }

            /// <summary>Factors of the tokens, and what they leave in place of the tokens.</summary>
            private void TakeFactors()
            {
                SetAside();
                Solve();
                StoreFactors();
                for (var run = 0; run < _part.Runs; run++)
                {
                    for (var r = 0; r < _layout.Rank; r++)
                    {
                        float* runs = _part.IsKeys ? FactorB(r) : FactorA(r), lanes = _part.IsKeys ? FactorA(r) : FactorB(r);
                        var factor = TLanes.Broadcast(-runs[run]);
                        for (var i = 0; i < _part.RunLength; i += Lanes)
                            TLanes.Store(TLanes.FusedMultiplyAdd(factor, TLanes.Load(lanes + i), TLanes.Load(Run(run) + i)), Run(run) + i);
                    }
                }
                PutBack();
            }

            /// <summary>lanes[i] = Σ matrix[run, i] · runs[run], one chain over the runs ascending.</summary>
            [MethodImpl(Compiled.Alone)]
            private void SumRuns(float* runs, float* lanes)
            {
                var count = _part.Runs;
                var i = 0;
                for (; i <= _apart - 4 * Lanes; i += 4 * Lanes)
                {
                    TLanes s0 = TLanes.Zero, s1 = TLanes.Zero, s2 = TLanes.Zero, s3 = TLanes.Zero;
                    var row = _matrix + i;
                    for (var run = 0; run < count; run++, row += _apart)
                    {
                        var x = TLanes.Broadcast(runs[run]);
                        s0 = TLanes.FusedMultiplyAdd(x, TLanes.Load(row), s0);
                        s1 = TLanes.FusedMultiplyAdd(x, TLanes.Load(row + 16), s1);
                        s2 = TLanes.FusedMultiplyAdd(x, TLanes.Load(row + 32), s2);
                        s3 = TLanes.FusedMultiplyAdd(x, TLanes.Load(row + 48), s3);
                    }
                    TLanes.Store(s0, lanes + i);
                    TLanes.Store(s1, lanes + i + 16);
                    TLanes.Store(s2, lanes + i + 32);
                    TLanes.Store(s3, lanes + i + 48);
                }
                for (; i < _apart; i += Lanes)
                {
                    var sum = TLanes.Zero;
                    for (var run = 0; run < count; run++)
                        sum = TLanes.FusedMultiplyAdd(TLanes.Broadcast(runs[run]), TLanes.Load(Run(run) + i), sum);
                    TLanes.Store(sum, lanes + i);
                }
                // Lanes beyond the last hold what was there before.
                new Span<float>(lanes + _part.RunLength, _longest - _part.RunLength).Clear();
            }

            /// <summary>runs[run] = Σ matrix[run, i] · lanes[i]: 16 chains, then their tree.</summary>
            [MethodImpl(Compiled.Alone)]
            private void SumLanes(float* lanes, float* runs)
            {
                for (var run = 0; run < _part.Runs; run++) runs[run] = Product(Run(run), lanes, _part.RunLength);
            }

            /// <summary>Σ a[i] · b[i]: 16 chains, then their tree.</summary>
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            private static float Product(float* a, float* b, int count)
            {
                var sum = TLanes.Zero;
                for (var i = 0; i < count; i += Lanes)
                    sum = TLanes.FusedMultiplyAdd(LoadUpTo(a + i, count - i, 0f), LoadUpTo(b + i, count - i, 0f), sum);
                return TLanes.Sum(sum);
            }

            /// <summary>Modified Gram-Schmidt, twice for each column; one that depends on those before it becomes zeros.</summary>
            [MethodImpl(Compiled.Alone)]
            private void Orthonormalise(float* columns, int length)
            {
                for (var c = 0; c < _layout.Rank; c++)
                {
                    var column = columns + (long)c * _longest;
                    var before = MathF.Sqrt(Product(column, column, length));
                    for (var turn = 0; turn < 2; turn++)
                        for (var earlier = 0; earlier < c; earlier++)
                        {
                            var other = columns + (long)earlier * _longest;
                            var share = TLanes.Broadcast(-Product(other, column, length));
                            for (var i = 0; i < length; i += Lanes)
                                TLanes.Store(TLanes.FusedMultiplyAdd(share, TLanes.Load(other + i), TLanes.Load(column + i)), column + i);
                        }
                    var after = MathF.Sqrt(Product(column, column, length));
                    var factor = TLanes.Broadcast(after > Dependent * before ? 1f / after : 0f);
                    for (var i = 0; i < length; i += Lanes) TLanes.Store(TLanes.Multiply(TLanes.Load(column + i), factor), column + i);
                }
            }

            /// <summary>Rounds the factors to how they are stored, and stores them.</summary>
            private void StoreFactors()
            {
                var factors = _chunk + (_part.IsKeys ? _layout.KeyFactors : _layout.ValueFactors);
                var (heads, rank) = (_layout.KvHeads, _layout.Rank);
                var isBytes = _layout.Codec.Factors == KvFactorType.I8;
                var scales = (ushort*)factors;
                if (isBytes) factors += 4 * heads * rank;
                var size = isBytes ? 1 : 2;
                for (var r = 0; r < rank; r++)
                {
                    var column = _head * rank + r;
                    byte* a = factors + (long)column * Tokens * size;
                    byte* b = factors + ((long)heads * rank * Tokens + (long)column * HeadDim) * size;
                    if (isBytes)
                    {
                        scales[column] = StoreBytes(FactorA(r), Tokens, (sbyte*)a);
                        scales[heads * rank + column] = StoreBytes(FactorB(r), HeadDim, (sbyte*)b);
                    }
                    else
                    {
                        StoreHalves(FactorA(r), Tokens, (ushort*)a);
                        StoreHalves(FactorB(r), HeadDim, (ushort*)b);
                    }
                }
                var used = 4 * heads * rank + heads * rank * (Tokens + HeadDim);
                if (isBytes && _head == 0)
                    new Span<byte>((byte*)scales + used, _layout.FactorBytes - used).Clear();
            }

            private static void StoreHalves(float* column, int count, ushort* target)
            {
                for (var i = 0; i < count; i++)
                {
                    target[i] = ToHalf(column[i]);
                    column[i] = ToSingle(target[i]);
                }
            }

            /// <summary>Bytes with the scale that is returned, an F16.</summary>
            private static ushort StoreBytes(float* column, int count, sbyte* target)
            {
                var largest = 0f;
                for (var i = 0; i < count; i++) largest = MathF.Max(largest, MathF.Abs(column[i]));
                var half = ToHalf(largest / 127f);
                var scale = ToSingle(half);
                for (var i = 0; i < count; i++)
                {
                    var code = scale == 0f ? 0f : Math.Clamp(MathF.Round(column[i] / scale), -127f, 127f);
                    target[i] = (sbyte)code;
                    column[i] = scale * code;
                }
                return half;
            }
        }
    }
}
