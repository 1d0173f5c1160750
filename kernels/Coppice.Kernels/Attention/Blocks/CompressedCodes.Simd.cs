using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>Sums over the packed codes of a block, for keys and values alike.</summary>
    private sealed partial class CompressedAttentionJob
    {
        private float* Factors(float* work, int query) => work + (long)query * FactorFloats;
        private float* Sums(float* work, int query) => work + (long)Batch * FactorFloats + query * MostSums;
        private float* Runs(float* work, int query) => work + (long)Batch * (FactorFloats + MostSums) + query * RunFloats;
        private byte* Copy(float* work) => (byte*)(work + (long)Batch * (FactorFloats + MostSums + RunFloats));
        /// <summary>Scales of the groups of a block, then minima, as F32: [groups][runs] each.</summary>
        private float* Scales(float* work) => (float*)Copy(work) + WordFloats;
        private float* Minima(float* work) => Scales(work) + RunFloats;

        /// <summary>Codes of some runs as vectors of 16 words.</summary>
        /// <param name="words">The first vector.</param>
        /// <param name="step">Bytes from one vector to the next.</param>
        /// <param name="width">Words of a run in a vector, a power of two.</param>
        /// <param name="vectors">Vectors: 16 / width runs each, the last padded.</param>
        /// <param name="ahead">Bytes to the same codes of the next block.</param>
        private readonly struct CodeVectors(byte* words, long step, int width, int vectors, long ahead)
        {
            internal readonly byte* Words = words;
            internal readonly long Step = step, Ahead = ahead;
            internal readonly int Width = width, Vectors = vectors;
        }

        /// <summary>Where the words lie, or a copy of them where they do not lie in whole vectors.</summary>
        /// <param name="words">The first run's.</param>
        /// <param name="runs">Runs.</param>
        /// <param name="apart">Words from one run to the next.</param>
        /// <param name="count">Words of a run that are wanted, up to 16.</param>
        /// <param name="next">The same place of the next block.</param>
        /// <param name="copy">Memory for a copy.</param>
        private static CodeVectors Arrange(byte* words, int runs, int apart, int count, byte* next, byte* copy)
        {
            if (count == Lanes) return new CodeVectors(words, 4L * apart, Lanes, runs, next - words);
            var width = (int)BitOperations.RoundUpToPowerOf2((uint)count);
            var vectors = (runs * width + Lanes - 1) / Lanes;
            if (apart == width && runs * width % Lanes == 0) return new CodeVectors(words, 64, width, vectors, next - words);
            new Span<byte>(copy, 64 * vectors).Clear();
            for (var run = 0; run < runs; run++)
                Buffer.MemoryCopy(words + 4L * run * apart, copy + 4L * run * width, 4L * width, 4L * count);
            return new CodeVectors(copy, 64, width, vectors, 0);
        }

        /// <summary>
        /// Puts a run's number into all of its words: factors [vectors][16]. Each store overwrites what the one before it has written too
        /// far; the last lanes of the last vector are cleared.
        /// </summary>
        [MethodImpl(Compiled.Alone)]
        private static void Spread(float* numbers, int runs, int width, float* factors)
        {
            for (var run = 0; run < runs; run++) TLanes.Store(TLanes.Broadcast(numbers[run]), factors + run * width);
            TLanes.Store(TLanes.Zero, factors + runs * width);
        }

        /// <summary>The same where the words of a run belong to several groups, each with numbers of its own.</summary>
        private static void Spread(float* numbers, long groupsApart, ReadOnlySpan<int> firstWords, int runs, int width, float* factors)
        {
            for (var run = 0; run < runs; run++)
                for (var group = 0; group < firstWords.Length; group++)
                    TLanes.Store(TLanes.Broadcast(numbers[group * groupsApart + run]), factors + run * width + firstWords[group]);
            TLanes.Store(TLanes.Zero, factors + runs * width);
        }

        /// <summary>Sums of code times factor for some queries: [32 / bits codes of a word][16 lanes].</summary>
        /// <param name="codes">The codes.</param>
        /// <param name="bits">Their width in this plane.</param>
        /// <param name="queries">How many queries.</param>
        /// <param name="isSpread">Whether factors lie in the lanes; else there is one for each run, which its words share.</param>
        /// <param name="work">Memory of the batch.</param>
        private void SumCodes(in CodeVectors codes, int bits, int queries, bool isSpread, float* work)
        {
            if (isSpread) SumCodes<SpreadFactors<TLanes>>(codes, bits, queries, Factors(work, 0), FactorFloats, work);
            else if (codes.Width == 8) SumCodes<FactorsOf8Words<TLanes>>(codes, bits, queries, Runs(work, 0), RunFloats, work);
            else if (codes.Width == 4) SumCodes<FactorsOf4Words<TLanes>>(codes, bits, queries, Runs(work, 0), RunFloats, work);
            else SumCodes<FactorsOf16Words<TLanes>>(codes, bits, queries, Runs(work, 0), RunFloats, work);
        }

        private void SumCodes<TFactors>(in CodeVectors codes, int bits, int queries, float* factors, long apart, float* work)
            where TFactors : struct, IKvFactors<TLanes>
        {
            for (var pass = 0; pass < 8 / bits; pass++)
                KvCodesOf<TFactors>(queries, codes.Words, codes.Step, codes.Ahead, codes.Vectors, factors, apart, 4 * bits * pass, bits,
                    Sums(work, 0) + 4 * Lanes * pass, MostSums);
        }

        /// <summary>Whether one factor for each run of so many words need not be spread over lanes first.</summary>
        private static bool IsRepeated(int width) => width is 4 or 8 or 16;

        /// <summary>
        /// Sums in the order of codes: line[word · codes + code] = factor · Σ over the runs in a vector, added to <paramref name="start"/>
        /// where <paramref name="isFirst"/>, else to what is there.
        /// </summary>
        [MethodImpl(Compiled.Alone)]
        private static void Unpack(float* sums, int width, int bits, float factor, bool isFirst, float start, float* line)
        {
            var codes = 32 / bits;
            if (width >= 4 && Sse.IsSupported)
            {
                for (var code = 0; code < codes; code += 4)
                    for (var word = 0; word < width; word += 4)
                        Transpose(sums + code * Lanes + word, width, factor, isFirst, start, line + word * codes + code, codes);
                return;
            }
            for (var code = 0; code < codes; code++)
            {
                var lanes = sums + code * Lanes;
                for (var half = Lanes / 2; half >= width; half /= 2)
                    for (var i = 0; i < half; i++) lanes[i] += lanes[i + half];
                for (var word = 0; word < width; word++)
                {
                    ref var place = ref line[word * codes + code];
                    place = MathF.FusedMultiplyAdd(factor, lanes[word], isFirst ? start : place);
                }
            }
        }

        /// <summary>Four codes of four words.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Transpose(float* sums, int width, float factor, bool isFirst, float start, float* line, int codes)
        {
            Vector128<float> a = Fold(sums, width), b = Fold(sums + Lanes, width);
            Vector128<float> c = Fold(sums + 2 * Lanes, width), d = Fold(sums + 3 * Lanes, width);
            Vector128<float> lowAb = Sse.UnpackLow(a, b), highAb = Sse.UnpackHigh(a, b);
            Vector128<float> lowCd = Sse.UnpackLow(c, d), highCd = Sse.UnpackHigh(c, d);
            Place(Sse.MoveLowToHigh(lowAb, lowCd), factor, isFirst, start, line);
            Place(Sse.MoveHighToLow(lowCd, lowAb), factor, isFirst, start, line + codes);
            Place(Sse.MoveLowToHigh(highAb, highCd), factor, isFirst, start, line + 2 * codes);
            Place(Sse.MoveHighToLow(highCd, highAb), factor, isFirst, start, line + 3 * codes);
        }

        /// <summary>Four words, the runs of a vector added: upper half to lower half until one is left.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector128<float> Fold(float* lanes, int width) => width switch
        {
            4 => (Vector128.Load(lanes) + Vector128.Load(lanes + 8)) + (Vector128.Load(lanes + 4) + Vector128.Load(lanes + 12)),
            8 => Vector128.Load(lanes) + Vector128.Load(lanes + 8),
            _ => Vector128.Load(lanes),
        };

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Place(Vector128<float> sums, float factor, bool isFirst, float start, float* line)
        {
            var before = isFirst ? Vector128.Create(start) : Vector128.Load(line);
            Vector128.FusedMultiplyAdd(Vector128.Create(factor), sums, before).Store(line);
        }

        /// <summary>F16 as F32, padded with zeros to whole vectors.</summary>
        [MethodImpl(Compiled.Alone)]
        private static void WidenHalves(ushort* halves, int count, float* numbers)
        {
            for (var i = 0; i < count; i += Lanes) TLanes.Store(LoadHalves(halves + i, count - i), numbers + i);
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

        /// <summary>target[i] += x[i] · halves[i].</summary>
        [MethodImpl(Compiled.Alone)]
        private static void AddProduct(float* x, ushort* halves, int count, float* target)
        {
            for (var i = 0; i < count; i += Lanes)
                StoreUpTo(TLanes.FusedMultiplyAdd(LoadUpTo(x + i, count - i, 0f), LoadHalves(halves + i, count - i),
                    LoadUpTo(target + i, count - i, 0f)), target + i, count - i);
        }

        private static void AddNumber(float number, int count, float* target)
        {
            for (var i = 0; i < count; i += Lanes)
                StoreUpTo(TLanes.Add(TLanes.Broadcast(number), LoadUpTo(target + i, count - i, 0f)), target + i, count - i);
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
