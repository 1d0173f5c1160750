using Coppice.Kernels;
using Coppice.Kernels.Memory;

namespace Coppice.Cache;

/// <summary>Keys and values of one sequence in every layer: the only form in which the model sees them.</summary>
/// <remarks>
/// Slots below <see cref="Length"/> hold committed positions, slot = position. A pass appends its rows after them, in every layer, and
/// attends; passes over the levels of one tree append after each other's rows. Then either <see cref="Advance"/> keeps all rows or
/// <see cref="Commit"/> keeps a path of a token tree. What was appended and not kept is overwritten by the next pass.
/// Whoever creates a cache disposes it. One thread at a time; caches of other sequences may be used beside it.
/// </remarks>
internal abstract class KvCache : IDisposable
{
    /// <summary>Bytes that rounding three buffers up to a pool's alignment may cost.</summary>
    private const int Rounding = 3 * 256;

    private int _reserved;
    private int _earlier;       // appended rows of earlier passes that are not kept yet
    private MemoryPool? _memory;
    private bool _disposed;

    /// <summary>Creates an empty cache for up to <paramref name="capacity"/> tokens.</summary>
    protected KvCache(int capacity) => Capacity = capacity;

    /// <summary>Returns shared pages of a cache that nobody has disposed.</summary>
    ~KvCache() => Dispose(false);

    /// <summary>Tokens stored.</summary>
    public int Length { get; private set; }
    /// <summary>Tokens that fit, those of a tree being verified among them.</summary>
    public int Capacity { get; }
    /// <summary>Sizes of the model's keys and values.</summary>
    public abstract KvGeometry Geometry { get; }
    /// <summary>Memory held for this sequence; pages that other sequences hold too count in full.</summary>
    public abstract long BytesInUse { get; }

    /// <summary>
    /// Rows that one pass may append one after another, and a token tree may be deep, at least 1; only a cache that is compressed by its
    /// history has a bound.
    /// </summary>
    public virtual int Room => int.MaxValue;

    /// <summary>Whether <see cref="Fork"/> shares pages and <see cref="Adopt"/> is possible; if not, a fork copies.</summary>
    public virtual bool SharesPages => false;
    /// <summary>
    /// The pages that hold 64 committed tokens each, in order; none where pages are not shared. Valid until the next change.
    /// </summary>
    public virtual ReadOnlySpan<int> WholePages => [];

    /// <summary>
    /// Makes room for <paramref name="count"/> rows after the committed tokens and <paramref name="earlier"/> appended rows.
    /// </summary>
    /// <remarks>A page that other sequences hold too is copied first. If it throws, nothing has changed.</remarks>
    /// <param name="count">Rows of the pass.</param>
    /// <param name="earlier">Rows of passes before it, not kept yet, that stay.</param>
    /// <exception cref="ArgumentException">They exceed the capacity.</exception>
    /// <exception cref="DeviceMemoryException">The memory shared with other sequences is used up.</exception>
    /// <exception cref="ObjectDisposedException">The cache, or the pages it takes from, have been disposed.</exception>
    public void Reserve(int count, int earlier = 0)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfNegative(earlier);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(earlier, _reserved);
        if (count > Capacity - Length - earlier)
        {
            throw new ArgumentException(
                $"cache: {(long)Length + earlier + count:N0} tokens do not fit, capacity is {Capacity:N0} "
                + "(raise ModelOptions.ContextLength or shorten the prompt).", nameof(count));
        }
        Grow(Length + earlier + count);
        _reserved = earlier + count;
        _earlier = earlier;
    }

    /// <summary>
    /// Makes room in an empty cache for the blocks of <paramref name="length"/> tokens, which <see cref="WriteBlock"/> fills.
    /// </summary>
    /// <exception cref="ArgumentException">They exceed the capacity.</exception>
    /// <exception cref="DeviceMemoryException">The memory shared with other sequences is used up; nothing has changed.</exception>
    public void ReserveStored(int length)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Capacity);
        if (Length > 0 || _reserved > 0)
            throw new InvalidOperationException($"cache: only an empty cache can be filled with blocks, this one has {Length} tokens.");
        GrowStored(length);
        _reserved = length;
    }

    /// <summary>
    /// What comes up to position <paramref name="length"/> is a prompt, which some kinds treat as a whole; nothing is, until this is
    /// called.
    /// </summary>
    public virtual void BeginPrompt(int length) { }

    /// <summary>Stores the rows that were reserved last, of one layer.</summary>
    /// <param name="layer">Index of the layer.</param>
    /// <param name="k">[reserved rows, kvHeads, headDim], F32, after RoPE; a kind may use its memory.</param>
    /// <param name="v">As <paramref name="k"/>.</param>
    public abstract void Append(int layer, Tensor k, Tensor v);

    /// <summary>
    /// Attention of the appended rows over what the mask lets them see; the mask starts at <see cref="Length"/>. A kind may use the memory
    /// of <paramref name="q"/>.
    /// </summary>
    public abstract void Attend(int layer, Tensor q, in AttentionMask mask, float scale, float softCap, Tensor y);

    /// <summary>Keeps the first <paramref name="count"/> appended rows.</summary>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, _reserved);
        Settle(Length + count);
    }

    /// <summary>Keeps the appended rows <paramref name="path"/>, strictly ascending, as the next positions, and drops the others.</summary>
    /// <exception cref="DeviceMemoryException">The cache was forked after the pass, and no page is free for the copy; nothing has
    /// changed.</exception>
    public void Commit(ReadOnlySpan<int> path)
    {
        var inPlace = 0;
        while (inPlace < path.Length && path[inPlace] == inPlace) inPlace++;
        if (path.Length > 0) ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(path[^1], _reserved);
        if (inPlace < path.Length)
        {
            Grow(Length + _reserved);
            MoveRows(path[inPlace..], Length + inPlace);
        }
        Advance(path.Length);
    }

    /// <summary>Forgets everything from position <paramref name="length"/> on, and every appended row that is not kept yet.</summary>
    /// <remarks>
    /// Where a compressed cache cannot go on from there, because recent keys and values have gone, it forgets more:
    /// <see cref="Length"/> says what is left.
    /// </remarks>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Length);
        Settle(Shrink(length));
    }

    /// <summary>
    /// Creates a cache of the same capacity with the same committed tokens. What either appends later, the other does not see.
    /// </summary>
    /// <remarks>
    /// Where <see cref="SharesPages"/>, both hold the same pages, and the one that first writes into a partly filled page copies it;
    /// nothing is taken from the pool until then. Other kinds copy all committed pages. The new cache has memory of its own for what it
    /// does not share.
    /// </remarks>
    /// <exception cref="DeviceMemoryException">There is no memory for the new cache.</exception>
    public KvCache Fork()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var fork = CreateFork();
        fork.Length = Length;
        return fork;
    }

    /// <summary>
    /// Begins with pages of another sequence. The cache takes over one reference to each of them, also of those it truncates later.
    /// </summary>
    /// <param name="pages">Pages of the pool that this cache takes pages from: as many as <paramref name="length"/> tokens need.</param>
    /// <param name="length">Tokens in them.</param>
    /// <exception cref="InvalidOperationException">The cache is not empty.</exception>
    /// <exception cref="NotSupportedException">This kind of cache does not share pages.</exception>
    /// <exception cref="ArgumentException">The tokens do not fit, or there are too many or too few pages.</exception>
    public void Adopt(ReadOnlySpan<int> pages, int length)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!SharesPages) throw new NotSupportedException("cache: pages are shared only where sequences take them from a common pool.");
        if (Length > 0 || _reserved > 0)
            throw new InvalidOperationException($"cache: only an empty cache can begin with shared pages, this one has {Length} tokens.");
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, Capacity);
        if (pages.Length != KvLayout.Pages(length))
            throw new ArgumentException($"cache: {length} tokens need {KvLayout.Pages(length)} pages, got {pages.Length}.", nameof(pages));
        Share(pages);
        Settle(length);
    }

    /// <summary>
    /// Bytes of a layer's block of 64 positions, as <see cref="ReadBlock"/> gives it, where the cache has <paramref name="length"/> tokens.
    /// </summary>
    public virtual int SavedBytes(int block, int length) => Geometry.BlockBytes;

    /// <summary>
    /// Copies one layer's keys, then values, of positions 64 · <paramref name="block"/> … + 63 to the host, as they are stored.
    /// </summary>
    /// <param name="layer">Index of the layer.</param>
    /// <param name="block">Index of 64 positions, of which at least one is committed.</param>
    /// <param name="bytes"><see cref="SavedBytes"/> of the cache's length; zeros where a position is not committed.</param>
    public void ReadBlock(int layer, int block, Span<byte> bytes)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(block);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(block, KvLayout.Pages(Length));
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Length, SavedBytes(block, Length));
        ReadBlockCore(layer, block, bytes);
        // Memory after the last token may hold another sequence's keys and values, which are nobody else's business.
        var committed = Length - block * KvLayout.PageSize;
        if (committed < KvLayout.PageSize) Geometry.ClearPositions(bytes, committed);
    }

    /// <summary>Stores what <see cref="ReadBlock"/> gave, in a block of which at least one position is reserved or committed.</summary>
    public void WriteBlock(int layer, int block, ReadOnlySpan<byte> bytes)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(block);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(block, KvLayout.Pages(Length + _reserved));
        ArgumentOutOfRangeException.ThrowIfNotEqual(bytes.Length, SavedBytes(block, ReservedLength));
        WriteBlockCore(layer, block, bytes);
    }

    /// <summary>Returns the memory. A second call does nothing.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        Dispose(true);
        _memory?.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Creates a cache in a memory pool that belongs to it.</summary>
    /// <param name="backend">Where the memory is.</param>
    /// <param name="bytes">Bytes of at most three buffers.</param>
    /// <param name="create">Makes the cache in the pool it is given.</param>
    /// <param name="fill">Writes what the cache begins with; null for nothing.</param>
    /// <exception cref="DeviceMemoryException">The device does not have the memory.</exception>
    public static T WithOwnMemory<T>(Backend backend, long bytes, Func<MemoryPool, T> create, Action<T, MemoryPool>? fill = null)
        where T : KvCache
    {
        var pool = backend.CreatePool("kv", bytes + Rounding);
        T? cache = null;
        try
        {
            cache = create(pool);
            cache._memory = pool;
            fill?.Invoke(cache, pool);
            return cache;
        }
        catch
        {
            cache?.Dispose();
            pool.Dispose();
            throw;
        }
    }

    /// <summary>The slot of the first row that <see cref="Append"/> stores.</summary>
    protected int FirstSlot => Length + _earlier;

    /// <summary>Tokens, and rows that were reserved.</summary>
    protected int ReservedLength => Length + _reserved;

    /// <summary>Makes slots <see cref="Length"/> … <paramref name="length"/> - 1 writable, or throws before anything has changed.</summary>
    protected abstract void Grow(int length);
    /// <summary>As <see cref="Grow"/>, in an empty cache that <see cref="WriteBlock"/> will fill.</summary>
    protected virtual void GrowStored(int length) => Grow(length);
    /// <summary>Gives back what is not needed for <paramref name="length"/> committed slots, where the kind can.</summary>
    /// <returns>Slots that are left: fewer where the sequence could not go on from there.</returns>
    protected abstract int Shrink(int length);
    /// <summary><see cref="Length"/> has its new value.</summary>
    protected virtual void Settled() { }
    /// <summary>
    /// Moves, in every layer, slot sources[j] to slot <paramref name="start"/> + j, j ascending; see
    /// <see cref="Backend.KvMove(in DenseKv, ReadOnlySpan{int}, int)"/>.
    /// </summary>
    protected abstract void Move(ReadOnlySpan<int> sources, int start);
    /// <inheritdoc cref="ReadBlock"/>
    protected abstract void ReadBlockCore(int layer, int block, Span<byte> bytes);
    /// <inheritdoc cref="WriteBlock"/>
    protected abstract void WriteBlockCore(int layer, int block, ReadOnlySpan<byte> bytes);
    /// <summary>Creates an empty cache that holds the pages of the committed tokens, or copies of them.</summary>
    protected abstract KvCache CreateFork();
    /// <summary>
    /// Holds <paramref name="pages"/>, whose references now belong to this empty cache; only where <see cref="SharesPages"/>.
    /// </summary>
    protected virtual void Share(ReadOnlySpan<int> pages) => throw new NotSupportedException();
    /// <summary>Returns the memory.</summary>
    /// <param name="disposing">False in the finalizer, where buffers return by finalizers of their own.</param>
    protected abstract void Dispose(bool disposing);

    /// <summary>
    /// Moves the appended rows to the slots from <paramref name="start"/> on; parts in order are the same move as the whole.
    /// </summary>
    private void MoveRows(ReadOnlySpan<int> rows, int start)
    {
        Span<int> slots = stackalloc int[64];       // a path is as long as a tree is deep: one part
        for (var done = 0; done < rows.Length; done += slots.Length)
        {
            var part = rows[done..Math.Min(done + slots.Length, rows.Length)];
            for (var j = 0; j < part.Length; j++) slots[j] = Length + part[j];
            Move(slots[..part.Length], start + done);
        }
    }

    private void Settle(int length)
    {
        Length = length;
        _reserved = 0;
        _earlier = 0;
        Settled();
    }
}
