using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    private sealed partial class CompressedAttentionJob
    {
        /// <summary>
        /// Outliers one by one: to the score of their token the query's element times the delta, to the output of their channel the
        /// token's weight times the delta. Each sum is a chain of its own, which is added at the end.
        /// </summary>
        private void AddOutliers(in BlockPart part, bool isKeys, float* first, int queries, float* work)
        {
            var side = isKeys ? part.Layout.Keys : part.Layout.Values;
            // Keys whose vectors are tokens, and all values, have positions that are channels of all heads.
            var isCrossed = isKeys && !side.AlongTokens;
            for (var n = 0; n < queries; n += 4)
            {
                var some = Math.Min(4, queries - n);
                float* sources = Spare(work), sums = sources + 4L * _runs, numbers = sums + 4L * _runs;
                new Span<float>(sources, 8 * _runs).Clear();
                for (var i = 0; i < some; i++)
                {
                    var query = At(first, n + i);
                    var from = isKeys ? Source(query) : Scores(query);
                    for (var k = 0; k < (isKeys ? _headDim : part.Count); k++) sources[4 * k + i] = from[k];
                }
                SumOutliers(part, side, isCrossed, sources, sums, numbers);
                for (var i = 0; i < some; i++)
                {
                    var query = At(first, n + i);
                    var to = isKeys ? Scores(query) : BlockOutput(query);
                    for (var k = 0; k < (isKeys ? part.Count : _headDim); k++) to[k] += sums[4 * k + i];
                }
            }
        }

        /// <summary>sums[target][4] += sources[source][4] · delta for all outliers that concern the block and its head.</summary>
        [MethodImpl(Compiled.Alone)]
        private void SumOutliers(in BlockPart part, KvPartLayout side, bool isCrossed, float* sources, float* sums, float* numbers)
        {
            var each = 2 * side.Outliers;
            var layout = part.Layout;
            var positions = (ushort*)(part.Chunk + (side.IsKeys ? layout.KeyOutliers : layout.ValueOutliers));
            var deltas = positions + (long)side.OutlierVectors * each;
            // A vector is a channel, whose positions are tokens, or a token, whose positions are channels of all heads.
            var (begin, count) = side.AlongTokens ? (part.Head * _headDim, _headDim) : (part.First, part.Count);
            var (origin, limit) = side.AlongTokens ? (part.First, part.Count) : (part.Head * _headDim, _headDim);
            var at = positions + (long)begin * each;
            ushort* wide = deltas + (long)begin * each;
            var number = numbers;
            var left = 0;
            for (var vector = 0; vector < count; vector++)
                for (var k = 0; k < each; k++, at++, number++)
                {
                    if (left-- == 0)
                    {
                        // As many numbers as there is room for.
                        left = (int)Math.Min(2 * _runs, (long)(count - vector) * each - k);
                        WidenHalves(wide, left, numbers);
                        wide += left--;
                        number = numbers;
                    }
                    var position = *at - origin;
                    if ((uint)position >= (uint)limit) continue;
                    float* source = sources + 4 * (isCrossed ? position : vector), sum = sums + 4 * (isCrossed ? vector : position);
                    Vector128.FusedMultiplyAdd(Vector128.Load(source), Vector128.Create(*number), Vector128.Load(sum)).Store(sum);
                }
        }
    }
}
