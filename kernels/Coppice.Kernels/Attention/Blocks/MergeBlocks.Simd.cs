using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    protected override void MergeBlocksCore(Tensor states, Tensor y) => ForRows(new MergeWork(states, y), y.Rows, y.Shape.RowLength);

    private readonly struct MergeWork(Tensor states, Tensor y) : IRowWork
    {
        public void Run(int row)
        {
            var headDim = y.Last;
            for (var head = 0; head < y.Shape[1]; head++)
            {
                var state = Row(states, row) + head * (headDim + 2);
                AttentionJob.Divide(state, state[headDim + 1], Row(y, row) + head * headDim, headDim);
            }
        }
    }
}
