using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>Raw scores of some queries with the keys of a block.</summary>
    private sealed partial class CompressedAttentionJob
    {
        private void KeyScores(in BlockPart part, in BlockPart next, float* first, int queries, float* work)
        {
            if (part.Layout.Keys.AlongTokens) ScoresOfChannels(part, next, first, queries, work);
            else ScoresOfTokens(part, next, first, queries, work);
            var factors = new FactorView(part, isKeys: true);
            for (var n = 0; n < queries; n++)
            {
                var query = At(first, n);
                for (var r = 0; r < part.Layout.Rank; r++)
                    factors.AddA(r, part.First, part.Count, factors.DotB(r, Source(query), _headDim), Scores(query));
            }
            if (part.Layout.Keys.Outliers > 0) AddOutliers(part, isKeys: true, first, queries, work);
            for (var j = 0; j < part.Exact; j++)
                for (var n = 0; n < queries; n++) Scores(At(first, n))[j] = Dot(Source(At(first, n)), ExactRow(part, j, 0), _headDim);
        }

        /// <summary>Groups of tokens: the scale of each channel goes into the query.</summary>
        [MethodImpl(Compiled.Alone)]
        private void ScoresOfChannels(in BlockPart part, in BlockPart next, float* first, int queries, float* work)
        {
            var keys = part.Layout.Keys;
            var group = part.First / keys.GroupSize;
            var groups = (part.First + part.Count - 1) / keys.GroupSize - group + 1;
            var minima = (ushort*)(part.Chunk + part.Layout.KeyScales) + ((long)part.Head * keys.Groups + group) * _headDim;
            for (var g = 0; g < groups; g++)
            {
                WidenHalves(minima + g * _headDim, _headDim, Minima(work) + g * _runs);
                WidenHalves(minima + keys.ScaleCount + g * _headDim, _headDim, Scales(work) + g * _runs);
            }
            Span<float> starts = stackalloc float[Batch * MostGroups];
            for (var n = 0; n < queries; n++)
                for (var g = 0; g < groups; g++)
                    starts[n * MostGroups + g] = Weight(Source(At(first, n)), Scales(work) + g * _runs, Minima(work) + g * _runs, _headDim,
                        Runs(work, n) + g * _runs);

            Span<int> firstWords = stackalloc int[MostGroups];
            for (int plane = 0, shift = 0; plane < KvChunkLayout.Planes(keys.Bits); plane++)
            {
                var bits = KvChunkLayout.PlaneBits(keys.Bits, plane);
                var codes = Arrange(KeyWords(part, plane, 0), _headDim, KvChunkLayout.Words(part.Layout.Tokens, bits),
                    KvChunkLayout.Words(part.Count, bits), Same(part, next) ? KeyWords(next, plane, 0) : KeyWords(part, plane, 0),
                    Copy(work));
                var isSpread = groups > 1 || !IsRepeated(codes.Width);
                for (var g = 0; g < groups; g++) firstWords[g] = Math.Max(0, (group + g) * keys.GroupSize - part.First) * bits / 32;
                for (var n = 0; n < queries && isSpread; n++)
                    Spread(Runs(work, n), _runs, firstWords[..groups], _headDim, codes.Width, Factors(work, n));
                SumCodes(codes, bits, queries, isSpread, work);
                for (var n = 0; n < queries; n++)
                    Unpack(Sums(work, n), codes.Width, bits, 1 << shift, plane == 0, groups == 1 ? starts[n * MostGroups] : 0f,
                        Scores(At(first, n)));
                shift += bits;
            }
            for (var n = 0; n < queries && groups > 1; n++)
                for (var g = 0; g < groups; g++)
                {
                    var low = Math.Max(0, (group + g) * keys.GroupSize - part.First);
                    var high = Math.Min(part.Count, (group + g + 1) * keys.GroupSize - part.First);
                    AddNumber(starts[n * MostGroups + g], high - low, Scores(At(first, n)) + low);
                }
        }

        /// <summary>Groups of channels: each group's sum is multiplied by the scales of the tokens.</summary>
        [MethodImpl(Compiled.Alone)]
        private void ScoresOfTokens(in BlockPart part, in BlockPart next, float* first, int queries, float* work)
        {
            var (keys, tokens) = (part.Layout.Keys, part.Layout.Tokens);
            var head = (ushort*)(part.Chunk + part.Layout.KeyScales) + (long)part.Head * keys.Groups * tokens + part.First;
            for (var n = 0; n < queries; n++) new Span<float>(Scores(At(first, n)), Block).Clear();
            for (var group = 0; group < keys.Groups; group++)
            {
                var channel = group * keys.GroupSize;
                for (int plane = 0, shift = 0; plane < KvChunkLayout.Planes(keys.Bits); plane++)
                {
                    var bits = KvChunkLayout.PlaneBits(keys.Bits, plane);
                    var codes = Arrange(KeyWords(part, plane, channel), keys.GroupSize, KvChunkLayout.Words(tokens, bits),
                        KvChunkLayout.Words(part.Count, bits),
                        Same(part, next) ? KeyWords(next, plane, channel) : KeyWords(part, plane, channel), Copy(work));
                    for (var n = 0; n < queries; n++)
                        Spread(Source(At(first, n)) + channel, keys.GroupSize, codes.Width, Factors(work, n));
                    SumCodes(codes, bits, queries, isSpread: true, work);
                    for (var n = 0; n < queries; n++)
                        Unpack(Sums(work, n), codes.Width, bits, 1 << shift, plane == 0, 0f, Runs(work, n));
                    shift += bits;
                }
                var minima = head + (long)group * tokens;
                var scales = keys.HasMinimum ? minima + keys.ScaleCount : minima;
                for (var n = 0; n < queries; n++)
                {
                    var sum = 0f;
                    for (var d = 0; d < keys.GroupSize; d++) sum += Source(At(first, n))[channel + d];
                    // Where there is no minimum, codes are symmetric around the middle one.
                    if (keys.HasMinimum) AddScaled(sum, minima, part.Count, Scores(At(first, n)));
                    else AddNumber(-(1 << keys.Bits - 1) * sum, part.Count, Runs(work, n));
                    AddProduct(Runs(work, n), scales, part.Count, Scores(At(first, n)));
                }
            }
        }

        /// <summary>The words of a plane from a channel on, at the block's first token.</summary>
        private static byte* KeyWords(in BlockPart part, int plane, int channel)
        {
            var layout = part.Layout;
            var (start, words, bits) = Plane(layout.Keys, layout.KvHeads, plane);
            return part.Chunk + layout.KeyCodes + start + 4L * (((long)part.Head * layout.HeadDim + channel) * words
                + part.First * bits / 32);
        }

        /// <summary>Where a plane begins in the codes, the words of its runs, and its width.</summary>
        private static (long Start, int Words, int Bits) Plane(KvPartLayout part, int kvHeads, int plane)
        {
            var start = 0L;
            for (var i = 0; ; i++)
            {
                var bits = KvChunkLayout.PlaneBits(part.Bits, i);
                var words = KvChunkLayout.Words(part.RunLength, bits);
                if (i == plane) return (start, words, bits);
                start += 4L * kvHeads * part.Runs * words;
            }
        }

        private static bool Same(in BlockPart part, in BlockPart next) => ReferenceEquals(part.Layout, next.Layout);

        private static ushort* ExactRow(in BlockPart part, int column, int keysOrValues)
        {
            var layout = part.Layout;
            return (ushort*)(part.Chunk + layout.ExactRows)
                + (((long)keysOrValues * layout.KvHeads + part.Head) * layout.Exact + part.First + column) * layout.HeadDim;
        }
    }
}
