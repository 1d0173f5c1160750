namespace Coppice.Kernels.Memory;

/// <summary>Counts of one pool, or of all pools of a device. Written under a lock; reading needs none and may lag.</summary>
public sealed class PoolStatistics
{
    /// <summary>Buffers rented so far.</summary>
    public long Rents { get; private set; }
    /// <summary>Buffers returned so far.</summary>
    public long Returns { get; private set; }
    /// <summary>Bytes rented now, with padding to the alignment.</summary>
    public long BytesInUse { get; private set; }
    /// <summary>The largest <see cref="BytesInUse"/> so far.</summary>
    public long PeakBytes { get; private set; }

    internal void Rented(long bytes)
    {
        Rents++;
        BytesInUse += bytes;
        PeakBytes = Math.Max(PeakBytes, BytesInUse);
    }

    internal void Returned(long bytes)
    {
        Returns++;
        BytesInUse -= bytes;
    }
}
