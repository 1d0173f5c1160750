namespace Coppice.Kernels.Memory;

/// <summary>A stretch of a pool's slab, owned by whoever rented it.</summary>
/// <remarks>
/// It goes back to its pool when it is disposed, and not before an op that runs meanwhile has ended; ops that begin later refuse it. One
/// that is forgotten
/// is returned by the finalizer and counted in <see cref="PoolStatistics.ForgottenBuffers"/>.
/// </remarks>
public sealed class PoolBuffer : IDisposable
{
    private UserCount _users;       // its owner, and those who write to it outside an op
    private int _returned;

    internal PoolBuffer(MemoryPool pool, long offset, long bytes)
    {
        (Pool, Offset, Bytes) = (pool, offset, bytes);
        Address = pool.Slab + (nint)offset;
    }

    /// <summary>Returns a buffer that nobody has disposed. Whoever owned it may be finalised after it, and dispose it then.</summary>
    ~PoolBuffer()
    {
        if (Interlocked.Exchange(ref _returned, 1) == 0) Release(forgotten: true);
    }

    /// <summary>The pool it was rented from.</summary>
    public MemoryPool Pool { get; }
    /// <summary>Where it begins in the slab, in bytes.</summary>
    public long Offset { get; }
    /// <summary>Its length in bytes.</summary>
    public long Bytes { get; }

    internal nint Address { get; }

    /// <summary>Whether it was disposed, so that its memory may be another's.</summary>
    internal bool IsReturned => _returned != 0;

    /// <summary>
    /// Keeps the memory from being returned until the result is disposed: for work outside an op, which nothing waits for otherwise.
    /// </summary>
    /// <exception cref="ObjectDisposedException">It has been returned.</exception>
    internal Pin Use()
    {
        ObjectDisposedException.ThrowIf(IsReturned || !_users.TryAdd(), this);
        return new Pin(this);
    }

    /// <summary>
    /// Has the operating system give memory to bytes <paramref name="first"/> … <paramref name="end"/> - 1 now, where it otherwise does so
    /// when they are first written. What they hold stays, whoever writes meanwhile.
    /// </summary>
    /// <exception cref="ObjectDisposedException">It has been returned.</exception>
    internal void Commit(long first, long end)
    {
        using var pin = Use();
        Pool.Commit(Address + (nint)Math.Max(first, 0), Math.Min(end, Bytes) - Math.Max(first, 0));
    }

    /// <summary>Returns it to the pool, once an op that is running has ended. A second call does nothing.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _returned, 1) != 0) return;
        Release(forgotten: false);
        GC.SuppressFinalize(this);
    }

    private void Release(bool forgotten)
    {
        if (_users.Release()) Pool.Return(Offset, Bytes, forgotten);
    }

    /// <summary>A use of a buffer outside an op.</summary>
    internal readonly ref struct Pin(PoolBuffer buffer)
    {
        /// <summary>Ends the use; whoever is last returns the buffer.</summary>
        public void Dispose() => buffer.Release(forgotten: false);
    }
}
