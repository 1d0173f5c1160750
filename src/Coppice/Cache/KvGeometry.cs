using Coppice.Kernels;

namespace Coppice.Cache;

/// <summary>Sizes of a model's keys and values, and how an element is stored.</summary>
internal readonly record struct KvGeometry(int Layers, int KvHeads, int HeadDim, ElementType Type)
{
    /// <summary>Bytes of one page of one layer: keys, or values.</summary>
    public long PageBytes => (long)KvLayout.PageSize * KvHeads * HeadDim * Type.Size();

    /// <summary><see cref="PageBytes"/> in words of 4 bytes.</summary>
    public int PageWords => checked((int)(PageBytes / sizeof(float)));

    /// <summary>Bytes of keys and values of all layers in <paramref name="pages"/> pages.</summary>
    public long Bytes(int pages) => checked(2 * Layers * pages * PageBytes);
}
