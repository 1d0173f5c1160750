using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    private ScratchMemory? _best;

    /// <summary>Each thread looks through its outputs while they are in its caches; the threads' lists are merged at the end.</summary>
    protected override void MatMulTopKCore(Tensor x, WeightMatrix weight, Tensor bias, Tensor y, Tensor values, Tensor indices)
    {
        var lists = new BestLists((_best ??= new ScratchMemory(this)).Get(BestLists.Bytes(Threads, y.Rows, values.Last)), y.Rows,
            values.Last);
        for (var worker = 0; worker < Threads; worker++)
            for (var row = 0; row < y.Rows; row++) BeginLargest(lists.Values(worker, row), lists.Indices(worker, row), lists.K);
        MatMul(x, weight, bias, y, lists);
        for (var row = 0; row < y.Rows; row++)
        {
            float* best = Row(values, row);
            var index = IndexRow(indices, row);
            BeginLargest(best, index, lists.K);
            for (var worker = 0; worker < Threads; worker++)
                for (var i = 0; i < lists.K; i++) Insert(lists.Values(worker, row)[i], lists.Indices(worker, row)[i], lists.K, best, index);
        }
    }

    /// <summary>
    /// The k best outputs of every row, as far as each thread has seen them: [threads][rows] lists of k values and k indices. Default for
    /// none.
    /// </summary>
    private readonly struct BestLists(float* memory, int rows, int k)
    {
        private const int Line = 16;

        internal readonly int K = k;

        internal float* Values(int worker, int row) => memory + ((long)worker * rows + row) * Stride(K);
        internal int* Indices(int worker, int row) => (int*)(Values(worker, row) + K);

        internal static long Bytes(int threads, int rows, int k) => (long)threads * rows * Stride(k) * sizeof(float);

        /// <summary>Whole cache lines, so that threads do not share one.</summary>
        private static int Stride(int k) => (2 * k + Line - 1) / Line * Line;
    }
}
