namespace Coppice.Kernels;

/// <summary>
/// How the ops of a GPU are cut into kernels, where that follows from shapes: for the back end, and for those who count launches.
/// </summary>
internal static class LaunchPlan
{
    /// <summary>Elements of a row that one group searches: they stay in L1 from the first of its k passes to the last.</summary>
    internal const int SegmentLength = 4096;

    /// <summary>
    /// Logical blocks whose states are merged at once. Fixed, because the order of merging must depend on positions only.
    /// </summary>
    internal const int SegmentBlocks = 128;

    /// <summary>Kernels that the k largest of a few rows take: two where a row is searched by segments.</summary>
    internal static int TopK(int width, int k)
    {
        var segments = (width + SegmentLength - 1) / SegmentLength;
        return segments == 1 || (long)segments * k >= width ? 1 : 2;
    }

    /// <summary>Kernels that attention of a few rows takes: two for each segment of a context.</summary>
    internal static int Attention(in Tensor q, in AttentionMask mask)
    {
        var (first, end) = Blocks(q, mask);
        return 2 * ((end - first + SegmentBlocks - 1) / SegmentBlocks);
    }

    /// <summary>The first block that any row sees, at the beginning of a segment, and the end of the last.</summary>
    /// <param name="q">Queries.</param>
    /// <param name="mask">Who sees whom.</param>
    /// <param name="from">What rows see compressed, and so not here.</param>
    internal static (int First, int End) Blocks(in Tensor q, in AttentionMask mask, in KvHorizon from = default)
    {
        var last = mask.Start + (mask.Paths.IsEmpty ? q.Rows : mask.Paths.Shape.RowLength) - 1;
        var first = Math.Max(from.Of(mask.Start), mask.Window == 0 ? 0 : mask.Start - mask.Window + 1);
        return (first / KvLayout.PageSize / SegmentBlocks * SegmentBlocks, last / KvLayout.PageSize + 1);
    }
}
