namespace Coppice.Kernels.Memory;

/// <summary>Counts of one pool, or of all pools of a device. Written under a lock; reading needs none and may lag.</summary>
public sealed class PoolStatistics
{
    /// <summary>Buffers rented so far.</summary>
    public long Rents { get; private set; }
    /// <summary>Buffers returned so far, forgotten ones included.</summary>
    public long Returns { get; private set; }
    /// <summary>Bytes rented now, with padding to the alignment.</summary>
    public long BytesInUse { get; private set; }
    /// <summary>The largest <see cref="BytesInUse"/> so far.</summary>
    public long PeakBytes { get; private set; }
    /// <summary>
    /// Bytes of slabs that have not been freed: of pools that are open, and of disposed ones with buffers that are still rented.
    /// </summary>
    public long SlabBytes { get; private set; }
    /// <summary>Buffers that nobody disposed, returned by the finalizer.</summary>
    public long ForgottenBuffers { get; private set; }
    /// <summary>Bytes of <see cref="ForgottenBuffers"/>.</summary>
    public long ForgottenBytes { get; private set; }
    /// <summary>Pools that nobody disposed, closed by the finalizer.</summary>
    public long ForgottenPools { get; private set; }

    internal void Rented(long bytes)
    {
        Rents++;
        BytesInUse += bytes;
        PeakBytes = Math.Max(PeakBytes, BytesInUse);
    }

    internal void Returned(long bytes, bool forgotten)
    {
        Returns++;
        BytesInUse -= bytes;
        if (!forgotten) return;
        ForgottenBuffers++;
        ForgottenBytes += bytes;
    }

    internal void Opened(long slabBytes) => SlabBytes += slabBytes;

    internal void Forgotten() => ForgottenPools++;

    internal void Freed(long slabBytes) => SlabBytes -= slabBytes;
}
