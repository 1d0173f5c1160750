using Coppice.Kernels.Gpu;
using ILGPU;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <summary>
    /// State of 64 tokens of a chunk for one row and head, on the chunk's parts as they are: scores are codes times query · scale, plus
    /// query · minimum, plus A (Bᵀ q), plus outliers; outputs alike, with weights for queries. One warp a (row, block, head).
    /// </summary>
    /// <param name="shape">Rows, heads and blocks of this launch; blocks are those of the longest chunk for every chunk.</param>
    /// <param name="chunks">Chunks of one layer.</param>
    /// <param name="mask">Who sees whom, and from where on chunks are seen.</param>
    /// <param name="q">[tokens, heads · headDim].</param>
    /// <param name="scale">Factor of scores.</param>
    /// <param name="softCap">Soft cap of scores, 0 for none.</param>
    /// <param name="states">See <see cref="AttentionShape.State"/>.</param>
    /// <remarks>
    /// A lane owns every warpSize-th token of the scores, then every warpSize-th channel of the output. Reads codes once.
    /// </remarks>
    [GroupSize(LoneWarps * GpuWarp)]
    internal static void AttendChunksKernel(
        AttentionShape shape, DeviceChunks chunks, DeviceMask mask, DeviceRows q, float scale, float softCap, ArrayView<float> states)
    {
        var allScores = SharedMemory.Allocate<float>(LoneWarps * KvLayout.PageSize);
        var (block, head, row) = (Grid.IdxX, WarpHead(), Grid.IdxZ);
        if (head >= shape.Heads) return;

        var part = chunks.Part(shape.FirstBlock + block, head / (shape.Heads / chunks.KvHeads));
        var position = mask.Position(shape.FirstRow + row);
        var isSeen = part.Position + part.Tokens <= mask.Horizon(position);
        var low = Math.Max(0, mask.FirstOfWindow(position) - part.Position - part.First);
        var high = isSeen ? part.Count : 0;
        var state = shape.State(row, head, block);
        if (low >= high)
        {
            if (Warp.LaneIdx == 0) StoreScale(states, state + shape.HeadDim, float.NegativeInfinity, 0f);
            return;
        }

        var query = q.Offset(shape.FirstRow + row, head);
        var scores = allScores.SubView(Warp.WarpIdx * KvLayout.PageSize, KvLayout.PageSize);
        ChunkScores(part, high, q.View, query, scores);
        Warp.Barrier();

        var (max, sum) = Weigh(scores, low, high, scale, softCap);

        ChunkOutput(part, low, high, scores, states, state);
        if (Warp.LaneIdx == 0) StoreScale(states, state + shape.HeadDim, max, sum);
    }

    /// <summary>q · k for the tokens of a block, into <paramref name="scores"/>.</summary>
    private static void ChunkScores(DeviceChunkPart part, int count, ArrayView<float> q, long query, ArrayView<float> scores)
    {
        for (var column = Warp.LaneIdx; column < count; column += Warp.WarpSize)
        {
            var token = part.First + column;
            scores[column] = token < part.Exact ? ExactScore(part, token, q, query)
                : CodeScore(part, token, q, query) + OutlierScore(part, token, q, query);
        }
        for (var r = 0; r < part.Rank; r++)
        {
            var share = 0f;
            for (var d = Warp.LaneIdx; d < part.HeadDim; d += Warp.WarpSize)
                share = DeviceMath.FusedMultiplyAdd(q[query + d], part.B(DeviceLayout.Keys, d, r), share);
            share = Reduction.WarpSum(share);
            for (var column = Warp.LaneIdx; column < count; column += Warp.WarpSize)
            {
                var token = part.First + column;
                if (token >= part.Exact)
                    scores[column] = DeviceMath.FusedMultiplyAdd(part.A(DeviceLayout.Keys, token, r), share, scores[column]);
            }
        }
    }

    private static float ExactScore(DeviceChunkPart part, int token, ArrayView<float> q, long query)
    {
        var sum = 0f;
        for (var d = 0; d < part.HeadDim; d++)
            sum = DeviceMath.FusedMultiplyAdd(q[query + d], part.ExactElement(DeviceLayout.Keys, token, d), sum);
        return sum;
    }

    private static float CodeScore(DeviceChunkPart part, int token, ArrayView<float> q, long query)
    {
        var (sum, rest) = (0f, 0f);
        var (isByRange, run, left) = (part.ByRange, part.FirstRun, part.HeadBits);
        for (var d = 0; d < part.HeadDim; d++)
        {
            var x = q[query + d] * part.ChannelScale(DeviceLayout.Keys, d);
            int code;
            if (isByRange)
            {
                // Chunks come from files too: whatever the widths are, nothing after the head's codes is read.
                var width = Math.Min(part.Width(d), left);
                code = part.RunCode(run, token, width);
                run += part.Tokens * width / 8;
                left -= width;
            }
            else code = part.Code(DeviceLayout.Keys, token, d);
            sum = DeviceMath.FusedMultiplyAdd(x * part.Scale(DeviceLayout.Keys, token, d), code, sum);
            rest = DeviceMath.FusedMultiplyAdd(x, part.Minimum(DeviceLayout.Keys, token, d), rest);
        }
        return sum + rest;
    }

    private static float OutlierScore(DeviceChunkPart part, int token, ArrayView<float> q, long query)
    {
        var (sum, each) = (0f, part.Outliers(DeviceLayout.Keys));
        if (part.AlongTokens(DeviceLayout.Keys))
        {
            for (var d = 0; each > 0 && d < part.HeadDim; d++)
                for (var i = 0; i < each; i++)
                    if (part.OutlierPosition(DeviceLayout.Keys, d, i) == token)
                        sum = DeviceMath.FusedMultiplyAdd(q[query + d], part.OutlierDelta(DeviceLayout.Keys, d, i), sum);
            return sum;
        }
        for (var i = 0; i < each; i++)
        {
            var d = part.OutlierPosition(DeviceLayout.Keys, token, i);
            if (d >= 0 && d < part.HeadDim)
                sum = DeviceMath.FusedMultiplyAdd(q[query + d], part.OutlierDelta(DeviceLayout.Keys, token, i), sum);
        }
        return sum;
    }

    /// <summary>o[d] = Σ weight · v[d] over the tokens seen.</summary>
    private static void ChunkOutput(
        DeviceChunkPart part, int low, int high, ArrayView<float> weights, ArrayView<float> states, long state)
    {
        for (var d = Warp.LaneIdx; d < part.HeadDim; d += Warp.WarpSize)
        {
            var (sum, rest, exact) = (0f, 0f, 0f);
            for (var column = low; column < high; column++)
            {
                var (token, weight) = (part.First + column, weights[column]);
                if (token < part.Exact)
                {
                    exact = DeviceMath.FusedMultiplyAdd(weight, part.ExactElement(DeviceLayout.Values, token, d), exact);
                    continue;
                }
                sum = DeviceMath.FusedMultiplyAdd(
                    weight * part.Scale(DeviceLayout.Values, token, d), part.Code(DeviceLayout.Values, token, d), sum);
                rest = DeviceMath.FusedMultiplyAdd(weight, part.Minimum(DeviceLayout.Values, token, d), rest);
                for (var i = 0; i < part.Outliers(DeviceLayout.Values); i++)
                    if (part.OutlierPosition(DeviceLayout.Values, token, i) == d)
                        exact = DeviceMath.FusedMultiplyAdd(weight, part.OutlierDelta(DeviceLayout.Values, token, i), exact);
            }
            states[state + d] = DeviceMath.FusedMultiplyAdd(sum + rest, part.ChannelScale(DeviceLayout.Values, d), exact);
        }
        for (var r = 0; r < part.Rank; r++)
        {
            var share = 0f;
            for (var column = low + Warp.LaneIdx; column < high; column += Warp.WarpSize)
                if (part.First + column >= part.Exact)
                    share = DeviceMath.FusedMultiplyAdd(weights[column], part.A(DeviceLayout.Values, part.First + column, r), share);
            share = Reduction.WarpSum(share);
            for (var d = Warp.LaneIdx; d < part.HeadDim; d += Warp.WarpSize)
                states[state + d] = DeviceMath.FusedMultiplyAdd(share, part.B(DeviceLayout.Values, d, r), states[state + d]);
        }
    }
}
