using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>Outputs of some queries from the values of a block.</summary>
    private sealed partial class CompressedAttentionJob
    {
        private void ValueOutputs(in BlockPart part, in BlockPart next, float* first, int queries, float* work)
        {
            for (var n = 0; n < queries; n++)
                for (var j = 0; j < part.Exact; j++)
                {
                    ref var weight = ref Scores(At(first, n))[j];
                    AddScaled(weight, ExactRow(part, j, 1), _headDim, BlockOutput(At(first, n)));
                    weight = 0f;        // what else the chunk has for these tokens does not count
                }
            AddValueCodes(part, next, first, queries, work);
            var factors = new FactorView(part, isKeys: false);
            for (var n = 0; n < queries; n++)
            {
                var query = At(first, n);
                for (var r = 0; r < part.Layout.Rank; r++)
                    factors.AddB(r, _headDim, factors.DotA(r, part.First, part.Count, Scores(query)), BlockOutput(query));
            }
            if (part.Layout.Values.Outliers > 0) AddOutliers(part, isKeys: false, first, queries, work);
        }

        [MethodImpl(Compiled.Alone)]
        private void AddValueCodes(in BlockPart part, in BlockPart next, float* first, int queries, float* work)
        {
            var values = part.Layout.Values;
            Span<int> firstWords = stackalloc int[MostGroups];
            Span<float> starts = stackalloc float[Batch];
            for (int plane = 0, shift = 0; plane < KvChunkLayout.Planes(values.Bits); plane++)
            {
                var bits = KvChunkLayout.PlaneBits(values.Bits, plane);
                var (codesOfWord, words) = (32 / bits, KvChunkLayout.Words(_headDim, bits));
                for (var word = 0; word < words; word += Lanes)
                {
                    var count = Math.Min(Lanes, words - word);
                    var codes = Arrange(ValueWords(part, plane) + 4 * word, part.Count, words, count,
                        (Same(part, next) ? ValueWords(next, plane) : ValueWords(part, plane)) + 4 * word, Copy(work));
                    var group = word * codesOfWord / values.GroupSize;
                    var groups = Math.Min(values.Groups, ((word + count) * codesOfWord - 1) / values.GroupSize + 1) - group;
                    WeighTokens(part, group, groups, first, queries, starts, work);
                    var isSpread = groups > 1 || !IsRepeated(codes.Width);
                    for (var g = 0; g < groups; g++) firstWords[g] = Math.Max(0, (group + g) * values.GroupSize / codesOfWord - word);
                    for (var n = 0; n < queries && isSpread; n++)
                        Spread(Runs(work, n), _runs, firstWords[..groups], part.Count, codes.Width, Factors(work, n));
                    SumCodes(codes, bits, queries, isSpread, work);
                    var line = (float*)Copy(work);
                    for (var n = 0; n < queries; n++)
                    {
                        // What minima give is added once, with the first plane.
                        var start = plane == 0 && groups == 1 ? starts[n] : 0f;
                        Unpack(Sums(work, n), codes.Width, bits, 1 << shift, isFirst: true, start, line);
                        AddLine(line, Math.Min(count * codesOfWord, _headDim - word * codesOfWord),
                            BlockOutput(At(first, n)) + word * codesOfWord);
                    }
                    for (var g = 0; g < groups && groups > 1 && plane == 0; g++)
                        AddMinima(part, group + g, Math.Max((group + g) * values.GroupSize, word * codesOfWord),
                            Math.Min((group + g + 1) * values.GroupSize, Math.Min(_headDim, (word + count) * codesOfWord)), first, queries);
                }
                shift += bits;
            }
        }

        /// <summary>Weights times the scales of some groups, and what the minimum of the first gives.</summary>
        private void WeighTokens(in BlockPart part, int group, int groups, float* first, int queries, Span<float> starts, float* work)
        {
            var values = part.Layout.Values;
            var minima = ValueScales(part);
            var scales = minima + (values.HasMinimum ? values.ScaleCount : 0);
            var middle = values.HasMinimum ? 1f : -(1 << values.Bits - 1);
            for (var g = 0; g < groups; g++)
            {
                WidenHalves(scales + (long)(group + g) * part.Layout.Tokens, part.Count, Scales(work));
                WidenHalves(minima + (long)(group + g) * part.Layout.Tokens, part.Count, Minima(work));
                for (var n = 0; n < queries; n++)
                {
                    var start = middle * Weight(Scores(At(first, n)), Scales(work), Minima(work), part.Count, Runs(work, n) + g * _runs);
                    if (g == 0) starts[n] = start;
                }
            }
        }

        /// <summary>o += Σ weight · minimum over some channels of a group, or of what a symmetric code 0 stands for.</summary>
        private void AddMinima(in BlockPart part, int group, int begin, int end, float* first, int queries)
        {
            var values = part.Layout.Values;
            var minima = ValueScales(part) + (long)group * part.Layout.Tokens;
            var middle = values.HasMinimum ? 1f : -(1 << values.Bits - 1);
            for (var n = 0; n < queries; n++)
                AddNumber(middle * Dot(Scores(At(first, n)), minima, part.Count), end - begin, BlockOutput(At(first, n)) + begin);
        }

        /// <summary>The words of a plane at the block's first token.</summary>
        private static byte* ValueWords(in BlockPart part, int plane)
        {
            var layout = part.Layout;
            var (start, words, _) = Plane(layout.Values, layout.KvHeads, plane);
            return part.Chunk + layout.ValueCodes + start + 4L * ((long)part.Head * layout.Tokens + part.First) * words;
        }

        /// <summary>The first stored number of the block's first token, group 0: its minimum, or its scale where there is none.</summary>
        private static ushort* ValueScales(in BlockPart part)
        {
            var values = part.Layout.Values;
            return (ushort*)(part.Chunk + part.Layout.ValueScales) + part.First
                + (values.IsShared ? 0 : (long)part.Head * values.Groups * part.Layout.Tokens);
        }

        private static void AddLine(float* line, int count, float* output)
        {
            for (var i = 0; i < count; i += Lanes)
                StoreUpTo(TLanes.Add(LoadUpTo(output + i, count - i, 0f), LoadUpTo(line + i, count - i, 0f)), output + i, count - i);
        }
    }
}
