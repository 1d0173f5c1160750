using System.Numerics;
using Coppice.Kernels.Gpu;
using ILGPU;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <summary>Logical blocks whose states are merged at once. Fixed, because the order of merging must depend on positions only.</summary>
    private const int SegmentBlocks = 128;

    /// <summary>Attention as two kernels: block states to scratch, one warp for each (row, block, head), then a merge, one warp for each (row, head).</summary>
    /// <remarks>
    /// Long contexts come as segments of 128 blocks (8192 positions), each merged into a running state; many rows come in slices that fit the scratch.
    /// Neither shows in a result: a block's state depends on its row alone, and blocks are merged in ascending order.
    /// </remarks>
    private void Attend<TKv>(Tensor q, TKv kv, in AttentionMask mask, float scale, float softCap, Tensor y) where TKv : struct, IDeviceKv
    {
        var heads = q.Shape[1];
        var stateLength = kv.HeadDim + 2;
        var lastPosition = mask.Start + (mask.Paths.IsEmpty ? q.Rows : mask.Paths.Shape.RowLength) - 1;
        var firstBlock = mask.Window == 0 ? 0 : Math.Max(0, mask.Start - mask.Window + 1) / KvLayout.PageSize / SegmentBlocks * SegmentBlocks;
        var blocks = lastPosition / KvLayout.PageSize + 1;
        var statesPerRow = Math.Min(SegmentBlocks, blocks - firstBlock) + 1;        // and the running state
        var rowsAtOnce = (int)Math.Min(q.Rows, ScratchBytes / sizeof(float) / ((long)statesPerRow * heads * stateLength));
        Require.That(rowsAtOnce > 0, "attention", $"block states of one row must fit {ScratchBytes:N0} bytes, got {heads} heads of {kv.HeadDim}");

        var deviceMask = new DeviceMask(ViewOrAny<int>(mask.Paths), ViewOrAny<int>(mask.Depths), mask.Paths.IsEmpty ? 0 : mask.Paths.RowStride, mask.Start, mask.Window);
        var valueGroups = Math.Max(1, (int)BitOperations.RoundUpToPowerOf2((uint)(WarpSize / ((kv.HeadDim + 3) / 4) + 1)) / 2);
        for (var row = 0; row < q.Rows; row += rowsAtOnce)
        {
            var rows = Math.Min(rowsAtOnce, q.Rows - row);
            for (var block = firstBlock; block < blocks; block += SegmentBlocks)
            {
                var count = Math.Min(SegmentBlocks, blocks - block);
                var shape = new AttentionShape(row, rows, heads, kv.HeadDim, block, count, valueGroups);
                var states = Scratch<float>(0, (long)rows * (count + 1) * heads * stateLength);
                _kernels.Launch(WarpPerItem((long)rows * count * heads), AttendBlocksKernel<TKv>, shape, kv, deviceMask, Rows(q), scale, softCap, states);
                var (first, final) = (block == firstBlock ? 1 : 0, block + count >= blocks ? 1 : 0);
                _kernels.Launch(WarpPerItem((long)rows * heads), MergeBlocksKernel, shape, states, first, final, Rows(y));
            }
        }
    }

    /// <summary>What one pair of launches covers.</summary>
    internal readonly struct AttentionShape(int firstRow, int rows, int heads, int headDim, int firstBlock, int blocks, int valueGroups)
    {
        /// <summary>Rows of q from FirstRow on.</summary>
        internal readonly int FirstRow = firstRow, Rows = rows;
        /// <summary>Query heads, and elements of a head.</summary>
        internal readonly int Heads = heads, HeadDim = headDim;
        /// <summary>Logical blocks from FirstBlock on.</summary>
        internal readonly int FirstBlock = firstBlock, Blocks = blocks;
        /// <summary>Positions that a warp reads values of at once: a power of two, more than 1 where a value has fewer than 4 · warpSize elements.</summary>
        internal readonly int ValueGroups = valueGroups;

        /// <summary>Where the state of (row, head, block) begins: o [headDim], then m, then l. Block <see cref="Blocks"/> is the running state of earlier segments.</summary>
        /// <remarks>The running states lie first, so that they stay where they are when the last segment has fewer blocks.</remarks>
        internal long State(int row, int head, int block) =>
            (block == Blocks ? (long)row * Heads + head : (long)Rows * Heads + ((long)row * Blocks + block) * Heads + head) * (HeadDim + 2);
    }

    /// <summary>Who sees whom: <see cref="AttentionMask"/> on the device. PathStride is 0 where rows are consecutive positions.</summary>
    internal readonly struct DeviceMask(ArrayView<int> paths, ArrayView<int> depths, int pathStride, int start, int window)
    {
        private readonly ArrayView<int> _paths = paths;
        private readonly ArrayView<int> _depths = depths;
        private readonly int _pathStride = pathStride;
        private readonly int _start = start;
        private readonly int _window = window;

        /// <summary>Logical position of a row.</summary>
        internal int Position(int row) => _start + (_pathStride == 0 ? row : _depths[row]);

        /// <summary>The first position that a row at <paramref name="position"/> sees.</summary>
        internal int First(int position) => _window == 0 ? 0 : Math.Max(0, position - _window + 1);

        /// <summary>Whether slots below <paramref name="end"/> are their own positions for every row.</summary>
        internal bool IsConsecutive(int end) => _pathStride == 0 || end <= _start;

        /// <summary>The slot of a logical position that <paramref name="row"/> sees.</summary>
        internal int Slot(int row, int position) =>
            _pathStride == 0 || position < _start ? position : _start + _paths[(long)row * _pathStride + position - _start];
    }

    /// <summary>State of one block of 64 positions for one row and head: m = max s, l = Σ exp(s - m), o = Σ exp(s - m) v, s = c(scale · q k) over the positions seen.</summary>
    /// <param name="shape">Rows, heads and blocks of this launch.</param>
    /// <param name="kv">Keys and values.</param>
    /// <param name="mask">Who sees whom.</param>
    /// <param name="q">[tokens, heads · headDim].</param>
    /// <param name="scale">Factor of scores.</param>
    /// <param name="softCap">Soft cap of scores, 0 for none.</param>
    /// <param name="states">See <see cref="AttentionShape.State"/>.</param>
    /// <remarks>
    /// Warp (row, block, head), head fastest: heads of one KV head stand side by side and share its loads in L1. Scores: a lane owns 8 positions and every
    /// fourth dimension (warp of 32), 16 bytes a load of 16-bit keys, and shuffles add the dimensions. Values: a lane owns 4 dimensions and every
    /// ValueGroups-th position. A block is read once: 64 · headDim · 2 elements. Positions of a tree path are read one by one, in the same order.
    /// </remarks>
    [GroupSize(LoneWarps * GpuWarp)]
    internal static void AttendBlocksKernel<TKv>(
        AttentionShape shape, TKv kv, DeviceMask mask, DeviceRows q, float scale, float softCap, ArrayView<float> states) where TKv : struct, IDeviceKv
    {
        var allScores = SharedMemory.Allocate<float>(LoneWarps * KvLayout.PageSize);
        var item = (long)Grid.IdxX * (Group.DimX / Warp.WarpSize) + Warp.WarpIdx;
        var (head, rest) = ((int)(item % shape.Heads), (int)(item / shape.Heads));
        var (block, row) = (rest % shape.Blocks, rest / shape.Blocks);
        if (row >= shape.Rows) return;

        var begin = (shape.FirstBlock + block) * KvLayout.PageSize;
        var position = mask.Position(shape.FirstRow + row);
        var seen = new Span64(begin, Math.Max(begin, mask.First(position)), Math.Min(begin + KvLayout.PageSize, position + 1));
        var state = shape.State(row, head, block);
        if (seen.Low >= seen.High)
        {
            if (Warp.LaneIdx == 0) StoreScale(states, state + shape.HeadDim, float.NegativeInfinity, 0f);
            return;
        }

        var kvHead = head / (shape.Heads / kv.KvHeads);
        var query = q.Offset(shape.FirstRow + row) + head * shape.HeadDim;
        var scores = allScores.SubView(Warp.WarpIdx * KvLayout.PageSize, KvLayout.PageSize);
        if (mask.IsConsecutive(seen.High)) Scores(kv, kvHead, seen, q.View, query, scores);
        else PathScores(kv, kvHead, seen, mask, shape.FirstRow + row, q.View, query, scores);
        Warp.Barrier();

        var max = float.NegativeInfinity;
        for (var i = Warp.LaneIdx; i < KvLayout.PageSize; i += Warp.WarpSize)
        {
            var visible = begin + i >= seen.Low && begin + i < seen.High;
            var score = visible ? SoftCap(scale * scores[i], softCap) : float.NegativeInfinity;
            scores[i] = score;
            max = MathF.Max(max, score);
        }
        max = Reduction.WarpMax(max);
        var sum = 0f;
        for (var i = Warp.LaneIdx; i < KvLayout.PageSize; i += Warp.WarpSize)
        {
            var weight = scores[i] == float.NegativeInfinity ? 0f : MathF.Exp(scores[i] - max);
            scores[i] = weight;
            sum += weight;
        }
        sum = Reduction.WarpSum(sum);
        Warp.Barrier();

        Output(kv, kvHead, seen, mask, shape, row, scores, states, state);
        if (Warp.LaneIdx == 0) StoreScale(states, state + shape.HeadDim, max, sum);
    }

    /// <summary>The positions of a block that a row sees: Low … High - 1, within 64 from Begin on.</summary>
    internal readonly struct Span64(int begin, int low, int high)
    {
        internal readonly int Begin = begin, Low = low, High = high;
    }

    private static void StoreScale(ArrayView<float> states, long at, float max, float sum)
    {
        states[at] = max;
        states[at + 1] = sum;
    }

    /// <summary>q · k for the 64 positions of a page, into <paramref name="scores"/>.</summary>
    private static void Scores<TKv>(TKv kv, int kvHead, Span64 seen, ArrayView<float> q, long query, ArrayView<float> scores) where TKv : struct, IDeviceKv
    {
        var page = kv.Page(seen.Begin / KvLayout.PageSize);
        var lanesPerRow = Math.Min(KvLayout.PageSize / 8, Warp.WarpSize);
        for (var column = Warp.LaneIdx % lanesPerRow * 8; column < KvLayout.PageSize; column += lanesPerRow * 8)
        {
            Float8 sum = default;
            for (var d = Warp.LaneIdx / lanesPerRow; d < kv.HeadDim; d += Warp.WarpSize / lanesPerRow)
                sum = MultiplyAdd(q[query + d], kv.Keys8(page, kvHead, d, column), sum);
            sum = SumLanes(sum, lanesPerRow);
            if (Warp.LaneIdx >= lanesPerRow) continue;
            scores[column] = sum.Low.X;
            scores[column + 1] = sum.Low.Y;
            scores[column + 2] = sum.Low.Z;
            scores[column + 3] = sum.Low.W;
            scores[column + 4] = sum.High.X;
            scores[column + 5] = sum.High.Y;
            scores[column + 6] = sum.High.Z;
            scores[column + 7] = sum.High.W;
        }
    }

    /// <summary><see cref="Scores"/> where some positions are on a tree's path: key by key, in the same order.</summary>
    private static void PathScores<TKv>(TKv kv, int kvHead, Span64 seen, DeviceMask mask, int row, ArrayView<float> q, long query, ArrayView<float> scores)
        where TKv : struct, IDeviceKv
    {
        var lanesPerRow = Math.Min(KvLayout.PageSize / 8, Warp.WarpSize);
        for (var column = Warp.LaneIdx % lanesPerRow; column < KvLayout.PageSize; column += lanesPerRow)
        {
            var slot = mask.Slot(row, Math.Min(seen.Begin + column, seen.High - 1));
            var page = kv.Page(slot / KvLayout.PageSize);
            var sum = 0f;
            for (var d = Warp.LaneIdx / lanesPerRow; d < kv.HeadDim; d += Warp.WarpSize / lanesPerRow)
                sum = DeviceMath.FusedMultiplyAdd(q[query + d], kv.Key(page, kvHead, d, slot % KvLayout.PageSize), sum);
            sum = SumLanes(sum, lanesPerRow);
            if (Warp.LaneIdx < lanesPerRow) scores[column] = sum;
        }
    }

    /// <summary>o[d] = Σ weight · v[d] over the positions seen, ascending within each value group, then the groups.</summary>
    private static void Output<TKv>(
        TKv kv, int kvHead, Span64 seen, DeviceMask mask, AttentionShape shape, int row, ArrayView<float> weights, ArrayView<float> states, long state)
        where TKv : struct, IDeviceKv
    {
        var consecutive = mask.IsConsecutive(seen.High);
        var lanesPerGroup = Warp.WarpSize / shape.ValueGroups;
        var (group, lane) = (Warp.LaneIdx / lanesPerGroup, Warp.LaneIdx % lanesPerGroup);
        var first = seen.Low + ((group - seen.Low) & (shape.ValueGroups - 1));
        var ownPage = kv.Page(seen.Begin / KvLayout.PageSize);
        for (var from = 0; from < shape.HeadDim; from += 4 * lanesPerGroup)
        {
            var d = from + 4 * lane;
            Float4 sum = default;
            if (d < shape.HeadDim)
            {
                for (var position = first; position < seen.High; position += shape.ValueGroups)
                {
                    var slot = position;
                    var page = ownPage;
                    if (!consecutive)
                    {
                        slot = mask.Slot(shape.FirstRow + row, position);
                        page = kv.Page(slot / KvLayout.PageSize);
                    }
                    sum = MultiplyAdd(weights[position - seen.Begin], kv.Values4(page, kvHead, slot % KvLayout.PageSize, d), sum);
                }
            }
            sum = SumLanes(sum, lanesPerGroup);
            if (group != 0 || d >= shape.HeadDim) continue;
            states[state + d] = sum.X;
            if (d + 1 < shape.HeadDim) states[state + d + 1] = sum.Y;
            if (d + 2 < shape.HeadDim) states[state + d + 2] = sum.Z;
            if (d + 3 < shape.HeadDim) states[state + d + 3] = sum.W;
        }
    }

    /// <summary>y = o / l over all blocks of a segment and the running state before it, one warp a (row, head). Reads every state once.</summary>
    /// <param name="shape">Rows, heads and blocks of this launch.</param>
    /// <param name="states">See <see cref="AttentionShape.State"/>.</param>
    /// <param name="isFirst">Not 0: there is no running state yet.</param>
    /// <param name="isFinal">Not 0: divide and write y; otherwise the merged state becomes the running state.</param>
    /// <param name="y">[tokens, heads · headDim].</param>
    /// <remarks>The maximum over blocks first, then l and o scaled to it, blocks ascending: one exponential a block, off the chain of sums. Lane l owns dimensions l, l + warpSize, …</remarks>
    [GroupSize(LoneWarps * GpuWarp)]
    internal static void MergeBlocksKernel(AttentionShape shape, ArrayView<float> states, int isFirst, int isFinal, DeviceRows y)
    {
        var allWeights = SharedMemory.Allocate<float>(LoneWarps * SegmentBlocks);
        var item = (long)Grid.IdxX * (Group.DimX / Warp.WarpSize) + Warp.WarpIdx;
        var (head, row) = ((int)(item % shape.Heads), (int)(item / shape.Heads));
        if (row >= shape.Rows) return;
        var weights = allWeights.SubView(Warp.WarpIdx * SegmentBlocks, SegmentBlocks);
        var (maxAt, sumAt) = (shape.HeadDim, shape.HeadDim + 1);
        var running = shape.State(row, head, shape.Blocks);

        var runningMax = isFirst != 0 ? float.NegativeInfinity : states[running + maxAt];
        var max = runningMax;
        for (var block = Warp.LaneIdx; block < shape.Blocks; block += Warp.WarpSize) max = MathF.Max(max, states[shape.State(row, head, block) + maxAt]);
        max = Reduction.WarpMax(max);
        for (var block = Warp.LaneIdx; block < shape.Blocks; block += Warp.WarpSize)
        {
            var blockMax = states[shape.State(row, head, block) + maxAt];
            weights[block] = blockMax == float.NegativeInfinity ? 0f : MathF.Exp(blockMax - max);
        }
        Warp.Barrier();

        var runningWeight = runningMax == float.NegativeInfinity ? 0f : MathF.Exp(runningMax - max);
        var sum = runningWeight == 0f ? 0f : runningWeight * states[running + sumAt];
        for (var block = 0; block < shape.Blocks; block++)
            sum = DeviceMath.FusedMultiplyAdd(weights[block], states[shape.State(row, head, block) + sumAt], sum);

        var target = y.Offset(shape.FirstRow + row) + head * shape.HeadDim;
        for (var d = Warp.LaneIdx; d < shape.HeadDim; d += Warp.WarpSize)
        {
            var o = runningWeight == 0f ? 0f : runningWeight * states[running + d];
            for (var block = 0; block < shape.Blocks; block++)
                if (weights[block] != 0f) o = DeviceMath.FusedMultiplyAdd(weights[block], states[shape.State(row, head, block) + d], o);
            if (isFinal != 0) y.View[target + d] = sum == 0f ? 0f : o / sum;
            else states[running + d] = o;
        }
        Warp.Barrier();
        if (isFinal == 0 && Warp.LaneIdx == 0) StoreScale(states, running + maxAt, max, sum);
    }

    private static Float4 MultiplyAdd(float a, Float4 b, Float4 c) => new()
    {
        X = DeviceMath.FusedMultiplyAdd(a, b.X, c.X),
        Y = DeviceMath.FusedMultiplyAdd(a, b.Y, c.Y),
        Z = DeviceMath.FusedMultiplyAdd(a, b.Z, c.Z),
        W = DeviceMath.FusedMultiplyAdd(a, b.W, c.W),
    };

    private static Float8 MultiplyAdd(float a, Float8 b, Float8 c) => new() { Low = MultiplyAdd(a, b.Low, c.Low), High = MultiplyAdd(a, b.High, c.High) };

    /// <summary>Adds lanes that are a multiple of <paramref name="apart"/> apart, by the same butterfly as <see cref="Reduction.WarpSum"/>.</summary>
    private static float SumLanes(float value, int apart)
    {
        for (var distance = Warp.WarpSize / 2; distance >= apart; distance /= 2) value += Warp.ShuffleXor(value, distance);
        return value;
    }

    private static Float4 SumLanes(Float4 value, int apart) => new()
    {
        X = SumLanes(value.X, apart),
        Y = SumLanes(value.Y, apart),
        Z = SumLanes(value.Z, apart),
        W = SumLanes(value.W, apart),
    };

    private static Float8 SumLanes(Float8 value, int apart) => new() { Low = SumLanes(value.Low, apart), High = SumLanes(value.High, apart) };
}
