namespace Coppice.Kernels.Memory;

/// <summary>One slab of a device's memory, cut into buffers and counted: every byte of weights, cache and workspace comes from one.</summary>
/// <remarks>Renting and returning are thread-safe and cost a search of the free list; neither belongs in the token loop. Whoever creates a pool disposes it.</remarks>
public abstract class MemoryPool : IDisposable
{
    private readonly Lock _gate = new();
    private readonly SortedList<long, long> _free = [];     // offset -> bytes, never adjacent
    private bool _disposed;

    /// <summary>A pool over <paramref name="capacity"/> bytes that begin at the address the subclass allocates.</summary>
    private protected MemoryPool(Backend owner, string name, long capacity)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(capacity);
        (Owner, Name, Capacity) = (owner, name, RoundUp(capacity));
        if (Capacity > 0) _free.Add(0, Capacity);
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
        var size = Math.Max(RoundUp(bytes), Alignment);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            for (var i = 0; i < _free.Count; i++)
            {
                var (offset, length) = (_free.GetKeyAtIndex(i), _free.GetValueAtIndex(i));
                if (length < size) continue;
                _free.RemoveAt(i);
                if (length > size) _free.Add(offset + size, length - size);
                Statistics.Rented(size);
                lock (Owner.Memory) Owner.Memory.Rented(size);
                return new PoolBuffer(this, offset, size);
            }
        }
        throw new DeviceMemoryException(
            $"pool {Name}: {size:N0} bytes must fit, but {Capacity - Statistics.BytesInUse:N0} of {Capacity:N0} are free (choose a shorter context or a smaller weight format).");
    }

    /// <summary>Rents a tensor with contiguous rows; its content is undefined. Return it by disposing <see cref="Tensor.Buffer"/>.</summary>
    public Tensor Rent(Shape shape, ElementType type = ElementType.F32) =>
        new(Rent(checked(shape.Count * type.Size())), 0, shape, type, shape.RowLength);

    internal void Return(long offset, long size)
    {
        lock (_gate)
        {
            Statistics.Returned(size);
            if (_disposed) return;
            lock (Owner.Memory) Owner.Memory.Returned(size);
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

    /// <summary>Frees the slab. Buffers still rented must not be used any more.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
            lock (Owner.Memory) Owner.Memory.Returned(Statistics.BytesInUse);
            FreeSlab();
        }
        GC.SuppressFinalize(this);
    }

    private protected abstract void FreeSlab();
}
