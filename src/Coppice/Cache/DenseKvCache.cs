using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Cache;

/// <summary>A cache whose whole capacity is one stretch of memory in each layer: nothing to look up, and nothing to share.</summary>
internal class DenseKvCache : KvCache
{
    private readonly Backend _backend;
    private readonly KvMemory _memory;
    private readonly DenseKv[] _layers;

    /// <summary>Rents room for <paramref name="capacity"/> tokens.</summary>
    /// <param name="backend">Where attention runs.</param>
    /// <param name="pool">Memory of that back end, at least <see cref="Bytes"/>.</param>
    /// <param name="geometry">Sizes.</param>
    /// <param name="capacity">Tokens.</param>
    /// <exception cref="DeviceMemoryException">The pool is too small.</exception>
    public DenseKvCache(Backend backend, MemoryPool pool, KvGeometry geometry, int capacity) : base(capacity)
    {
        _backend = backend;
        Geometry = geometry;
        var pages = KvLayout.Pages(capacity);
        _memory = new KvMemory(pool, geometry, pages, run: Math.Max(pages, 1));
        _layers = [.. Enumerable.Range(0, geometry.Layers).Select(layer => new DenseKv(_memory.Keys(layer), _memory.Values(layer)))];
    }

    /// <inheritdoc/>
    public override KvGeometry Geometry { get; }

    /// <inheritdoc/>
    public override long BytesInUse => _memory.Bytes;

    /// <summary>Pool bytes that <paramref name="capacity"/> tokens take.</summary>
    public static long Bytes(KvGeometry geometry, int capacity) => geometry.Bytes(KvLayout.Pages(capacity));

    /// <inheritdoc/>
    public override void Append(int layer, Tensor k, Tensor v) => _backend.KvAppend(_layers[layer], k, v, FirstSlot);

    /// <inheritdoc/>
    public override void Attend(int layer, Tensor q, in AttentionMask mask, float scale, float softCap, Tensor y) =>
        _backend.Attention(q, _layers[layer], mask, scale, softCap, y);

    /// <inheritdoc/>
    protected override void ReadBlockCore(int layer, int block, Span<byte> bytes) => _memory.Read(layer, block, bytes);

    /// <inheritdoc/>
    protected override void WriteBlockCore(int layer, int block, ReadOnlySpan<byte> bytes) => _memory.Write(layer, block, bytes);

    /// <inheritdoc/>
    protected override void Grow(int length) { }

    /// <inheritdoc/>
    protected override int Shrink(int length) => length;

    /// <inheritdoc/>
    protected override void Move(ReadOnlySpan<int> sources, int start)
    {
        foreach (var layer in _layers) _backend.KvMove(layer, sources, start);
    }

    /// <inheritdoc/>
    protected override KvCache CreateFork() =>
        WithOwnMemory(
            _backend, Bytes(Geometry, Capacity) + KvPageCopy.SizeInBytes(Geometry),
            pool => new DenseKvCache(_backend, pool, Geometry, Capacity), CopyTo);

    private void CopyTo(DenseKvCache fork, MemoryPool pool)
    {
        using var copy = new KvPageCopy(pool, Geometry);
        for (var page = 0; page < KvLayout.Pages(Length); page++) copy.Run(_memory, page, fork._memory, page);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _memory.Dispose();
    }
}
