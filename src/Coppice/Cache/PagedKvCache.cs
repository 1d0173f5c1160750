using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Cache;

/// <summary>A cache that takes pages from a pool as it grows and returns them as it shrinks.</summary>
internal sealed class PagedKvCache : KvCache
{
    private readonly Backend _backend;
    private readonly KvPagePool _pages;
    private readonly KvPagePool? _own;
    private readonly Tensor _table;         // [pages of the capacity], I32
    private readonly int[] _held;           // the same on the host
    private readonly int[] _slots;
    private int _count;

    /// <summary>An empty cache for at most <paramref name="capacity"/> tokens.</summary>
    /// <param name="backend">Where attention runs.</param>
    /// <param name="pool">Memory for the page table, at least <see cref="TableBytes"/>.</param>
    /// <param name="pages">The shared pages.</param>
    /// <param name="capacity">Tokens.</param>
    public PagedKvCache(Backend backend, MemoryPool pool, KvPagePool pages, int capacity) : base(capacity)
    {
        (_backend, _pages) = (backend, pages);
        _held = new int[KvLayout.Pages(capacity)];
        _slots = new int[capacity];
        _table = pool.Rent(new Shape(Math.Max(_held.Length, 1)), ElementType.I32);
    }

    /// <summary>An empty cache with pages of its own for all of its tokens.</summary>
    /// <param name="backend">Where attention runs.</param>
    /// <param name="pool">Memory, at least <see cref="Bytes"/>.</param>
    /// <param name="geometry">Sizes.</param>
    /// <param name="capacity">Tokens.</param>
    /// <exception cref="DeviceMemoryException">The pool is too small.</exception>
    public PagedKvCache(Backend backend, MemoryPool pool, KvGeometry geometry, int capacity)
        : this(backend, pool, new KvPagePool(pool, geometry, KvLayout.Pages(capacity)), capacity) => _own = _pages;

    /// <inheritdoc/>
    public override long BytesInUse => (_own?.RentedBytes ?? _pages.Geometry.Bytes(_count)) + _table.Buffer.Bytes;

    /// <summary>Pool bytes that <paramref name="capacity"/> tokens with pages of their own take.</summary>
    public static long Bytes(Backend backend, KvGeometry geometry, int capacity) =>
        KvPagePool.Bytes(backend, geometry, KvLayout.Pages(capacity)) + TableBytes(capacity);

    /// <summary>Pool bytes of a page table for <paramref name="capacity"/> tokens.</summary>
    public static long TableBytes(int capacity) => 4L * Math.Max(KvLayout.Pages(capacity), 1);

    /// <inheritdoc/>
    public override void Append(int layer, Tensor k, Tensor v) => _backend.KvAppend(View(layer), k, v, FirstSlot);

    /// <inheritdoc/>
    public override void Attend(int layer, Tensor q, in AttentionMask mask, float scale, float softCap, Tensor y) =>
        _backend.Attention(q, View(layer), mask, scale, softCap, y);

    /// <inheritdoc/>
    protected override void Grow(int length)
    {
        var needed = KvLayout.Pages(length);
        if (needed <= _count) return;
        _pages.Take(_held.AsSpan(_count, needed - _count));
        _backend.Upload<int>(_held.AsSpan(_count, needed - _count), _table.Slice(_count, needed - _count));
        _count = needed;
    }

    /// <inheritdoc/>
    protected override void Shrink(int length)
    {
        var needed = KvLayout.Pages(length);
        if (needed >= _count) return;
        _pages.Return(_held.AsSpan(needed, _count - needed));
        _count = needed;
    }

    /// <inheritdoc/>
    protected override void Move(ReadOnlySpan<int> rows, int first)
    {
        var slots = _slots.AsSpan(0, rows.Length);
        Slots(rows, slots);
        for (var layer = 0; layer < _pages.Geometry.Layers; layer++) _backend.KvMove(View(layer), slots, Length + first);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (_count >= 0) Shrink(0);
        _table.Buffer.Dispose();
        _own?.Dispose();
    }

    private PagedKv View(int layer) => _pages.View(layer, _table.Slice(0, _count));
}
