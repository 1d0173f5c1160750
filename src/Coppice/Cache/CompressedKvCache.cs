using System.Diagnostics;
using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Cache;

/// <summary>
/// A cache whose keys and values are compressed, block by block, once they are no longer recent; the recent ones are as they were stored.
/// </summary>
/// <remarks>
/// Blocks from <see cref="KvChunkFormat.FirstExact"/> of the length on are exact, and their pages pinned; those before are compressed in
/// all layers. A block may be both for a while. As in <see cref="PagedKvCache"/>, only the block of slot <see cref="KvCache.Length"/> can
/// be both shared and written to, and is copied then.
/// </remarks>
internal sealed class CompressedKvCache : KvCache
{
    private readonly Backend _backend;
    private readonly KvSource _source;
    private readonly CompressedKvPool _pool;
    private readonly KvChunkFormat _format;
    private readonly CompressedKvPool? _own;
    private readonly CompressedKvTables _tables;
    private readonly int[] _held;           // blocks, and room for one more: see Grow
    private int _count;                     // blocks held
    private int _pinned;                    // the first block whose exact page this cache pins; all after it are pinned too
    private int _compressed;                // blocks that are known to be compressed in all layers, from the first on

    /// <summary>Creates an empty cache for up to <paramref name="capacity"/> tokens.</summary>
    /// <param name="source">Where attention runs, and what its passes share.</param>
    /// <param name="pool">Memory for the tables, at least <see cref="CompressedKvTables.SizeInBytes"/>.</param>
    /// <param name="blocks">The shared blocks.</param>
    /// <param name="capacity">Tokens.</param>
    /// <exception cref="DeviceMemoryException">The pool is too small.</exception>
    public CompressedKvCache(KvSource source, MemoryPool pool, CompressedKvPool blocks, int capacity)
        : this(source, pool, blocks, null, capacity) { }

    /// <summary>Creates an empty cache with memory of its own for all of its tokens.</summary>
    /// <param name="source">Where attention runs, and how blocks are compressed.</param>
    /// <param name="pool">Memory, at least <see cref="Bytes"/>.</param>
    /// <param name="capacity">Tokens.</param>
    /// <exception cref="DeviceMemoryException">The pool is too small.</exception>
    public CompressedKvCache(KvSource source, MemoryPool pool, int capacity)
        : this(source, pool, null, OwnBlocks(pool, source.Format!, capacity), capacity) { }

    /// <summary>
    /// One of the two has the blocks: <paramref name="shared"/>, or <paramref name="own"/>, which belongs to the cache.
    /// </summary>
    private CompressedKvCache(KvSource source, MemoryPool pool, CompressedKvPool? shared, CompressedKvPool? own, int capacity)
        : base(capacity)
    {
        _own = own;
        _pool = shared ?? own!;
        (_source, _backend, _format) = (source, source.Backend, _pool.Format);
        _held = new int[KvLayout.Pages(capacity) + 1];
        try
        {
            _tables = new CompressedKvTables(_backend, pool, capacity);
        }
        catch
        {
            own?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override KvGeometry Geometry => _format.Geometry;

    /// <inheritdoc/>
    /// <remarks>Chunks that were made, and exact pages that this sequence needs.</remarks>
    public override long BytesInUse
    {
        get
        {
            var bytes = _tables.Bytes + Geometry.Bytes(_count - _pinned);
            foreach (var block in _held.AsSpan(0, _count))
                if (_pool.CompressedLayers(block) > 0) bytes += _format.Bytes(_pool.IsFirst(block));
            return bytes;
        }
    }

    /// <inheritdoc/>
    public override bool SharesPages => _own is null;

    /// <inheritdoc/>
    public override ReadOnlySpan<int> WholePages => SharesPages ? _held.AsSpan(0, Length / KvLayout.PageSize) : [];

    /// <summary>Pool bytes that <paramref name="capacity"/> tokens with memory of their own take.</summary>
    public static long Bytes(Backend backend, KvChunkFormat format, int capacity) =>
        CompressedKvPool.Bytes(backend, format, CompressedKvSize.Own(format, capacity)) + CompressedKvTables.SizeInBytes(capacity);

    /// <inheritdoc/>
    /// <remarks>Keys and values are turned in place where the format says so.</remarks>
    public override void Append(int layer, Tensor k, Tensor v)
    {
        if (_format.Compression.RotateKeys) _backend.Rotate(k);
        if (_format.Compression.RotateValues) _backend.Rotate(v);
        _backend.KvAppend(Exact(layer), k, v, FirstSlot);
    }

    /// <inheritdoc/>
    public override void Attend(int layer, Tensor q, in AttentionMask mask, float scale, float softCap, Tensor y)
    {
        var last = mask.Start + (mask.Paths.IsEmpty ? q.Rows - 1 : mask.Deepest);
        var compressed = Compress(layer, last + 1);
        if (_format.Compression.RotateKeys) _backend.Rotate(q);
        var states = _source.States.Slice(0, q.Rows);
        var chunks = Chunks(layer, compressed);
        _backend.AttendBlocks(q, chunks, mask, scale, softCap, states);
        _backend.AttendBlocks(q, Exact(layer), mask, chunks.Horizon, scale, softCap, states);
        _backend.MergeBlocks(states, y);
        if (_format.Compression.RotateValues) _backend.Rotate(y);
    }

    /// <inheritdoc/>
    public override int SavedBytes(int block, int length) => block >= KvChunkFormat.FirstExact(length)
        ? base.SavedBytes(block, length)
        : _format.Layout(isFirst: block == 0).StoredBytes;

    /// <inheritdoc/>
    protected override void ReadBlockCore(int layer, int block, Span<byte> bytes)
    {
        if (block < KvChunkFormat.FirstExact(Length)) _pool.Chunks.Read(layer, _held[block], bytes);
        else _pool.Exact.ReadPage(layer, _pool.Page(_held[block]), bytes);
    }

    /// <inheritdoc/>
    protected override void WriteBlockCore(int layer, int block, ReadOnlySpan<byte> bytes)
    {
        if (block >= KvChunkFormat.FirstExact(ReservedLength))
        {
            _pool.Exact.WritePage(layer, _pool.Page(_held[block]), bytes);
            return;
        }
        _pool.Chunks.Write(layer, _held[block], bytes);
        _pool.SetCompressedLayers(_held[block], layer + 1);
    }

    /// <inheritdoc/>
    protected override void Grow(int length) => Grow(length, 0);

    /// <inheritdoc/>
    protected override void GrowStored(int length) => Grow(length, KvChunkFormat.FirstExact(length));

    /// <inheritdoc/>
    protected override void Settled()
    {
        // Rows that were not kept may have filled, and compressed, a block that will be filled anew.
        var whole = Length / KvLayout.PageSize;
        while (_compressed < whole && _pool.CompressedLayers(_held[_compressed]) == Geometry.Layers) _compressed++;
        var exact = Math.Min(KvChunkFormat.FirstExact(Length), _compressed);
        if (exact <= _pinned) return;
        _pool.Unpin(_held.AsSpan(_pinned, exact - _pinned));
        _pinned = exact;
    }

    /// <inheritdoc/>
    protected override int Shrink(int length)
    {
        // At the end of a block only that block must still be exact.
        var kept = length;
        while (!TryCut(kept)) kept = (kept - 1) / KvLayout.PageSize * KvLayout.PageSize;
        return kept;
    }

    /// <inheritdoc/>
    protected override void Move(ReadOnlySpan<int> sources, int start)
    {
        for (var layer = 0; layer < Geometry.Layers; layer++) _backend.KvMove(Exact(layer), sources, start);
    }

    /// <inheritdoc/>
    protected override KvCache CreateFork()
    {
        if (!SharesPages)
        {
            return WithOwnMemory(
                _backend, Bytes(_backend, _format, Capacity), pool => new CompressedKvCache(_source, pool, Capacity), CopyTo);
        }
        var tables = CompressedKvTables.SizeInBytes(Capacity);
        return WithOwnMemory(_backend, tables, pool => new CompressedKvCache(_source, pool, _pool, Capacity), ShareWith);
    }

    /// <inheritdoc/>
    protected override void Share(ReadOnlySpan<int> pages)
    {
        pages.CopyTo(_held);
        _count = pages.Length;
        _pinned = Math.Max(_count - 1, 0);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!disposing)
        {
            // A constructor that threw has left nothing to return.
            if (_count == 0 || !SharesPages) return;
            Shrink(0);
            _pool.CountForgotten();
            return;
        }
        // The tables go first: an op that begins from now on is refused, so nobody reads blocks that are another sequence's already.
        _tables.Dispose();
        Shrink(0);
        _own?.Dispose();
    }

    /// <summary>
    /// Makes slots up to <paramref name="length"/> - 1 writable; the first <paramref name="stored"/> blocks, of an empty cache, will be
    /// given compressed.
    /// </summary>
    private void Grow(int length, int stored)
    {
        var first = Length / KvLayout.PageSize;
        var copies = length > Length && first < _count && _pool.Holders(_held[first]) > 1 ? 1 : 0;
        var added = Math.Max(KvLayout.Pages(length) - _count, 0);
        if (added + copies > 0)
        {
            // One call takes all or nothing. The block for the copy comes last, in an entry that the sequence has no use for yet.
            var start = _count == 0 ? 0 : copies > 0 && first == 0 ? added : -1;
            var taken = _held.AsSpan(_count, added + copies);
            _pool.Take(taken, start, stored);
            if (copies > 0) Replace(first, taken);
            if (stored > 0) _pinned = stored;
            _count += added;
        }
        // Whatever chunks there are of blocks that are written to now are of other tokens.
        for (var block = first; block < _count && length > Length; block++) _pool.SetCompressedLayers(_held[block], 0);
        _tables.Upload(_pool, _held.AsSpan(0, _count), _pinned);
    }

    /// <summary>
    /// Puts a copy of block <paramref name="index"/> of this sequence into the last that was taken, and that in its place.
    /// </summary>
    private void Replace(int index, Span<int> taken)
    {
        var copy = taken[^1];
        try
        {
            _pool.CopyExact(_pool, _held[index], copy);
        }
        catch
        {
            _pool.Unpin(taken);
            _pool.Return(taken);
            throw;
        }
        _pool.Unpin(_held.AsSpan(index, 1));
        _pool.Return(_held.AsSpan(index, 1));
        _held[index] = copy;
        _tables.Change(index);
    }

    /// <summary>
    /// Makes the chunks of <paramref name="layer"/> that a row at position <paramref name="next"/> sees, and those whose turn it is.
    /// </summary>
    /// <returns>Blocks of this layer that are compressed, from the first on.</returns>
    private int Compress(int layer, int next)
    {
        var block = _compressed;
        while (block < _count)
        {
            var due = block;
            while (due < _count && _pool.CompressedLayers(_held[due]) <= layer && IsDue(layer, due, next)) due++;
            if (due > block) Compress(layer, block, due);
            else if (_pool.CompressedLayers(_held[block]) > layer) due++;
            else break;
            block = due;
        }
        return block;
    }

    private void Compress(int layer, int block, int end)
    {
        for (; block < end; block++)
        {
            var held = _held[block];
            Debug.Assert(_pool.CompressedLayers(held) == layer, "Layers are compressed one after another.");
            var (layout, chunks) = (_format.Layout(_pool.IsFirst(held), layer), _pool.Chunks);
            _backend.KvCompress(
                Exact(layer), block * KvLayout.PageSize, layout, layer, block, chunks.Layer(layer), chunks.Unit(held));
            _pool.SetCompressedLayers(held, layer + 1);
        }
    }

    private bool IsDue(int layer, int block, int next)
    {
        var end = (block + 1) * KvLayout.PageSize;
        return end + KvChunkFormat.Delay <= next || end + _format.Offset(layer) <= Length;
    }

    /// <summary>
    /// Gives up all blocks that <paramref name="length"/> tokens do not need; false, and nothing is changed, where the sequence could not
    /// go on from there, because an exact page has gone.
    /// </summary>
    private bool TryCut(int length)
    {
        var (first, end) = (KvChunkFormat.FirstExact(length), KvLayout.Pages(length));
        if (first < _pinned && !_pool.TryPin(_held.AsSpan(first, Math.Min(end, _pinned) - first))) return false;
        if (end < _count)
        {
            var pinned = Math.Max(end, _pinned);
            _pool.Unpin(_held.AsSpan(pinned, _count - pinned));
            _pool.Return(_held.AsSpan(end, _count - end));
        }
        _count = Math.Min(_count, end);
        _pinned = Math.Min(_pinned, first);
        _compressed = Math.Min(_compressed, length / KvLayout.PageSize);
        _tables.Change(Math.Min(first, _count));
        return true;
    }

    private static CompressedKvPool OwnBlocks(MemoryPool pool, KvChunkFormat format, int capacity) =>
        new(pool, format, CompressedKvSize.Own(format, capacity));

    private void ShareWith(CompressedKvCache fork, MemoryPool pool)
    {
        var blocks = _held.AsSpan(0, KvLayout.Pages(Length));
        _pool.AddReference(blocks);
        blocks.CopyTo(fork._held);
        (fork._count, fork._pinned, fork._compressed) = (blocks.Length, Math.Min(_pinned, blocks.Length), _compressed);
        var isPinned = _pool.TryPin(blocks[fork._pinned..]);
        Debug.Assert(isPinned, "This cache pins the same pages.");
    }

    private void CopyTo(CompressedKvCache fork, MemoryPool pool)
    {
        fork.GrowStored(Length);
        for (var i = 0; i < KvLayout.Pages(Length); i++)
        {
            if (i < fork._pinned) fork._pool.CopyChunks(_pool, _held[i], fork._held[i]);
            else fork._pool.CopyExact(_pool, _held[i], fork._held[i]);
        }
    }

    private PagedKv Exact(int layer) => _pool.Exact.View(layer, _tables.Pages(_count));

    private CompressedKv Chunks(int layer, int blocks) => new(
        _pool.Chunks.Layer(layer), _tables.Chunks(_count), _format.Layouts(layer),
        new KvHorizon(blocks * KvLayout.PageSize, KvLayout.PageSize, KvChunkFormat.Delay));
}
