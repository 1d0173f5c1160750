using System.Diagnostics;
using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Cache;

/// <summary>
/// Blocks of 64 positions that many sequences share. Each has room for its compressed chunk in every layer and, while it is recent, a page
/// with its keys and values as they are.
/// </summary>
/// <remarks>
/// <para>The exact page of a block is pinned by every sequence that reads or writes it. What nobody pins any more, and is compressed in all
/// layers, stays until the page is needed for something else: a sequence can be cut back, and another can begin with the block, only where
/// the exact page of its last block is still there. The page unpinned longest ago goes first.</para>
/// <para>A chunk depends on the block's exact content, the layer and the position alone, so it does not matter which of its holders makes
/// it. It is made by passes, of which one runs at a time, layer after layer.</para>
/// <para>Locks: this pool's, then that of the exact pages.</para>
/// </remarks>
internal sealed class CompressedKvPool : KvPool, IPageHolder
{
    private const int None = -1;

    private readonly KvPagePool _exact;
    private readonly KvChunkMemory _chunks;
    private readonly int _blocks;           // blocks that are not first ones
    private readonly int[] _pages;          // of the exact pages, by block; None where there is none
    private readonly int[] _pins;
    private readonly int[] _compressed;     // layers, from the first on
    private readonly bool[] _linked;        // whether a block is in the list of those whose exact pages may go, in the order of unpinning
    private readonly int[] _newer, _older;  // its neighbours in that list
    private int _newest = None, _oldest = None;
    private int _unpinned;

    /// <summary>Rents room for chunks and exact pages.</summary>
    /// <param name="pool">Memory, at least <see cref="Bytes"/>.</param>
    /// <param name="format">How blocks are compressed.</param>
    /// <param name="size">How many.</param>
    /// <exception cref="DeviceMemoryException">The pool is too small.</exception>
    public CompressedKvPool(MemoryPool pool, KvChunkFormat format, CompressedKvSize size)
        : base(format.Geometry, size.Blocks, size.FirstBlocks)
    {
        (Format, _blocks) = (format, size.Blocks);
        _exact = new KvPagePool(pool, format.Geometry, size.ExactPages) { Holder = this };
        try
        {
            _chunks = new KvChunkMemory(pool, format, size);
        }
        catch
        {
            _exact.Dispose();
            throw;
        }
        (_pages, _pins, _compressed) = (new int[Pages], new int[Pages], new int[Pages]);
        (_linked, _newer, _older) = (new bool[Pages], new int[Pages], new int[Pages]);
        _pages.AsSpan().Fill(None);
        Add(Enumerable.Range(0, Pages));
    }

    /// <summary>How blocks are compressed.</summary>
    public KvChunkFormat Format { get; }
    /// <inheritdoc/>
    public override long RentedBytes => _exact.RentedBytes + _chunks.Bytes;
    /// <summary>The pages of recent keys and values.</summary>
    public KvPagePool Exact => _exact;
    /// <summary>Room for chunks.</summary>
    public KvChunkMemory Chunks => _chunks;

    /// <inheritdoc/>
    /// <remarks>Exact pages that nobody pins.</remarks>
    public int EvictablePages
    {
        get { lock (Gate) return _unpinned; }
    }

    /// <summary>Pool bytes that blocks of <paramref name="format"/> take.</summary>
    public static long Bytes(Backend backend, KvChunkFormat format, CompressedKvSize size) =>
        KvPagePool.Bytes(backend, format.Geometry, size.ExactPages) + KvChunkMemory.SizeInBytes(format, size);

    /// <summary>Whether <paramref name="block"/> has room for the exact tokens at the beginning of a sequence.</summary>
    public bool IsFirst(int block) => block >= _blocks;

    /// <summary>The exact page of <paramref name="block"/>, which the caller pins.</summary>
    public int Page(int block) => _pages[block];

    /// <summary>How many layers of <paramref name="block"/> are compressed, from the first on.</summary>
    public int CompressedLayers(int block) => Volatile.Read(ref _compressed[block]);

    /// <summary>The chunk of the next layer of <paramref name="block"/> has been made, or what was made does not count any more.</summary>
    public void SetCompressedLayers(int block, int layers) => Volatile.Write(ref _compressed[block], layers);

    /// <inheritdoc/>
    public override bool CanTake(int pages) =>
        base.CanTake(pages) && (_exact.CanTake(Math.Min(pages, Format.PassPages)) || (Holder?.EvictablePages ?? 0) > 0);

    /// <inheritdoc/>
    /// <remarks>Each block comes with an exact page, pinned by the caller.</remarks>
    public override void Take(Span<int> pages, int first = -1) => Take(pages, first, 0);

    /// <summary>The same, where the first <paramref name="compressed"/> blocks need no exact page.</summary>
    /// <inheritdoc cref="KvPool.Take"/>
    public void Take(Span<int> pages, int first, int compressed)
    {
        base.Take(pages, first);
        Span<int> exact = stackalloc int[64];
        for (var done = compressed; done < pages.Length; done += exact.Length)
        {
            var part = exact[..Math.Min(exact.Length, pages.Length - done)];
            try
            {
                _exact.Take(part);
            }
            catch
            {
                Unpin(pages[compressed..done]);
                Return(pages);
                throw;
            }
            for (var i = 0; i < part.Length; i++) Attach(pages[done + i], part[i]);
        }
        foreach (var block in pages) SetCompressedLayers(block, 0);
    }

    /// <inheritdoc/>
    /// <remarks>
    /// The last of them has its exact page, which is pinned; all before it are compressed. A kept beginning may have a block in its midst
    /// that is not yet, from a sequence that ended soon after it.
    /// </remarks>
    public override int Acquire(ReadOnlySpan<int> pages)
    {
        lock (Gate)
        {
            var count = 0;
            while (count < pages.Length && (count == 0 || _compressed[pages[count - 1]] == Geometry.Layers)) count++;
            while (count > 0 && _pages[pages[count - 1]] == None) count--;
            AddReferenceLocked(pages[..count]);
            if (count > 0) PinLocked(pages[count - 1]);
            return count;
        }
    }

    /// <inheritdoc/>
    public override void Abandon(ReadOnlySpan<int> pages)
    {
        if (pages.Length > 0) Unpin(pages[^1..]);
        Return(pages);
    }

    /// <summary>Pins the exact pages of all of <paramref name="blocks"/>, or of none where one of them has gone.</summary>
    public bool TryPin(ReadOnlySpan<int> blocks)
    {
        lock (Gate)
        {
            foreach (var block in blocks)
                if (_pages[block] == None) return false;
            foreach (var block in blocks) PinLocked(block);
            return true;
        }
    }

    /// <summary>Gives up a pin of each of <paramref name="blocks"/>; their exact pages may go from now on.</summary>
    public void Unpin(ReadOnlySpan<int> blocks)
    {
        lock (Gate)
        {
            foreach (var block in blocks)
            {
                Debug.Assert(_pins[block] > 0, "A page is unpinned once for each pin.");
                if (--_pins[block] == 0 && _compressed[block] == Geometry.Layers) Link(block);
            }
        }
    }

    /// <inheritdoc/>
    /// <remarks>Exact pages, those unpinned longest ago; then those of blocks that this pool's own holder gives up.</remarks>
    public int GiveUp(int pages)
    {
        var given = 0;
        lock (Gate)
        {
            while (given < pages && _oldest != None)
            {
                Detach(_oldest);
                given++;
            }
        }
        while (given < pages && Holder is { } holder)
        {
            var before = _exact.FreePages;
            if (holder.GiveUp(1) == 0) break;
            given += Math.Max(_exact.FreePages - before, 0);
        }
        return given;
    }

    /// <summary>Copies the exact page of <paramref name="from"/> to that of <paramref name="to"/>; both are pinned.</summary>
    public void CopyExact(CompressedKvPool source, int from, int to) => _exact.Copy(source._exact, source._pages[from], _pages[to]);

    /// <summary>Copies the chunks of <paramref name="from"/>, of the same format, to <paramref name="to"/>.</summary>
    public void CopyChunks(CompressedKvPool source, int from, int to)
    {
        var bytes = new byte[Format.Layout(IsFirst(to)).StoredBytes];
        for (var layer = 0; layer < Geometry.Layers; layer++)
        {
            source._chunks.Read(layer, from, bytes);
            _chunks.Write(layer, to, bytes);
        }
        SetCompressedLayers(to, source.CompressedLayers(from));
    }

    /// <inheritdoc/>
    protected override int Index(int page) => page;

    /// <inheritdoc/>
    protected override void Freed(int page)
    {
        Debug.Assert(_pins[page] == 0, "Who pins a page holds its block.");
        if (_pages[page] == None) return;
        if (_linked[page])
        {
            Detach(page);
        }
        else
        {
            _exact.Return(_pages.AsSpan(page, 1));
            _pages[page] = None;
        }
    }

    /// <inheritdoc/>
    protected override void Free()
    {
        _exact.Dispose();
        _chunks.Dispose();
    }

    private void Attach(int block, int page)
    {
        lock (Gate) (_pages[block], _pins[block]) = (page, 1);
    }

    private void PinLocked(int block)
    {
        if (_pins[block]++ == 0 && _linked[block]) Unlink(block);
    }

    private void Link(int block)
    {
        (_newer[block], _older[block]) = (None, _newest);
        if (_newest == None) _oldest = block;
        else _newer[_newest] = block;
        _newest = block;
        _linked[block] = true;
        _unpinned++;
    }

    private void Unlink(int block)
    {
        if (_newer[block] == None) _newest = _older[block];
        else _older[_newer[block]] = _older[block];
        if (_older[block] == None) _oldest = _newer[block];
        else _newer[_older[block]] = _newer[block];
        _linked[block] = false;
        _unpinned--;
    }

    /// <summary>Takes the exact page from a block in the list.</summary>
    private void Detach(int block)
    {
        Unlink(block);
        _exact.Return(_pages.AsSpan(block, 1));
        _pages[block] = None;
    }
}
