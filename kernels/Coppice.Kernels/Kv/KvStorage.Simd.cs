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
            case ElementType.F32: ForRows(new AppendWork<TPages, F32Element<TLanes>>(pages, k, v, start), k.Rows, k.Shape.RowLength); break;
            case ElementType.F16: ForRows(new AppendWork<TPages, F16Element<TLanes>>(pages, k, v, start), k.Rows, k.Shape.RowLength); break;
            default: ForRows(new AppendWork<TPages, BF16Element<TLanes>>(pages, k, v, start), k.Rows, k.Shape.RowLength); break;
        }
    }

    private readonly struct AppendWork<TPages, TElement>(TPages pages, Tensor k, Tensor v, int start) : IRowWork
        where TPages : struct, IHostPages where TElement : struct, IKvElement<TLanes>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int row)
        {
            var (heads, headDim) = (k.Shape[1], k.Shape[2]);
            var (block, column) = Math.DivRem(start + row, KvLayout.PageSize);
            var page = pages.Page(block);
            float* key = Row(k, row), value = Row(v, row);
            for (var h = 0; h < heads; h++)
            {
                var offset = ((long)page * heads + h) * headDim * KvLayout.PageSize * TElement.Size;
                byte* keys = pages.Keys + offset, values = pages.Values + offset;
                for (var d = 0; d < headDim; d++)
                {
                    TElement.StoreOne(keys, d * KvLayout.PageSize + column, key[h * headDim + d]);
                    TElement.StoreOne(values, column * headDim + d, value[h * headDim + d]);
                }
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
