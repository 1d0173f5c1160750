namespace Coppice.Kernels.Memory;

/// <summary>
/// One slab of a device's memory, cut into buffers and counted: every byte of weights, cache and workspace comes from one.
/// </summary>
/// <remarks>
/// Renting and returning are thread-safe and cost a search of the free list; neither belongs in the token loop. Whoever creates a pool
/// disposes it.
/// The slab lives as long as its last user, the pool or a buffer: it is freed when the pool is disposed and every buffer returned, in
/// whatever order,
/// and never while an op runs. A pool that is forgotten is closed by the finalizer and counted in
/// <see cref="PoolStatistics.ForgottenPools"/>.
/// Locks are taken in one order: the back end's ops, the pool, the back end's statistics.
/// </remarks>
public abstract class MemoryPool : IDisposable
{
    private readonly Lock _gate = new();
    private readonly SortedList<long, long> _free = [];     // offset -> bytes, never adjacent
    private long _rented;       // buffers
    private bool _isOpen;

    /// <summary>A pool of <paramref name="capacity"/> bytes; the subclass allocates the slab and calls <see cref="Open"/>.</summary>
    private protected MemoryPool(Backend owner, string name, long capacity)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(capacity);
        owner.Watcher?.Invoke(DeviceStep.Memory);
        (Owner, Name, Capacity) = (owner, name, RoundUp(capacity));
        if (Capacity > 0) _free.Add(0, Capacity);
    }

    /// <summary>Closes a pool that nobody has disposed.</summary>
    ~MemoryPool()
    {
        if (_isOpen) Close(forgotten: true);        // one whose slab was refused has never been open
    }

    /// <summary>The back end whose memory this is.</summary>
    public Backend Owner { get; }
    /// <summary>What the pool is for: weights, kv, workspace.</summary>
    public string Name { get; }
    /// <summary>Bytes of the slab.</summary>
    public long Capacity { get; }
    /// <summary>What has been rented and returned so far.</summary>
    public PoolStatistics Statistics { get; } = new();
    /// <summary>Every buffer begins at a multiple of this many bytes, and takes a multiple of it.</summary>
    public abstract int Alignment { get; }

    /// <summary>The address of the slab.</summary>
    internal abstract nint Slab { get; }

    /// <summary>Bytes that <paramref name="bytes"/> take in a pool with this alignment.</summary>
    public long RoundUp(long bytes) => checked((bytes + Alignment - 1) / Alignment * Alignment);

    /// <summary>Rents a buffer; its content is undefined. Return it with <see cref="PoolBuffer.Dispose"/>.</summary>
    /// <exception cref="DeviceMemoryException">No free stretch is that long.</exception>
    /// <exception cref="ObjectDisposedException">The pool has been disposed.</exception>
    public PoolBuffer Rent(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Owner.Watcher?.Invoke(DeviceStep.Memory);
        var size = Math.Max(RoundUp(bytes), Alignment);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(!_isOpen, this);
            for (var i = 0; i < _free.Count; i++)
            {
                var (offset, length) = (_free.GetKeyAtIndex(i), _free.GetValueAtIndex(i));
                if (length < size) continue;
                _free.RemoveAt(i);
                if (length > size) _free.Add(offset + size, length - size);
                _rented++;
                Statistics.Rented(size);
                lock (Owner.Memory) Owner.Memory.Rented(size);
                return new PoolBuffer(this, offset, size);
            }
        }
        throw new DeviceMemoryException(
            $"pool {Name}: {size:N0} bytes must fit, but {Capacity - Statistics.BytesInUse:N0} of {Capacity:N0} are free "
            + "(choose a shorter context or a smaller weight format).");
    }

    /// <summary>
    /// Rents a tensor with contiguous rows; its content is undefined. Return it by disposing <see cref="Tensor.Buffer"/>.
    /// </summary>
    public Tensor Rent(Shape shape, ElementType type = ElementType.F32) =>
        new(Rent(checked(shape.Count * type.Size())), 0, shape, type, shape.RowLength);

    /// <summary>Closes the pool: nothing more is rented. The slab is freed now, or when the last buffer is returned.</summary>
    public void Dispose()
    {
        Close(forgotten: false);
        GC.SuppressFinalize(this);
    }

    internal void Return(long offset, long size, bool forgotten)
    {
        using var noOp = Owner.Pause();
        lock (_gate)
        {
            _rented--;
            Statistics.Returned(size, forgotten);
            lock (Owner.Memory) Owner.Memory.Returned(size, forgotten);
            if (_isOpen) AddToFree(offset, size);
            else if (_rented == 0) Free();
        }
    }

    /// <summary>The slab is there: buffers can be rented.</summary>
    private protected void Open()
    {
        _isOpen = true;
        Statistics.Opened(Capacity);
        lock (Owner.Memory) Owner.Memory.Opened(Capacity);
    }

    private protected abstract void FreeSlab();

    /// <summary>Touches memory of the slab, so that the operating system gives it now; nothing where it is given at once.</summary>
    internal virtual void Commit(nint address, long bytes) { }

    private void Close(bool forgotten)
    {
        using var noOp = Owner.Pause();
        lock (_gate)
        {
            if (!_isOpen) return;
            _isOpen = false;
            if (forgotten)
            {
                Statistics.Forgotten();
                lock (Owner.Memory) Owner.Memory.Forgotten();
            }
            if (_rented == 0) Free();
        }
    }

    private void Free()
    {
        FreeSlab();
        Statistics.Freed(Capacity);
        lock (Owner.Memory) Owner.Memory.Freed(Capacity);
    }

    private void AddToFree(long offset, long size)
    {
        _free.Add(offset, size);
        var i = _free.IndexOfKey(offset);
        if (i + 1 < _free.Count && offset + size == _free.GetKeyAtIndex(i + 1))
        {
            size += _free.GetValueAtIndex(i + 1);
            _free.RemoveAt(i + 1);
            _free[offset] = size;
        }
        if (i > 0 && _free.GetKeyAtIndex(i - 1) + _free.GetValueAtIndex(i - 1) == offset)
        {
            _free[_free.GetKeyAtIndex(i - 1)] += size;
            _free.RemoveAt(i);
        }
    }
}
