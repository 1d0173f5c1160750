using System.Numerics;
using Coppice.Kernels.Gpu;
using ILGPU;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <summary>Groups along the third axis of a CUDA grid at most.</summary>
    private const int MaxGridZ = 65535;

    /// <summary>
    /// Attention as two kernels: block states to scratch, one warp for each (row, block, head), then a merge, one warp for each (row,
    /// head).
    /// </summary>
    /// <remarks>
    /// Long contexts come as segments of 128 blocks (8192 positions), each merged into a running state; many rows come in slices that fit
    /// the scratch.
    /// Neither shows in a result: a block's state depends on its row alone, and blocks are merged in ascending order.
    /// </remarks>
    private void Attend<TKv>(Tensor q, TKv kv, in AttentionMask mask, float scale, float softCap, in StateTarget target)
        where TKv : struct, IDeviceKv
    {
        var (firstBlock, blocks) = LaunchPlan.Blocks(q, mask, target.From);
        var valueGroups = ValueGroups(kv.HeadDim);
        var deviceMask = MaskOf(q, mask, target.From);
        var rowsAtOnce = RowsAtOnce(q, blocks - firstBlock);
        for (var row = 0; row < q.Rows; row += rowsAtOnce)
        {
            var rows = Math.Min(rowsAtOnce, q.Rows - row);
            if (target.Continues) MoveStates(q, target, row, rows, stores: false);
            for (var block = firstBlock; block < blocks; block += LaunchPlan.SegmentBlocks)
            {
                var count = Math.Min(LaunchPlan.SegmentBlocks, blocks - block);
                var shape = new AttentionShape(row, rows, q.Shape[1], kv.HeadDim, block, count, valueGroups);
                var states = Scratch<float>(0, (long)rows * (count + 1) * q.Shape[1] * (kv.HeadDim + 2));
                _kernels.Launch(HeadGroups(count, rows, q.Shape[1]), AttendBlocksKernel<TKv>, shape, kv, deviceMask, Heads(q), scale,
                    softCap, states);
                Merge(q, target, shape, states, isFirst: block == firstBlock && !target.Continues, isLast: block + count >= blocks);
            }
            if (target.Y.IsEmpty) MoveStates(q, target, row, rows, stores: true);
        }
    }

    /// <summary>The same over compressed chunks, whose states are written.</summary>
    private void Attend(Tensor q, in DeviceChunks chunks, int blocks, in AttentionMask mask, float scale, float softCap,
        in StateTarget target)
    {
        var deviceMask = MaskOf(q, mask, target.From);
        var rowsAtOnce = RowsAtOnce(q, blocks);
        for (var row = 0; row < q.Rows; row += rowsAtOnce)
        {
            var rows = Math.Min(rowsAtOnce, q.Rows - row);
            for (var block = 0; block < blocks; block += LaunchPlan.SegmentBlocks)
            {
                var count = Math.Min(LaunchPlan.SegmentBlocks, blocks - block);
                var shape = new AttentionShape(row, rows, q.Shape[1], q.Last, block, count, 1);
                var states = Scratch<float>(0, (long)rows * (count + 1) * q.Shape[1] * (q.Last + 2));
                _kernels.Launch(HeadGroups(count, rows, q.Shape[1]), AttendChunksKernel, shape, chunks, deviceMask, Heads(q), scale,
                    softCap, states);
                Merge(q, target, shape, states, isFirst: block == 0, isLast: false);
            }
            MoveStates(q, target, row, rows, stores: true);
        }
    }

    /// <summary>Where the result of a call goes.</summary>
    /// <param name="Y">Outputs, or empty.</param>
    /// <param name="States">Else states of blocks.</param>
    /// <param name="From">The positions that rows see.</param>
    /// <param name="Continues">Whether states hold earlier blocks.</param>
    private readonly record struct StateTarget(Tensor Y, Tensor States = default, KvHorizon From = default, bool Continues = false);

    private int ValueGroups(int headDim) =>
        Math.Max(1, (int)BitOperations.RoundUpToPowerOf2((uint)(WarpSize / ((headDim + 3) / 4) + 1)) / 2);

    private DeviceMask MaskOf(in Tensor q, in AttentionMask mask, in KvHorizon from)
    {
        var lastPosition = mask.Start + (mask.Paths.IsEmpty ? q.Rows : mask.Paths.Shape.RowLength) - 1;
        return new DeviceMask(ViewOrAny<int>(mask.Paths), ViewOrAny<int>(mask.Depths),
            mask.Paths.IsEmpty ? 0 : mask.Paths.RowStride, mask.IsFull ? lastPosition : mask.Start, mask.IsFull ? 0 : 1, mask.Window, from);
    }

    /// <summary>Rows whose states of a segment, and running states, fit the scratch.</summary>
    private int RowsAtOnce(in Tensor q, int blocks)
    {
        var statesPerRow = Math.Min(LaunchPlan.SegmentBlocks, blocks) + 1;
        var states = _scratch.Bytes / sizeof(float) / ((long)statesPerRow * q.Shape[1] * (q.Last + 2));
        var rows = (int)Math.Min(Math.Min(q.Rows, MaxGridZ), states);
        return rows > 0 ? rows : throw new ArgumentException(
            $"attention: block states of one row must fit {_scratch.Bytes:N0} bytes, got {q.Shape[1]} heads of {q.Last}.");
    }

    /// <summary>Merges a segment into the running states; the last one gives outputs, where they are asked for.</summary>
    private void Merge(in Tensor q, in StateTarget target, in AttentionShape shape, ArrayView<float> states, bool isFirst, bool isLast)
    {
        var isFinal = isLast && !target.Y.IsEmpty;
        _kernels.Launch(HeadGroups(1, shape.Rows, shape.Heads), MergeBlocksKernel, shape, states, isFirst ? 1 : 0, isFinal ? 1 : 0,
            Heads(isFinal ? target.Y : q));
    }

    /// <summary>Copies the running states of some rows to the caller's, or from there.</summary>
    private void MoveStates(in Tensor q, in StateTarget target, int row, int rows, bool stores)
    {
        var length = q.Shape[1] * (q.Last + 2);
        var config = Cells(rows, length, out var cells);
        _kernels.Launch(config, MoveStatesKernel, cells, Rows(target.States), row, Scratch<float>(0, (long)rows * length), stores ? 1 : 0);
    }

    /// <summary>Copies one element of a row's states. Reads 4 bytes and writes 4 for each.</summary>
    /// <param name="cells">Row: row of the slice. Column: element of the states of all heads.</param>
    /// <param name="states">The caller's, [rows, heads · (headDim + 2)].</param>
    /// <param name="firstRow">The slice's first row there.</param>
    /// <param name="running">[rows of the slice, heads · (headDim + 2)].</param>
    /// <param name="stores">Not 0: to the caller's.</param>
    [GroupSize(CellGroup)]
    internal static void MoveStatesKernel(DeviceCells cells, DeviceRows states, int firstRow, ArrayView<float> running, int stores)
    {
        if (!cells.Inside) return;
        var at = states.Offset(firstRow + DeviceCells.Row) + DeviceCells.Column;
        var from = (long)DeviceCells.Row * states.Width + DeviceCells.Column;
        if (stores != 0) states.View[at] = running[from];
        else running[from] = states.View[at];
    }

    /// <summary>One warp for each (block, head, row); the warps of a group are heads side by side.</summary>
    private KernelConfig HeadGroups(int blocks, int rows, int heads) =>
        new(new Index3D(blocks, (heads + WarpsPerGroup - 1) / WarpsPerGroup, rows), new Index3D(WarpsPerGroup * WarpSize, 1, 1));

    /// <summary>The head of this warp under <see cref="HeadGroups"/>; the last group of a row may have more warps than heads.</summary>
    private static int WarpHead() => Grid.IdxY * (Group.DimX / Warp.WarpSize) + Warp.WarpIdx;

    /// <summary>
    /// State of one block of 64 positions for one row and head: m = max s, l = Σ exp(s - m), o = Σ exp(s - m) v, s = c(scale · q k) over
    /// the positions seen.
    /// </summary>
    /// <param name="shape">Rows, heads and blocks of this launch.</param>
    /// <param name="kv">Keys and values.</param>
    /// <param name="mask">Who sees whom.</param>
    /// <param name="q">[tokens, heads · headDim].</param>
    /// <param name="scale">Factor of scores.</param>
    /// <param name="softCap">Soft cap of scores, 0 for none.</param>
    /// <param name="states">See <see cref="AttentionShape.State"/>.</param>
    /// <remarks>
    /// A warp is (row, block, head); heads of one KV head stand side by side in a group and share its loads in L1. Scores: a lane owns 8
    /// positions and every
    /// fourth dimension (warp of 32), 16 bytes a load of 16-bit keys, and shuffles add the dimensions. Values: a lane owns 4 dimensions and
    /// every
    /// ValueGroups-th position. A block is read once: 64 · headDim · 2 elements. Positions of a tree path are read one by one, in the same
    /// order.
    /// </remarks>
    [GroupSize(LoneWarps * GpuWarp)]
    internal static void AttendBlocksKernel<TKv>(
        AttentionShape shape, TKv kv, DeviceMask mask, DeviceRows q, float scale, float softCap, ArrayView<float> states)
        where TKv : struct, IDeviceKv
    {
        var allScores = SharedMemory.Allocate<float>(LoneWarps * KvLayout.PageSize);
        var (block, head, row) = (Grid.IdxX, WarpHead(), Grid.IdxZ);
        if (head >= shape.Heads) return;

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
        var query = q.Offset(shape.FirstRow + row, head);
        var scores = allScores.SubView(Warp.WarpIdx * KvLayout.PageSize, KvLayout.PageSize);
        if (mask.IsConsecutive(seen.High)) Scores(kv, kvHead, seen, q.View, query, scores);
        else PathScores(kv, kvHead, seen, mask, shape.FirstRow + row, q.View, query, scores);
        Warp.Barrier();

        var (max, sum) = Weigh(scores, seen.Low - begin, seen.High - begin, scale, softCap);

        Output(kv, kvHead, seen, mask, shape, row, scores, states, state);
        if (Warp.LaneIdx == 0) StoreScale(states, state + shape.HeadDim, max, sum);
    }

    /// <summary>Raw scores of 64 columns to weights e^(s - m), 0 where a column is not seen; m and the sum of the weights.</summary>
    private static (float Max, float Sum) Weigh(ArrayView<float> scores, int low, int high, float scale, float softCap)
    {
        var max = float.NegativeInfinity;
        for (var i = Warp.LaneIdx; i < KvLayout.PageSize; i += Warp.WarpSize)
        {
            var score = i >= low && i < high ? SoftCap(scale * scores[i], softCap) : float.NegativeInfinity;
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
        return (max, sum);
    }

    /// <summary>q · k for the 64 positions of a page, into <paramref name="scores"/>.</summary>
    private static void Scores<TKv>(TKv kv, int kvHead, Span64 seen, ArrayView<float> q, long query, ArrayView<float> scores)
        where TKv : struct, IDeviceKv
    {
        const int columns = KvLayout.PageSize / 8;
        var lanesPerRow = Math.Min(columns, Warp.WarpSize);
        var step = Warp.WarpSize / lanesPerRow;
        var first = kv.KeyIndex(kv.Page(seen.Begin / KvLayout.PageSize), kvHead);
        for (var column = Warp.LaneIdx % lanesPerRow * 8; column < KvLayout.PageSize; column += lanesPerRow * 8)
        {
            Float8 sum = default;
            var d = Warp.LaneIdx / lanesPerRow;
            var at = first + d * columns + column / 8;
            var from = query + d;
            for (; d + 3 * step < kv.HeadDim; d += 4 * step, at += 4 * step * columns, from += 4 * step)       // four loads under way
            {
                var (k0, k1) = (kv.Keys8(at), kv.Keys8(at + step * columns));
                var (k2, k3) = (kv.Keys8(at + 2 * step * columns), kv.Keys8(at + 3 * step * columns));
                var (q0, q1, q2, q3) = (q[from], q[from + step], q[from + 2 * step], q[from + 3 * step]);
                sum = MultiplyAdd(q3, k3, MultiplyAdd(q2, k2, MultiplyAdd(q1, k1, MultiplyAdd(q0, k0, sum))));
            }
            for (; d < kv.HeadDim; d += step, at += step * columns, from += step) sum = MultiplyAdd(q[from], kv.Keys8(at), sum);
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
    private static void PathScores<TKv>(TKv kv, int kvHead, Span64 seen, DeviceMask mask, int row, ArrayView<float> q, long query,
        ArrayView<float> scores)
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
            sum = Reduction.WarpSum(sum, lanesPerRow);
            if (Warp.LaneIdx < lanesPerRow) scores[column] = sum;
        }
    }

    /// <summary>o[d] = Σ weight · v[d] over the positions seen, ascending within each value group, then the groups.</summary>
    private static void Output<TKv>(
        TKv kv, int kvHead, Span64 seen, DeviceMask mask, AttentionShape shape, int row, ArrayView<float> weights, ArrayView<float> states,
            long state)
        where TKv : struct, IDeviceKv
    {
        var lanesPerGroup = Warp.WarpSize / shape.ValueGroups;
        var (group, lane) = (Warp.LaneIdx / lanesPerGroup, Warp.LaneIdx % lanesPerGroup);
        var first = seen.Low + ((group - seen.Low) & (shape.ValueGroups - 1));
        for (var from = 0; from < shape.HeadDim; from += 4 * lanesPerGroup)
        {
            var d = from + 4 * lane;
            Float4 sum = default;
            if (d < shape.HeadDim)
            {
                sum = mask.IsConsecutive(seen.High) && shape.HeadDim % 4 == 0
                    ? Values(kv, kvHead, seen, first, shape.ValueGroups, d, weights)
                    : PathValues(kv, kvHead, seen, mask, shape.FirstRow + row, first, shape.ValueGroups, d, weights);
            }
            sum = SumLanes(sum, lanesPerGroup);
            if (group != 0 || d >= shape.HeadDim) continue;
            states[state + d] = sum.X;
            if (d + 1 < shape.HeadDim) states[state + d + 1] = sum.Y;
            if (d + 2 < shape.HeadDim) states[state + d + 2] = sum.Z;
            if (d + 3 < shape.HeadDim) states[state + d + 3] = sum.W;
        }
    }

    /// <summary>Σ weight · v[d … d + 3] over positions first, first + step, … of one page.</summary>
    private static Float4 Values<TKv>(TKv kv, int kvHead, Span64 seen, int first, int step, int d, ArrayView<float> weights)
        where TKv : struct, IDeviceKv
    {
        var (column, end) = (first - seen.Begin, seen.High - seen.Begin);
        var stride = kv.HeadDim / 4 * step;
        var at = kv.ValueIndex(kv.Page(seen.Begin / KvLayout.PageSize), kvHead) + column * (kv.HeadDim / 4) + d / 4;
        Float4 sum = default;
        for (; column + 3 * step < end; column += 4 * step, at += 4 * stride)       // four loads under way
        {
            var (v0, v1, v2, v3) = (kv.Values4(at), kv.Values4(at + stride), kv.Values4(at + 2 * stride), kv.Values4(at + 3 * stride));
            sum = MultiplyAdd(weights[column], v0, sum);
            sum = MultiplyAdd(weights[column + step], v1, sum);
            sum = MultiplyAdd(weights[column + 2 * step], v2, sum);
            sum = MultiplyAdd(weights[column + 3 * step], v3, sum);
        }
        for (; column < end; column += step, at += stride) sum = MultiplyAdd(weights[column], kv.Values4(at), sum);
        return sum;
    }

    /// <summary><see cref="Values"/> where some positions are on a tree's path, or headDim is no multiple of 4.</summary>
    private static Float4 PathValues<TKv>(
        TKv kv, int kvHead, Span64 seen, DeviceMask mask, int row, int first, int step, int d, ArrayView<float> weights)
        where TKv : struct, IDeviceKv
    {
        Float4 sum = default;
        for (var position = first; position < seen.High; position += step)
        {
            var slot = mask.Slot(row, position);
            var value = kv.Value4(kv.Page(slot / KvLayout.PageSize), kvHead, slot % KvLayout.PageSize, d);
            sum = MultiplyAdd(weights[position - seen.Begin], value, sum);
        }
        return sum;
    }

    private static Float4 MultiplyAdd(float a, Float4 b, Float4 c) => new()
    {
        X = DeviceMath.FusedMultiplyAdd(a, b.X, c.X),
        Y = DeviceMath.FusedMultiplyAdd(a, b.Y, c.Y),
        Z = DeviceMath.FusedMultiplyAdd(a, b.Z, c.Z),
        W = DeviceMath.FusedMultiplyAdd(a, b.W, c.W),
    };

    private static Float8 MultiplyAdd(float a, Float8 b, Float8 c) =>
        new() { Low = MultiplyAdd(a, b.Low, c.Low), High = MultiplyAdd(a, b.High, c.High) };

    /// <summary>Adds lanes that are a multiple of <paramref name="apart"/> apart, as <see cref="Reduction.WarpSum(float, int)"/>.</summary>
    private static Float4 SumLanes(Float4 value, int apart) => new()
    {
        X = Reduction.WarpSum(value.X, apart),
        Y = Reduction.WarpSum(value.Y, apart),
        Z = Reduction.WarpSum(value.Z, apart),
        W = Reduction.WarpSum(value.W, apart),
    };

    private static Float8 SumLanes(Float8 value, int apart) =>
        new() { Low = SumLanes(value.Low, apart), High = SumLanes(value.High, apart) };
}
