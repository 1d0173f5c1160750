using Coppice.Kernels;

namespace Coppice.Cache;

/// <summary>What keys and values take, by how they are kept.</summary>
internal static class KvBytes
{
    /// <summary>
    /// Bytes of one more token of a long text; with compression, its share of a chunk and of the default room for recent ones.
    /// </summary>
    public static double OfToken(KvCacheOptions options, KvGeometry geometry)
    {
        var exact = (double)geometry.Bytes(1) / KvLayout.PageSize;
        if (options.Compression is null) return exact;
        return OfCompressed(options, geometry) + exact / CompressedKvSize.BlocksPerExactPage;
    }

    /// <summary>Bytes of one token in the pages or chunks of a long text.</summary>
    public static double OfCompressed(KvCacheOptions options, KvGeometry geometry)
    {
        if (options.Compression is not { } compression) return (double)geometry.Bytes(1) / KvLayout.PageSize;
        if (!compression.PrefillExact) return (double)Format(options, geometry).Bytes(isFirst: false) / KvLayout.PageSize;
        var history = new KvHistoryFormat(compression, geometry);
        return (double)geometry.Layers * history.Streamed.StoredBytes / history.BufferTokens;
    }

    /// <summary>Bytes that <paramref name="length"/> tokens of one text occupy, recent ones included.</summary>
    public static long OfText(KvCacheOptions options, KvGeometry geometry, int length) => options.Compression switch
    {
        null => geometry.Bytes(KvLayout.Pages(length)),
        { PrefillExact: true } compression => new KvHistoryFormat(compression, geometry).SequenceBytes(length),
        _ => Format(options, geometry).SequenceBytes(length),
    };

    private static KvChunkFormat Format(KvCacheOptions options, KvGeometry geometry) =>
        new(options.Compression!, geometry, passRows: 1);
}
