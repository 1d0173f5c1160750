using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>Sums over the codes of a block, for keys and values alike, and the small loops beside them.</summary>
    private sealed partial class CompressedAttentionJob
    {
        // Memory of a thread, besides that of its queries.
        private float* Factors(float* work, int query) => work + (long)query * _runs;
        private float* Starts(float* work) => Factors(work, MostQueries);
        private float* Lines(float* work) => Starts(work) + RoundUp(MostQueries);
        private float* Scales(float* work) => Lines(work) + (long)MostQueries * LineFloats;
        private float* Minima(float* work) => Scales(work) + _runs;
        private byte* Bytes(float* work) => (byte*)(Minima(work) + _runs);
        /// <summary>Outliers use the memory of codes, which are not needed any more then.</summary>
        private float* Spare(float* work) => (float*)Bytes(work);

        private int WorkOfQueries => MostQueries * (_runs + LineFloats) + RoundUp(MostQueries);

        /// <summary>A sum for every lane, and what a vector may write after the last.</summary>
        private int LineFloats => _runs + Lanes;

        private static int RoundUp(int count) => (count + Lanes - 1) / Lanes * Lanes;

        /// <summary>
        /// target[query][lane] = start + Σ factor · code over some runs, for all queries: chains over the runs ascending, whatever the
        /// number of queries and of lanes.
        /// </summary>
        /// <param name="codes">Codes.</param>
        /// <param name="lane">The first lane.</param>
        /// <param name="lanes">How many.</param>
        /// <param name="runs">Runs.</param>
        /// <param name="queries">Queries.</param>
        /// <param name="target">The first query's sums.</param>
        /// <param name="apart">Floats from one query's sums to the next's.</param>
        /// <param name="work">Memory, with factors and starts of the queries.</param>
        private void SumCodes(in BlockCodes codes, int lane, int lanes, int runs, int queries, float* target, long apart, float* work)
        {
            if (codes.ArePacked)
            {
                SumPacked(codes.Packed, lane, lanes, runs, queries, target, apart, work);
                return;
            }
            // What is after the last lane of the target belongs to something else.
            var isWhole = lanes % Lanes == 0;
            var sums = isWhole ? target : Lines(work);
            var sumsApart = isWhole ? apart : LineFloats;
            int some;
            for (var n = 0; n < queries; n += some)
            {
                some = BatchOf(queries - n);
                SumCodes(codes.First + lane, codes.Step, runs, lanes, some, Factors(work, n), Starts(work) + n, sums + n * sumsApart,
                    sumsApart);
            }
            for (var n = 0; n < queries && !isWhole; n++)
                new ReadOnlySpan<float>(sums + n * sumsApart, lanes).CopyTo(new Span<float>(target + n * apart, lanes));
        }

        [MethodImpl(Compiled.Alone)]
        private void SumCodes(byte* codes, long step, int runs, int lanes, int queries, float* factors, float* starts, float* sums,
            long sumsApart)
        {
            // Of 256 bits there are registers for twelve sums.
            var most = typeof(TLanes) == typeof(Lanes512) || queries == 1 ? 4 : 2;
            var i = 0;
            for (; most == 4 && i < lanes - 3 * Lanes; i += 4 * Lanes)
                KvCodesBy4(queries, codes + i, step, runs, factors, _runs, starts, sums + i, sumsApart);
            for (; most >= 2 && i < lanes - Lanes; i += 2 * Lanes)
                KvCodesBy2(queries, codes + i, step, runs, factors, _runs, starts, sums + i, sumsApart);
            for (; i < lanes; i += Lanes) KvCodesBy1(queries, codes + i, step, runs, factors, _runs, starts, sums + i, sumsApart);
        }

        /// <summary>The same of codes that are packed.</summary>
        private void SumPacked(in PackedCodes codes, int lane, int lanes, int runs, int queries, float* target, long apart, float* work)
        {
            for (var i = 0; i < lanes; i += CodeSpread.Codes)
            {
                var some = codes.HasWidths ? codes : codes.From(0, lane + i);
                for (int n = 0, count; n < queries; n += count)
                {
                    count = Math.Min(4, queries - n);
                    float* starts = Starts(work) + n, sums = target + i + n * apart;
                    if (codes.HasWidths) PackedCodeTiles.OfWidths(count, &some, runs, Factors(work, n), _runs, starts, sums, apart);
                    else if (codes.Bits == 4) PackedCodeTiles.Nibbles(count, &some, runs, Factors(work, n), _runs, starts, sums, apart);
                    else if (codes.Bits == 2) PackedCodeTiles.Pairs(count, &some, runs, Factors(work, n), _runs, starts, sums, apart);
                    else PackedCodeTiles.Alike(count, &some, runs, Factors(work, n), _runs, starts, sums, apart);
                }
            }
        }

        /// <summary>Of <paramref name="left"/> queries, those that the next tile takes.</summary>
        private static int BatchOf(int left)
        {
            if (typeof(TLanes) == typeof(Lanes512)) return Math.Min(4, left);
            return left == 4 ? 2 : Math.Min(3, left);
        }

        /// <summary>F16 as F32, padded with zeros to whole vectors.</summary>
        [MethodImpl(Compiled.Alone)]
        private static void WidenHalves(ushort* halves, int count, float* numbers)
        {
            for (var i = 0; i < count; i += Lanes) TLanes.Store(LoadHalves(halves + i, count - i), numbers + i);
        }

        /// <summary>
        /// Of every query the elements, or the weights of values, times scales as factors, and their products with minima as starts; minima
        /// and scales from number <paramref name="at"/> on.
        /// </summary>
        private void WeightAll(in BlockPart part, KvPartLayout side, long at, int count, float* first, int queries, float* work)
        {
            if (!side.ScalesAreBytes && count % Lanes == 0)
            {
                var minima = (ushort*)StoredScales(part, side) + at;
                WeightHalves(minima, minima + (side.HasMinimum ? side.ScaleCount : 0), count, first, queries, side.IsKeys, work);
                return;
            }
            ReadScales(part, side, at, count, work);
            for (var n = 0; n < queries; n++)
            {
                var x = side.IsKeys ? Source(At(first, n)) : Scores(At(first, n));
                Starts(work)[n] = Weight(x, Scales(work), Minima(work), count, Factors(work, n));
            }
        }

        /// <summary>The same operations as <see cref="Weight"/> of every query.</summary>
        [MethodImpl(Compiled.Alone)]
        private void WeightHalves(ushort* minima, ushort* scales, int count, float* first, int queries, bool isKeys, float* work)
        {
            var starts = Starts(work);
            for (var n = 0; n < queries; n++)
            {
                float* x = isKeys ? Source(At(first, n)) : Scores(At(first, n)), product = Factors(work, n);
                var sum = TLanes.Zero;
                for (var i = 0; i < count; i += Lanes)
                {
                    var number = TLanes.Load(x + i);
                    TLanes.Store(TLanes.Multiply(number, TLanes.LoadF16(scales + i)), product + i);
                    sum = TLanes.FusedMultiplyAdd(number, TLanes.LoadF16(minima + i), sum);
                }
                starts[n] = TLanes.Sum(sum);
            }
        }

        /// <summary>product[i] = x[i] · scales[i], padded with zeros to whole vectors; returns Σ x[i] · minima[i]: 16 chains, then their
        /// tree.</summary>
        [MethodImpl(Compiled.Alone)]
        private static float Weight(float* x, float* scales, float* minima, int count, float* product)
        {
            var sum = TLanes.Zero;
            for (var i = 0; i < count; i += Lanes)
            {
                var number = LoadUpTo(x + i, count - i, 0f);
                TLanes.Store(TLanes.Multiply(number, TLanes.Load(scales + i)), product + i);
                sum = TLanes.FusedMultiplyAdd(number, TLanes.Load(minima + i), sum);
            }
            return TLanes.Sum(sum);
        }

        /// <summary>Σ x[i] · halves[i] for i below <paramref name="count"/>: 16 chains, then their tree.</summary>
        [MethodImpl(Compiled.Alone)]
        private static float Dot(float* x, ushort* halves, int count)
        {
            var sum = TLanes.Zero;
            for (var i = 0; i < count; i += Lanes)
                sum = TLanes.FusedMultiplyAdd(LoadUpTo(x + i, count - i, 0f), LoadHalves(halves + i, count - i), sum);
            return TLanes.Sum(sum);
        }

        /// <summary>target[i] += factor · halves[i].</summary>
        [MethodImpl(Compiled.Alone)]
        private static void AddScaled(float factor, ushort* halves, int count, float* target)
        {
            var f = TLanes.Broadcast(factor);
            for (var i = 0; i < count; i += Lanes)
                StoreUpTo(TLanes.FusedMultiplyAdd(f, LoadHalves(halves + i, count - i), LoadUpTo(target + i, count - i, 0f)), target + i,
                    count - i);
        }

        /// <summary>target[i] += x[i] · scales[i]; scales are padded to whole vectors.</summary>
        [MethodImpl(Compiled.Alone)]
        private static void AddProduct(float* x, float* scales, int count, float* target)
        {
            for (var i = 0; i < count; i += Lanes)
                StoreUpTo(TLanes.FusedMultiplyAdd(LoadUpTo(x + i, count - i, 0f), TLanes.Load(scales + i),
                    LoadUpTo(target + i, count - i, 0f)), target + i, count - i);
        }
    }

    /// <summary>Up to 16 F16, zeros after them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes LoadHalves(ushort* halves, int left) => left >= Lanes ? TLanes.LoadF16(halves) : LoadFewHalves(halves, left);

    private static TLanes LoadFewHalves(ushort* halves, int left)
    {
        var padded = stackalloc ushort[Lanes];
        for (var i = 0; i < Lanes; i++) padded[i] = i < left ? halves[i] : (ushort)0;
        return TLanes.LoadF16(padded);
    }
}
