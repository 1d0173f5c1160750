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
            var (from, to) = isKeys ? (_headDim, part.Count) : (part.Count, _headDim);
            var rows = stackalloc float*[4];
            for (var n = 0; n < queries; n += 4)
            {
                var some = Math.Min(4, queries - n);
                float* sources = Spare(work), sums = sources + 4L * _runs, numbers = sums + 4L * (_runs + Others);
                new Span<float>(sums, 4 * to).Clear();
                for (var i = 0; i < 4; i++)
                {
                    // Rows that are missing are computed like the last, and not used.
                    var query = At(first, n + Math.Min(i, some - 1));
                    rows[i] = isKeys ? Source(query) : Scores(query);
                }
                Interleave(rows, from, sources);
                SumOutliers(part, side, isCrossed, sources, sums, numbers);
                for (var i = 0; i < some; i++)
                {
                    var query = At(first, n + i);
                    rows[i] = isKeys ? Scores(query) : BlockOutput(query);
                }
                AddInterleaved(rows, some, sums, to);
            }
        }

        /// <summary>
        /// Sums after the last, which take what concerns other heads: no branch to foresee, and no sum that waits for the one before.
        /// </summary>
        private const int Others = 8;

        /// <summary>sources[k][row] = rows[row][k], for four rows.</summary>
        [MethodImpl(Compiled.Alone)]
        private static void Interleave(float** rows, int count, float* sources)
        {
            float* r0 = rows[0], r1 = rows[1], r2 = rows[2], r3 = rows[3];
            var k = 0;
            for (; k <= count - 4; k += 4)
            {
                var (a, b, c, d) = Square.Turn(Vector128.Load(r0 + k), Vector128.Load(r1 + k), Vector128.Load(r2 + k),
                    Vector128.Load(r3 + k));
                a.Store(sources + 4 * k);
                b.Store(sources + 4 * k + 4);
                c.Store(sources + 4 * k + 8);
                d.Store(sources + 4 * k + 12);
            }
            for (; k < count; k++)
                for (var row = 0; row < 4; row++) sources[4 * k + row] = rows[row][k];
        }

        /// <summary>rows[row][k] += sums[k][row], for up to four rows.</summary>
        [MethodImpl(Compiled.Alone)]
        private static void AddInterleaved(float** rows, int some, float* sums, int count)
        {
            float* r0 = rows[0], r1 = rows[1], r2 = rows[2], r3 = rows[3];
            var k = 0;
            for (; k <= count - 4; k += 4)
            {
                var (a, b, c, d) = Square.Turn(Vector128.Load(sums + 4 * k), Vector128.Load(sums + 4 * k + 4),
                    Vector128.Load(sums + 4 * k + 8), Vector128.Load(sums + 4 * k + 12));
                (Vector128.Load(r0 + k) + a).Store(r0 + k);
                if (some > 1) (Vector128.Load(r1 + k) + b).Store(r1 + k);
                if (some > 2) (Vector128.Load(r2 + k) + c).Store(r2 + k);
                if (some > 3) (Vector128.Load(r3 + k) + d).Store(r3 + k);
            }
            for (; k < count; k++)
                for (var row = 0; row < some; row++) rows[row][k] += sums[4 * k + row];
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
            var (vector, k) = (0, 0);
            for (int left = count * each, some; left > 0; left -= some)
            {
                // As many numbers as there is room for.
                some = Math.Min(left, 2 * _runs);
                WidenHalves(wide, some, numbers);
                wide += some;
                for (var i = 0; i < some; i++, at++)
                {
                    // Positions before the origin are large numbers here.
                    var position = Math.Min((uint)(*at - origin), (uint)(limit + i % Others));
                    if (!isCrossed) Add(sources + 4L * vector, numbers[i], sums + 4L * position);
                    else if (position < (uint)limit) Add(sources + 4L * position, numbers[i], sums + 4L * vector);
                    if (++k < each) continue;
                    (vector, k) = (vector + 1, 0);
                }
            }

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            static void Add(float* source, float number, float* sum) =>
                Vector128.FusedMultiplyAdd(Vector128.Load(source), Vector128.Create(number), Vector128.Load(sum)).Store(sum);
        }
    }
}
