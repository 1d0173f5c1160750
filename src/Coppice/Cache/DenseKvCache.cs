using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Cache;

/// <summary>A cache whose whole capacity is one stretch of memory in each layer: nothing to look up, and nothing to share.</summary>
internal sealed class DenseKvCache : KvCache
{
    private readonly Backend _backend;
    private readonly KvMemory _memory;
    private readonly DenseKv[] _layers;
    private readonly int[] _slots;

    /// <summary>Rents room for <paramref name="capacity"/> tokens.</summary>
    /// <param name="backend">Where attention runs.</param>
    /// <param name="pool">Memory of that back end, at least <see cref="Bytes"/>.</param>
    /// <param name="geometry">Sizes.</param>
    /// <param name="capacity">Tokens.</param>
    /// <exception cref="DeviceMemoryException">The pool is too small.</exception>
    public DenseKvCache(Backend backend, MemoryPool pool, KvGeometry geometry, int capacity) : base(capacity)
    {
        _backend = backend;
        _slots = new int[capacity];
        var pages = KvLayout.Pages(capacity);
        _memory = new KvMemory(pool, geometry, pages, run: Math.Max(pages, 1));
        _layers = [.. Enumerable.Range(0, geometry.Layers).Select(layer => new DenseKv(_memory.Keys(layer), _memory.Values(layer)))];
    }

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
    protected override void Grow(int length) { }

    /// <inheritdoc/>
    protected override void Shrink(int length) { }

    /// <inheritdoc/>
    protected override void Move(ReadOnlySpan<int> rows, int first)
    {
        var slots = _slots.AsSpan(0, rows.Length);
        Slots(rows, slots);
        foreach (var layer in _layers) _backend.KvMove(layer, slots, Length + first);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => _memory.Dispose();
}
