using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Cache;

/// <summary>
/// A cache that is compressed as the GEAR paper has it: a prompt is attended to exactly and compressed when it has ended, and after it the
/// buffer of exact tokens is compressed whenever it is full, after the attention of the token that filled it.
/// </summary>
/// <remarks>
/// Where chunks begin depends on where prompts ended, so nothing is shared with other sequences, and chunks are copied by a fork, never
/// computed anew. All layers have the same chunks; a pass over more rows than <see cref="Room"/> would let rows see tokens exact that
/// decoding one by one sees compressed.
/// Kang et al., GEAR (arXiv 2403.05527), version 4.
/// </remarks>
internal sealed class HistoryKvCache : KvCache
{
    private const int EntryWords = 4, BufferRounding = 256, StreamedIndex = 0;

    private readonly KvSource _source;
    private readonly Backend _backend;
    private readonly KvHistoryFormat _format;
    private readonly KvPagePool _pages;     // of recent tokens, and of a prompt that has not ended
    private readonly Tensor _pageTable;     // [pages of the capacity], I32
    private readonly Tensor _chunkTable;    // [chunks at most, 4], I32: see CompressedKv
    private readonly Tensor _chunks;        // [layers · units of a layer, 16], I32
    private readonly int _units;            // of a layer
    private readonly int[] _held;           // pages by block; none before the buffer's first
    private readonly List<KvChunkLayout> _made;             // layout of each chunk
    private KvChunkLayout[] _layouts;
    private int _firstPage, _pageEnd;       // blocks with a page
    private int _end, _usedUnits;           // positions that are compressed, and units of a layer that they take
    private int _promptEnd;                 // see BeginPrompt; 0 where the prompt is compressed

    /// <summary>Creates an empty cache for up to <paramref name="capacity"/> tokens.</summary>
    /// <param name="source">Where attention runs, and how it is compressed.</param>
    /// <param name="pool">Memory, at least <see cref="Bytes"/>.</param>
    /// <param name="capacity">Tokens.</param>
    /// <exception cref="DeviceMemoryException">The pool is too small.</exception>
    public HistoryKvCache(KvSource source, MemoryPool pool, int capacity) : base(capacity)
    {
        (_source, _backend, _format) = (source, source.Backend, Format(source));
        var pages = KvLayout.Pages(capacity);
        (_held, _layouts, _units) = (new int[pages], [_format.Streamed], _format.MostUnits(capacity));
        _made = new List<KvChunkLayout>(_format.MostChunks(capacity));
        _pages = new KvPagePool(pool, source.Geometry, pages);
        try
        {
            _pageTable = pool.Rent(new Shape(pages), ElementType.I32);
            _chunkTable = pool.Rent(new Shape(_format.MostChunks(capacity), EntryWords), ElementType.I32);
            _chunks = pool.Rent(new Shape(checked(source.Geometry.Layers * _units), KvChunkLayout.Unit / sizeof(int)), ElementType.I32);
        }
        catch
        {
            FreeMemory();
            throw;
        }
    }

    /// <inheritdoc/>
    public override KvGeometry Geometry => _source.Geometry;

    /// <inheritdoc/>
    public override long BytesInUse =>
        _pageTable.Buffer.Bytes + _chunkTable.Buffer.Bytes + Geometry.Bytes(_pageEnd - _firstPage)
        + (long)Geometry.Layers * _usedUnits * KvChunkLayout.Unit;

    /// <inheritdoc/>
    public override int Room => _promptEnd > 0 ? Math.Max(_promptEnd - Length, 1) : Math.Max(_end + _format.BufferTokens - Length, 1);

    /// <summary>Positions that are compressed.</summary>
    public int Compressed => _end;
    /// <summary>Tokens of each chunk.</summary>
    public IEnumerable<int> ChunkTokens => _made.Select(layout => layout.Tokens);

    /// <summary>Pool bytes that <paramref name="capacity"/> tokens take.</summary>
    public static long Bytes(KvSource source, int capacity)
    {
        var format = Format(source);
        var tables = sizeof(int) * ((long)KvLayout.Pages(capacity) + EntryWords * format.MostChunks(capacity));
        return KvPagePool.Bytes(source.Backend, source.Geometry, KvLayout.Pages(capacity)) + tables
            + (long)source.Geometry.Layers * format.MostUnits(capacity) * KvChunkLayout.Unit + 3 * BufferRounding;
    }

    /// <inheritdoc/>
    public override void BeginPrompt(int length) => _promptEnd = length > Length ? length : 0;

    /// <inheritdoc/>
    public override void Append(int layer, Tensor k, Tensor v)
    {
        if (Compression.RotateKeys) _backend.Rotate(k);
        if (Compression.RotateValues) _backend.Rotate(v);
        _backend.KvAppend(Exact(layer), k, v, FirstSlot);
    }

    /// <inheritdoc/>
    public override void Attend(int layer, Tensor q, in AttentionMask mask, float scale, float softCap, Tensor y)
    {
        if (Compression.RotateKeys) _backend.Rotate(q);
        var states = _source.States.Slice(0, q.Rows);
        var chunks = Chunks(layer);
        _backend.AttendBlocks(q, chunks, mask, scale, softCap, states);
        _backend.AttendBlocks(q, Exact(layer), mask, chunks.Horizon, scale, softCap, states);
        _backend.MergeBlocks(states, y);
        if (Compression.RotateValues) _backend.Rotate(y);
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">Always: what is saved has chunks of 64 positions.</exception>
    public override int SavedBytes(int block, int length) => throw new NotSupportedException(
        "cache: a session can be saved only where KvCompression.PrefillExact is not set: its chunks follow its history.");

    /// <summary>The chunk <paramref name="index"/> of a layer as it is stored.</summary>
    public byte[] ReadChunk(int layer, int index)
    {
        var words = new int[_made[index].Units * KvChunkLayout.Unit / sizeof(int)];
        _backend.Download(Layer(layer).Slice(_made[..index].Sum(layout => layout.Units), _made[index].Units), words.AsSpan());
        return System.Runtime.InteropServices.MemoryMarshal.AsBytes(words.AsSpan()).ToArray();
    }

    /// <inheritdoc/>
    protected override void Grow(int length)
    {
        var pages = KvLayout.Pages(length);
        if (pages <= _pageEnd) return;
        var added = _held.AsSpan(_pageEnd, pages - _pageEnd);
        _pages.Take(added);
        _backend.Upload<int>(added, _pageTable.Slice(_pageEnd, added.Length));
        _pageEnd = pages;
    }

    /// <inheritdoc/>
    protected override int Shrink(int length)
    {
        if (length < _end)
        {
            CutChunks(length);
            length = _end;
        }
        var needed = Math.Max(KvLayout.Pages(length), _firstPage);
        if (needed < _pageEnd) ReturnPages(needed, _pageEnd);
        _pageEnd = Math.Min(_pageEnd, needed);
        return length;
    }

    /// <inheritdoc/>
    protected override void Settled()
    {
        if (Length < _promptEnd) return;
        var isLater = _end > 0;
        for (var end = _promptEnd; end > _end;)
        {
            var tokens = _format.NextOfPrompt(end - _end, isLater);
            if (tokens == 0) break;
            Compress(tokens, isPrompt: true);
        }
        _promptEnd = 0;
        while (Length - _end >= _format.BufferTokens) Compress(_format.BufferTokens, isPrompt: false);
        var first = Math.Min(_end / KvLayout.PageSize, _pageEnd);
        ReturnPages(_firstPage, first);
        _firstPage = Math.Max(_firstPage, first);
    }

    /// <inheritdoc/>
    protected override void Move(ReadOnlySpan<int> sources, int start)
    {
        for (var layer = 0; layer < Geometry.Layers; layer++) _backend.KvMove(Exact(layer), sources, start);
    }

    /// <inheritdoc/>
    protected override void ReadBlockCore(int layer, int block, Span<byte> bytes) => throw new NotSupportedException();
    /// <inheritdoc/>
    protected override void WriteBlockCore(int layer, int block, ReadOnlySpan<byte> bytes) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override KvCache CreateFork() => WithOwnMemory(
        _backend, Bytes(_source, Capacity), pool => new HistoryKvCache(_source, pool, Capacity), CopyTo);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) FreeMemory();
    }

    private KvCompression Compression => _source.Format!.Compression;

    private static KvHistoryFormat Format(KvSource source) => new(source.Format!.Compression, source.Geometry);

    /// <summary>Compresses the next tokens in all layers.</summary>
    private void Compress(int tokens, bool isPrompt)
    {
        var index = isPrompt || _end == 0 ? IndexOf(_format.Layout(tokens, isPrompt, isFirst: _end == 0)) : StreamedIndex;
        var layout = _layouts[index];
        for (var layer = 0; layer < Geometry.Layers; layer++)
            _backend.KvCompress(Exact(layer), _end, layout, layer, _made.Count, Layer(layer), _usedUnits);
        _backend.Upload<int>([_usedUnits, _end, index, 0], _chunkTable.Slice(_made.Count, 1));
        _made.Add(layout);
        _usedUnits += layout.Units;
        _end += tokens;
    }

    /// <summary>Index of <paramref name="layout"/>, or of its equal.</summary>
    private int IndexOf(KvChunkLayout layout)
    {
        var index = Array.FindIndex(
            _layouts, known => (known.Tokens, known.Rank, known.Exact) == (layout.Tokens, layout.Rank, layout.Exact));
        if (index >= 0) return index;
        _layouts = [.. _layouts, layout];
        return _layouts.Length - 1;
    }

    /// <summary>Gives up chunks, from the last on, until no more than <paramref name="length"/> positions are compressed.</summary>
    private void CutChunks(int length)
    {
        while (_end > length)
        {
            var last = _made[^1];
            _made.RemoveAt(_made.Count - 1);
            _end -= last.Tokens;
            _usedUnits -= last.Units;
        }
        ReturnPages(_firstPage, _pageEnd);
        // A chunk may end in the midst of a page, of which the rest is then written anew.
        (_firstPage, _pageEnd) = (_end / KvLayout.PageSize, _end / KvLayout.PageSize);
    }

    private void ReturnPages(int first, int end)
    {
        if (end > first) _pages.Return(_held.AsSpan(first, end - first));
    }

    private void CopyTo(HistoryKvCache fork, MemoryPool pool)
    {
        (fork._end, fork._usedUnits, fork._promptEnd, fork._layouts) = (_end, _usedUnits, _promptEnd, _layouts);
        fork._made.AddRange(_made);
        (fork._firstPage, fork._pageEnd) = (_firstPage, _firstPage);
        fork.Grow(Length);
        for (var i = _firstPage; i < KvLayout.Pages(Length); i++) fork._pages.Copy(_pages, _held[i], fork._held[i]);
        if (_made.Count == 0) return;
        CopyRows(_chunkTable, fork._chunkTable, _made.Count);
        for (var layer = 0; layer < Geometry.Layers; layer++) CopyRows(Layer(layer), fork.Layer(layer), _usedUnits);
    }

    private void CopyRows(Tensor source, Tensor target, int rows)
    {
        var words = new int[rows * source.Last];
        _backend.Download(source.Slice(0, rows), words.AsSpan());
        _backend.Upload<int>(words, target.Slice(0, rows));
    }

    private void FreeMemory()
    {
        // The tables go first: an op that begins from now on is refused.
        _pageTable.Buffer?.Dispose();
        _chunkTable.Buffer?.Dispose();
        _chunks.Buffer?.Dispose();
        _pages.Dispose();
    }

    private Tensor Layer(int layer) => _chunks.Slice(layer * _units, _units);

    private PagedKv Exact(int layer) => _pages.View(layer, _pageTable.Slice(0, _pageEnd));

    private CompressedKv Chunks(int layer) => new(
        Layer(layer), _chunkTable.Slice(0, _made.Count), _layouts, new KvHorizon(_end, Step: 0, Delay: 0));
}
