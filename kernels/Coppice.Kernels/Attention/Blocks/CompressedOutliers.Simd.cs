using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    private sealed partial class CompressedAttentionJob
    {
        /// <summary>
        /// Outliers one by one: to the score of their token the query's element times the delta, to the output of their channel the
        /// token's weight times the delta.
        /// </summary>
        [MethodImpl(Compiled.Alone)]
        private void AddOutliers(in BlockPart part, bool isKeys, float* first, int queries, float* work)
        {
            var (layout, side) = (part.Layout, isKeys ? part.Layout.Keys : part.Layout.Values);
            var each = 2 * side.Outliers;
            var positions = (ushort*)(part.Chunk + (isKeys ? layout.KeyOutliers : layout.ValueOutliers));
            var deltas = positions + (long)side.OutlierVectors * each;
            var (begin, count) = side.AlongTokens ? (part.Head * _headDim, _headDim) : (part.First, part.Count);
            // The factors of codes are not needed any more, and their memory holds what one vector can have.
            var numbers = Factors(work, 0);
            var most = Math.Max(1, Batch * FactorFloats / each - 1);
            var from = stackalloc float*[Batch];
            var to = stackalloc float*[Batch];
            for (var n = 0; n < queries; n++)
            {
                var query = At(first, n);
                from[n] = isKeys ? Source(query) : Scores(query);
                to[n] = isKeys ? Scores(query) : BlockOutput(query);
            }
            // A vector is a channel, whose positions are tokens, or a token, whose positions are channels of all heads.
            var origin = side.AlongTokens ? part.First : part.Head * _headDim;
            var limit = side.AlongTokens ? part.Count : _headDim;
            var isCrossed = isKeys && !side.AlongTokens;
            for (var done = 0; done < count; done += most)
            {
                var some = Math.Min(most, count - done);
                var at = positions + (long)(begin + done) * each;
                WidenHalves(deltas + (long)(begin + done) * each, some * each, numbers);
                var number = numbers;
                for (var vector = done; vector < done + some; vector++)
                    for (var k = 0; k < each; k++, at++, number++)
                    {
                        var position = *at - origin;
                        if ((uint)position >= (uint)limit) continue;
                        var (source, target) = isCrossed ? (position, vector) : (vector, position);
                        for (var n = 0; n < queries; n++)
                            to[n][target] = MathF.FusedMultiplyAdd(from[n][source], *number, to[n][target]);
                    }
            }
        }
    }
}
