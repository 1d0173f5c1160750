using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>Raw scores of queries with the keys of a block.</summary>
    private sealed partial class CompressedAttentionJob
    {
        private void KeyScores(in BlockPart part, in BlockPart next, float* first, int queries, float* work)
        {
            var codes = Unpack(part.Layout.Keys, part, next, queries, Bytes(work));
            if (part.Layout.Keys.AlongTokens) ScoresOfChannels(part, codes, first, queries, work);
            else ScoresOfTokens(part, codes, first, queries, work);
            if (part.Layout.Rank > 0) AddFactors(part, isKeys: true, first, queries, work);
            if (part.Layout.Keys.Outliers > 0) AddOutliers(part, isKeys: true, first, queries, work);
            for (var j = 0; j < part.Exact; j++)
                for (var n = 0; n < queries; n++) Scores(At(first, n))[j] = Dot(Source(At(first, n)), ExactRow(part, j, 0), _headDim);
        }

        /// <summary>Groups of tokens: the scale of each channel goes into the query.</summary>
        [MethodImpl(Compiled.Alone)]
        private void ScoresOfChannels(in BlockPart part, in BlockCodes codes, float* first, int queries, float* work)
        {
            var keys = part.Layout.Keys;
            for (var group = part.First / keys.GroupSize; group * keys.GroupSize < part.First + part.Count; group++)
            {
                var low = Math.Max(0, group * keys.GroupSize - part.First);
                var high = Math.Min(part.Count, (group + 1) * keys.GroupSize - part.First);
                WeightAll(part, keys, ((long)part.Head * keys.Groups + group) * _headDim, _headDim, first, queries, work);
                SumCodes(codes, low, high - low, _headDim, queries, Scores(first) + low, _queryFloats, work);
            }
        }

        /// <summary>Groups of channels: each group's sum is multiplied by the scales of the tokens.</summary>
        [MethodImpl(Compiled.Alone)]
        private void ScoresOfTokens(in BlockPart part, in BlockCodes codes, float* first, int queries, float* work)
        {
            var (keys, tokens) = (part.Layout.Keys, part.Layout.Tokens);
            for (var n = 0; n < queries; n++) new Span<float>(Scores(At(first, n)), Block).Clear();
            for (var group = 0; group < keys.Groups; group++)
            {
                var channel = group * keys.GroupSize;
                if (keys.HasChannelScales) WidenHalves(ChannelScales(part, keys) + channel, keys.GroupSize, Scales(work));
                for (var n = 0; n < queries; n++)
                {
                    var elements = new Span<float>(Factors(work, n), keys.GroupSize);
                    new ReadOnlySpan<float>(Source(At(first, n)) + channel, keys.GroupSize).CopyTo(elements);
                    if (keys.HasChannelScales) Multiply(Factors(work, n), Scales(work), keys.GroupSize);
                    var sum = 0f;
                    foreach (var element in elements) sum += element;
                    // Where there is no minimum, codes are symmetric around the middle one.
                    Starts(work)[n] = keys.HasMinimum ? sum : -(1 << keys.Bits - 1) * sum;
                }
                ReadScales(part, keys, ((long)part.Head * keys.Groups + group) * tokens + part.First, part.Count, work);
                for (var n = 0; n < queries && keys.HasMinimum; n++)
                {
                    AddScaledFloats(Starts(work)[n], Minima(work), part.Count, Scores(At(first, n)));
                    Starts(work)[n] = 0f;
                }
                // Lines have room for whole vectors.
                SumCodes(codes.From(channel), 0, RoundUp(part.Count), keys.GroupSize, queries,
                    Lines(work), LineFloats, work);
                for (var n = 0; n < queries; n++)
                    AddProduct(Lines(work) + (long)n * LineFloats, Scales(work), part.Count, Scores(At(first, n)));
            }
        }

        private static ushort* ExactRow(in BlockPart part, int column, int keysOrValues)
        {
            var layout = part.Layout;
            return (ushort*)(part.Chunk + layout.ExactRows)
                + (((long)keysOrValues * layout.KvHeads + part.Head) * layout.Exact + part.First + column) * layout.HeadDim;
        }
    }
}
