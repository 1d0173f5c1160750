using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Cache;

/// <summary>What a cache is made from.</summary>
/// <param name="Backend">Where attention runs.</param>
/// <param name="Geometry">Sizes of the model's keys and values.</param>
/// <param name="Pages">Pages that the model's sequences share; null where each has memory of its own.</param>
/// <param name="Format">How keys and values are compressed; null where they are not.</param>
/// <param name="States">
/// [rows of a pass, queryHeads, headDim + 2]: what attention over compressed and over recent keys have in common; empty where
/// nothing is compressed.
/// </param>
internal readonly record struct KvSource(
    Backend Backend, KvGeometry Geometry, KvPool? Pages, KvChunkFormat? Format = null, Tensor States = default);

/// <summary>One way to keep the keys and values of a sequence. A new kind is one more row of <see cref="All"/>.</summary>
/// <param name="Name">For messages and reports.</param>
/// <param name="Suits">Whether the kind is meant for such a source; the first row that suits is taken.</param>
/// <param name="SequenceBytes">Device memory that a cache for the given number of tokens rents for itself, shared pages not
/// counted.</param>
/// <param name="CreateIn">Creates a cache for the given number of tokens in a pool of that many bytes.</param>
internal sealed record KvCacheKind(
    string Name, Func<KvSource, bool> Suits, Func<KvSource, int, long> SequenceBytes, Func<KvSource, MemoryPool, int, KvCache> CreateIn)
{
    /// <summary>All kinds, the first choice first.</summary>
    public static IReadOnlyList<KvCacheKind> All { get; } =
    [
        new("compressed by history", source => source.Format?.Compression.PrefillExact == true,
            HistoryKvCache.Bytes, (source, pool, capacity) => new HistoryKvCache(source, pool, capacity)),
        new("compressed, shared", source => source.Pages is CompressedKvPool,
            (source, capacity) => CompressedKvTables.SizeInBytes(capacity),
            (source, pool, capacity) => new CompressedKvCache(source, pool, (CompressedKvPool)source.Pages!, capacity)),
        new("compressed", source => source.Format is not null,
            (source, capacity) => CompressedKvCache.Bytes(source.Backend, source.Format!, capacity),
            (source, pool, capacity) => new CompressedKvCache(source, pool, capacity)),
        new("shared pages", source => source.Pages is not null,
            (source, capacity) => PagedKvCache.TableBytes(capacity),
            (source, pool, capacity) => new PagedKvCache(source.Backend, pool, (KvPagePool)source.Pages!, capacity)),
        // Where memory is committed as it is written, pages in short runs keep a short text small.
        new("own pages", source => source.Backend.CommitsOnWrite,
            (source, capacity) => PagedKvCache.Bytes(source.Backend, source.Geometry, capacity),
            (source, pool, capacity) => new PagedKvCache(source.Backend, pool, source.Geometry, capacity)),
        new("dense", source => true,
            (source, capacity) => DenseKvCache.Bytes(source.Geometry, capacity),
            (source, pool, capacity) => new DenseKvCache(source.Backend, pool, source.Geometry, capacity)),
    ];

    /// <summary>The kind for <paramref name="source"/>.</summary>
    public static KvCacheKind Of(KvSource source) => All.First(kind => kind.Suits(source));

    /// <summary>
    /// Creates an empty cache for up to <paramref name="capacity"/> tokens, with memory of its own that it frees when it is disposed.
    /// </summary>
    /// <exception cref="DeviceMemoryException">The device does not have the memory.</exception>
    public static KvCache Create(KvSource source, int capacity)
    {
        var kind = Of(source);
        return KvCache.WithOwnMemory(source.Backend, kind.SequenceBytes(source, capacity), pool => kind.CreateIn(source, pool, capacity));
    }
}
