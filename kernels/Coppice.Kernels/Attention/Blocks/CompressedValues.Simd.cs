using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>Outputs of queries from the values of a block.</summary>
    private sealed partial class CompressedAttentionJob
    {
        private void ValueOutputs(in BlockPart part, in BlockPart next, float* first, int queries, float* work)
        {
            var exact = part.Exact;
            // What else the chunk has for exact tokens does not count.
            var kept = stackalloc float[MostQueries * exact];
            for (var n = 0; n < queries; n++)
                for (var j = 0; j < exact; j++)
                {
                    ref var weight = ref Scores(At(first, n))[j];
                    (kept[n * exact + j], weight) = (weight, 0f);
                }
            AddValueCodes(part, next, first, queries, work);
            for (var n = 0; n < queries; n++)
                for (var j = 0; j < exact; j++)
                    AddScaled(kept[n * exact + j], ExactRow(part, j, 1), _headDim, BlockOutput(At(first, n)));
            if (part.Layout.Rank > 0) AddFactors(part, isKeys: false, first, queries, work);
            if (part.Layout.Values.Outliers > 0) AddOutliers(part, isKeys: false, first, queries, work);
        }

        /// <summary>Groups of channels: the scale of each token goes into its weight.</summary>
        [MethodImpl(Compiled.Alone)]
        private void AddValueCodes(in BlockPart part, in BlockPart next, float* first, int queries, float* work)
        {
            var values = part.Layout.Values;
            var codes = Unpack(values, part, next, queries, Bytes(work));
            // What minima give, or what a symmetric code 0 stands for.
            var middle = values.HasMinimum ? 1f : -(1 << values.Bits - 1);
            for (var group = 0; group < values.Groups; group++)
            {
                WeightAll(part, values, FirstValueScale(part) + (long)group * part.Layout.Tokens, part.Count, first, queries, work);
                for (var n = 0; n < queries; n++) Starts(work)[n] *= middle;
                var channel = group * values.GroupSize;
                SumCodes(codes, channel, values.GroupSize, part.Count, queries, BlockOutput(first) + channel, _queryFloats, work);
            }
            if (!values.HasChannelScales) return;
            WidenHalves(ChannelScales(part, values), _headDim, Scales(work));
            for (var n = 0; n < queries; n++) Multiply(BlockOutput(At(first, n)), Scales(work), _headDim);
        }

        /// <summary>Index of the scale of the block's first token in group 0.</summary>
        private static long FirstValueScale(in BlockPart part) =>
            part.First + (part.Layout.Values.IsShared ? 0 : (long)part.Head * part.Layout.Values.HeadScales);
    }
}
