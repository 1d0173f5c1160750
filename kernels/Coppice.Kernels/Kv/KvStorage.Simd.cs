using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

/// <summary>Storing and moving rows of keys and values, for every way that pages are found.</summary>
internal sealed unsafe partial class SimdBackend<TLanes>
{
    private void Append<TPages>(TPages pages, ElementType type, in Tensor k, in Tensor v, int start) where TPages : struct, IHostPages
    {
        switch (type)
        {
            case ElementType.F32: Append(new AppendWork<TPages, F32Element<TLanes>>(pages, k, v, start), k); break;
            case ElementType.F16: Append(new AppendWork<TPages, F16Element<TLanes>>(pages, k, v, start), k); break;
            default: Append(new AppendWork<TPages, BF16Element<TLanes>>(pages, k, v, start), k); break;
        }
    }

    private void Append<TPages, TElement>(AppendWork<TPages, TElement> work, in Tensor k)
        where TPages : struct, IHostPages where TElement : struct, IKvElement<TLanes>
    {
        if (_keeps) Keep<AppendJob<TPages, TElement>>().Set(work, k.Rows, k.Shape.RowLength);
        else ForRows(work, k.Rows, k.Shape.RowLength, AppendCost);
    }

    /// <summary>Each element of a key touches a cache line of its own.</summary>
    private const int AppendCost = 24;

    /// <summary>Rows of one sequence, beside those of others.</summary>
    private sealed class AppendJob<TPages, TElement> : KeptJob
        where TPages : struct, IHostPages where TElement : struct, IKvElement<TLanes>
    {
        private const int RowsOfPart = 8;
        private AppendWork<TPages, TElement> _work;
        private int _rows, _rowLength;

        internal override int Parts => (_rows + RowsOfPart - 1) / RowsOfPart;
        internal override long Work => (long)_rows * _rowLength * AppendCost;
        internal override long WorkerScratch => 0;

        internal void Set(AppendWork<TPages, TElement> work, int rows, int rowLength) =>
            (_work, _rows, _rowLength) = (work, rows, rowLength);

        internal override int Prepare(float* scratch, long stride) => Parts;

        internal override bool RunAlone(SimdBackend<TLanes> backend) => false;

        internal override void Execute(int part, int worker)
        {
            var end = Math.Min((part + 1) * RowsOfPart, _rows);
            for (var row = part * RowsOfPart; row < end; row++) _work.Run(row);
        }
    }

    private readonly struct AppendWork<TPages, TElement>(TPages pages, Tensor k, Tensor v, int start) : IRowWork
        where TPages : struct, IHostPages where TElement : struct, IKvElement<TLanes>
    {
        [MethodImpl(Compiled.Alone)]
        public void Run(int row)
        {
            var (heads, headDim) = (k.Shape[1], k.Shape[2]);
            var (block, column) = Math.DivRem(start + row, KvLayout.PageSize);
            var page = pages.Page(block);
            float* key = Row(k, row), value = Row(v, row);
            for (var h = 0; h < heads; h++)
            {
                var offset = ((long)page * heads + h) * headDim * KvLayout.PageSize * TElement.Size;
                TElement.Scatter(key + h * headDim, headDim, pages.Keys + offset, column, KvLayout.PageSize);
                TElement.Scatter(value + h * headDim, headDim, pages.Values + offset, column * headDim, 1);
            }
        }
    }

    private static void Move<TPages>(TPages pages, int size, int heads, int headDim, ReadOnlySpan<int> sources, int start)
        where TPages : struct, IHostPages
    {
        for (var j = 0; j < sources.Length; j++)
        {
            if (sources[j] == start + j) continue;
            var (fromBlock, fromColumn) = Math.DivRem(sources[j], KvLayout.PageSize);
            var (toBlock, toColumn) = Math.DivRem(start + j, KvLayout.PageSize);
            for (var h = 0; h < heads; h++)
            {
                var from = ((long)pages.Page(fromBlock) * heads + h) * headDim * KvLayout.PageSize * size;
                var to = ((long)pages.Page(toBlock) * heads + h) * headDim * KvLayout.PageSize * size;
                for (var d = 0; d < headDim; d++)
                    Buffer.MemoryCopy(pages.Keys + from + (d * KvLayout.PageSize + fromColumn) * size,
                        pages.Keys + to + (d * KvLayout.PageSize + toColumn) * size, size, size);
                Buffer.MemoryCopy(pages.Values + from + (long)fromColumn * headDim * size,
                    pages.Values + to + (long)toColumn * headDim * size, headDim * size, headDim * size);
            }
        }
    }
}
