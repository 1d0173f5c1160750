namespace Coppice.Kernels;

/// <summary>
/// How keys and values lie in memory: pages of 64 positions, keys with the position fastest, values with the head dimension fastest.
/// </summary>
/// <remarks>
/// Keys [pages, kvHeads, headDim, 64]: one load gives one dimension of many keys, so scores need no horizontal sums.
/// Values [pages, kvHeads, 64, headDim]: one load gives many dimensions of one value. A page is one logical block of attention
/// (contract C1). Example: slot 70 of KV head 1 with headDim 8 is page 1, column 6: its dimension d is key element ((1 · kvHeads + 1) · 8 +
/// d) · 64 + 6.
/// </remarks>
public static class KvLayout
{
    /// <summary>Positions of a page, and of a logical block of attention.</summary>
    public const int PageSize = 64;

    /// <summary>Pages that hold <paramref name="length"/> positions.</summary>
    public static int Pages(int length) => (length + PageSize - 1) / PageSize;

    /// <summary>Shape of the keys of <paramref name="pages"/> pages.</summary>
    public static Shape Keys(int pages, int kvHeads, int headDim) => new(pages, kvHeads, headDim, PageSize);

    /// <summary>Shape of the values of <paramref name="pages"/> pages.</summary>
    public static Shape Values(int pages, int kvHeads, int headDim) => new(pages, kvHeads, PageSize, headDim);
}
