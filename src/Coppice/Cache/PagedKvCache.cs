using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Cache;

/// <summary>A cache that takes pages from a pool as it grows and returns them as it shrinks.</summary>
/// <remarks>
/// Pages of a common pool may have other holders: forks, and whoever keeps prefixes. Only the page of slot <see cref="KvCache.Length"/> can
/// be both shared and written to, because pages after it hold nothing committed and pages before it are full; so at most one page is copied
/// at a time.
/// </remarks>
internal sealed class PagedKvCache : KvCache
{
    private readonly Backend _backend;
    private readonly KvPagePool _pages;
    private readonly KvPagePool? _own;
    private readonly Tensor _table;         // [pages of the capacity], I32
    private readonly int[] _held;           // the same on the host, and room for one more: see Grow
    private int _count;                     // pages held
    private int _uploaded;                  // entries of the table that are as on the host

    /// <summary>Creates an empty cache for up to <paramref name="capacity"/> tokens.</summary>
    /// <param name="backend">Where attention runs.</param>
    /// <param name="pool">Memory for the page table, at least <see cref="TableBytes"/>.</param>
    /// <param name="pages">The shared pages.</param>
    /// <param name="capacity">Tokens.</param>
    /// <exception cref="DeviceMemoryException">The pool is too small.</exception>
    public PagedKvCache(Backend backend, MemoryPool pool, KvPagePool pages, int capacity) : this(backend, pool, pages, null, capacity) { }

    /// <summary>Creates an empty cache with pages of its own for all of its tokens.</summary>
    /// <param name="backend">Where attention runs.</param>
    /// <param name="pool">Memory, at least <see cref="Bytes"/>.</param>
    /// <param name="geometry">Sizes.</param>
    /// <param name="capacity">Tokens.</param>
    /// <exception cref="DeviceMemoryException">The pool is too small.</exception>
    public PagedKvCache(Backend backend, MemoryPool pool, KvGeometry geometry, int capacity)
        : this(backend, pool, null, new KvPagePool(pool, geometry, KvLayout.Pages(capacity)), capacity) { }

    /// <summary>One of the two has the pages: <paramref name="shared"/>, or <paramref name="own"/>, which belongs to the cache.</summary>
    private PagedKvCache(Backend backend, MemoryPool pool, KvPagePool? shared, KvPagePool? own, int capacity) : base(capacity)
    {
        _backend = backend;
        _own = own;
        _pages = shared ?? own!;
        var count = KvLayout.Pages(capacity);
        _held = new int[count + 1];
        try
        {
            _table = pool.Rent(new Shape(Math.Max(count, 1)), ElementType.I32);
        }
        catch
        {
            own?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override KvGeometry Geometry => _pages.Geometry;

    /// <inheritdoc/>
    public override long BytesInUse => (_own?.RentedBytes ?? _pages.Geometry.Bytes(_count)) + _table.Buffer.Bytes;

    /// <inheritdoc/>
    public override bool SharesPages => _own is null;

    /// <inheritdoc/>
    public override ReadOnlySpan<int> WholePages => SharesPages ? _held.AsSpan(0, Length / KvLayout.PageSize) : [];

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
    protected override void ReadBlockCore(int layer, int block, Span<byte> bytes) => _pages.ReadPage(layer, _held[block], bytes);

    /// <inheritdoc/>
    protected override void WriteBlockCore(int layer, int block, ReadOnlySpan<byte> bytes) => _pages.WritePage(layer, _held[block], bytes);

    /// <inheritdoc/>
    protected override void Grow(int length)
    {
        var first = Length / KvLayout.PageSize;
        var copies = length > Length && first < _count && _pages.Holders(_held[first]) > 1 ? 1 : 0;
        var added = Math.Max(KvLayout.Pages(length) - _count, 0);
        if (added + copies > 0)
        {
            // One call takes all or nothing. The page for the copy comes last, in an entry that the table has no use for yet.
            _pages.Take(_held.AsSpan(_count, added + copies));
            try
            {
                if (copies > 0) Replace(first, _held[_count + added]);
            }
            catch
            {
                _pages.Return(_held.AsSpan(_count, added + copies));
                throw;
            }
            _count += added;
        }
        if (_uploaded == _count) return;
        _backend.Upload<int>(_held.AsSpan(_uploaded, _count - _uploaded), _table.Slice(_uploaded, _count - _uploaded));
        _uploaded = _count;
    }

    /// <inheritdoc/>
    protected override int Shrink(int length)
    {
        var needed = KvLayout.Pages(length);
        if (needed >= _count) return length;
        _pages.Return(_held.AsSpan(needed, _count - needed));
        _count = needed;
        _uploaded = Math.Min(_uploaded, needed);
        return length;
    }

    /// <inheritdoc/>
    protected override void Move(ReadOnlySpan<int> sources, int start)
    {
        for (var layer = 0; layer < _pages.Geometry.Layers; layer++) _backend.KvMove(View(layer), sources, start);
    }

    /// <inheritdoc/>
    protected override KvCache CreateFork()
    {
        return SharesPages
            ? WithOwnMemory(_backend, TableBytes(Capacity), pool => new PagedKvCache(_backend, pool, _pages, Capacity), ShareWith)
            : WithOwnMemory(
                _backend, Bytes(_backend, Geometry, Capacity), pool => new PagedKvCache(_backend, pool, Geometry, Capacity), CopyTo);
    }

    /// <inheritdoc/>
    protected override void Share(ReadOnlySpan<int> pages)
    {
        pages.CopyTo(_held);
        _count = pages.Length;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!disposing)
        {
            // A constructor that threw has left nothing to return.
            if (_count == 0 || !SharesPages) return;
            _pages.Return(_held.AsSpan(0, _count));
            _pages.CountForgotten();
            return;
        }
        // The table goes first: an op that begins from now on is refused, so nobody reads pages that are another sequence's already.
        _table.Buffer.Dispose();
        Shrink(0);
        _own?.Dispose();
    }

    /// <summary>
    /// Puts a copy of page <paramref name="index"/> of this sequence into <paramref name="page"/>, and that in its place.
    /// </summary>
    private void Replace(int index, int page)
    {
        _pages.Copy(_pages, _held[index], page);
        _pages.Return(_held.AsSpan(index, 1));
        _held[index] = page;
        _uploaded = Math.Min(_uploaded, index);
    }

    private void ShareWith(PagedKvCache fork, MemoryPool pool)
    {
        var pages = _held.AsSpan(0, KvLayout.Pages(Length));
        _pages.AddReference(pages);
        fork.Share(pages);
    }

    private void CopyTo(PagedKvCache fork, MemoryPool pool)
    {
        fork.Grow(Length);
        for (var i = 0; i < KvLayout.Pages(Length); i++) fork._pages.Copy(_pages, _held[i], fork._held[i]);
    }

    private PagedKv View(int layer) => _pages.View(layer, _table.Slice(0, _count));
}
