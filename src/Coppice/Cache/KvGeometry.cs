using Coppice.Kernels;

namespace Coppice.Cache;

/// <summary>Sizes of a model's keys and values, and how an element is stored.</summary>
internal readonly record struct KvGeometry(int Layers, int KvHeads, int HeadDim, ElementType Type)
{
    /// <summary>Bytes of one page of one layer: keys, or values.</summary>
    public long PageBytes => (long)KvLayout.PageSize * KvHeads * HeadDim * Type.Size();

    /// <summary><see cref="PageBytes"/> in words of 4 bytes.</summary>
    public int PageWords => checked((int)(PageBytes / sizeof(float)));

    /// <summary>Bytes of one page of one layer, keys [kvHeads, headDim, 64], then values [kvHeads, 64, headDim].</summary>
    public int BlockBytes => checked((int)(2 * PageBytes));

    /// <summary>Sets the positions of a block from <paramref name="first"/> on to zero.</summary>
    /// <param name="block">See <see cref="BlockBytes"/>.</param>
    /// <param name="first">0 … 64.</param>
    public void ClearPositions(Span<byte> block, int first)
    {
        var row = KvLayout.PageSize * Type.Size();
        var keep = first * Type.Size();
        for (var key = 0; key < PageBytes; key += row) block.Slice(key + keep, row - keep).Clear();
        var head = KvLayout.PageSize * HeadDim * Type.Size();
        keep = first * HeadDim * Type.Size();
        for (var value = (int)PageBytes; value < block.Length; value += head) block.Slice(value + keep, head - keep).Clear();
    }

    /// <summary>Bytes of keys and values of all layers in <paramref name="pages"/> pages.</summary>
    public long Bytes(int pages) => checked(2 * Layers * pages * PageBytes);
}
