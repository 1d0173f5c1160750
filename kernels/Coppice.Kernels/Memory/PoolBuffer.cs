namespace Coppice.Kernels.Memory;

/// <summary>A stretch of a pool's slab, owned by whoever rented it.</summary>
public sealed class PoolBuffer : IDisposable
{
    private int _returned;

    internal PoolBuffer(MemoryPool pool, long offset, long bytes)
    {
        (Pool, Offset, Bytes) = (pool, offset, bytes);
        Address = pool.Slab + (nint)offset;
    }

    /// <summary>The pool it was rented from.</summary>
    public MemoryPool Pool { get; }
    /// <summary>Where it begins in the slab, in bytes.</summary>
    public long Offset { get; }
    /// <summary>Its length in bytes.</summary>
    public long Bytes { get; }

    internal nint Address { get; }

    /// <summary>Returns it to the pool. A second call does nothing.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _returned, 1) == 0) Pool.Return(Offset, Bytes);
    }
}
