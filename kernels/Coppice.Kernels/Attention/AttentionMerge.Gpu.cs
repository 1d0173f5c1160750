using Coppice.Kernels.Gpu;
using ILGPU;

namespace Coppice.Kernels;

internal sealed partial class GpuBackend
{
    /// <summary>
    /// y = o / l over all blocks of a segment and the running state before it, one warp a (row, head). Reads every state once.
    /// </summary>
    /// <param name="shape">Rows, heads and blocks of this launch.</param>
    /// <param name="states">See <see cref="AttentionShape.State"/>.</param>
    /// <param name="isFirst">Not 0: there is no running state yet.</param>
    /// <param name="isFinal">Not 0: divide and write y; otherwise the merged state becomes the running state.</param>
    /// <param name="y">[tokens, heads · headDim].</param>
    /// <remarks>
    /// The maximum over blocks first, then l and o scaled to it, blocks ascending: one exponential a block, off the chain of sums. Lane l
    /// owns dimensions l, l + warpSize, …
    /// </remarks>
    [GroupSize(LoneWarps * GpuWarp)]
    internal static void MergeBlocksKernel(AttentionShape shape, ArrayView<float> states, int isFirst, int isFinal, DeviceRows y)
    {
        var allWeights = SharedMemory.Allocate<float>(LoneWarps * LaunchPlan.SegmentBlocks);
        var (head, row) = (WarpHead(), Grid.IdxZ);
        if (head >= shape.Heads) return;
        var weights = allWeights.SubView(Warp.WarpIdx * LaunchPlan.SegmentBlocks, LaunchPlan.SegmentBlocks);
        var running = shape.State(row, head, shape.Blocks);
        var first = shape.State(row, head, 0);
        var stride = shape.Heads * (shape.HeadDim + 2);         // from a block's state to the next block's

        var runningMax = isFirst != 0 ? float.NegativeInfinity : states[running + shape.HeadDim];
        var max = runningMax;
        for (var block = Warp.LaneIdx; block < shape.Blocks; block += Warp.WarpSize)
            max = MathF.Max(max, states[first + shape.HeadDim + block * stride]);
        max = Reduction.WarpMax(max);
        for (var block = Warp.LaneIdx; block < shape.Blocks; block += Warp.WarpSize)
        {
            var blockMax = states[first + shape.HeadDim + block * stride];
            weights[block] = blockMax == float.NegativeInfinity ? 0f : MathF.Exp(blockMax - max);
        }
        Warp.Barrier();

        var runningWeight = DeviceMath.Once(runningMax == float.NegativeInfinity ? 0f : MathF.Exp(runningMax - max));
        var sum = runningWeight == 0f ? 0f : runningWeight * states[running + shape.HeadDim + 1];
        var at = first + shape.HeadDim + 1;
        for (var block = 0; block < shape.Blocks; block++, at += stride) sum = DeviceMath.FusedMultiplyAdd(weights[block], states[at], sum);

        var target = y.Offset(shape.FirstRow + row, head);
        for (var d = Warp.LaneIdx; d < shape.HeadDim; d += Warp.WarpSize)
        {
            var o = runningWeight == 0f ? 0f : runningWeight * states[running + d];
            at = first + d;
            for (var block = 0; block < shape.Blocks; block++, at += stride)
                if (weights[block] != 0f) o = DeviceMath.FusedMultiplyAdd(weights[block], states[at], o);
            if (isFinal != 0) y.View[target + d] = sum == 0f ? 0f : o / sum;
            else states[running + d] = o;
        }
        Warp.Barrier();
        if (isFinal == 0 && Warp.LaneIdx == 0) StoreScale(states, running + shape.HeadDim, max, sum);
    }

    private static void StoreScale(ArrayView<float> states, long at, float max, float sum)
    {
        states[at] = max;
        states[at + 1] = sum;
    }
}
