using Coppice.Kernels.Memory;

namespace Coppice.Kernels.Simd;

/// <summary>
/// Memory that one op needs while it runs: packed activations, block states of attention. It grows to the largest request and is then
/// reused.
/// </summary>
internal sealed unsafe class ScratchMemory(Backend owner) : IDisposable
{
    private MemoryPool? _pool;
    private PoolBuffer? _buffer;

    /// <summary><paramref name="bytes"/> of memory that stay valid until the next call.</summary>
    internal float* Get(long bytes)
    {
        if (_buffer is null || _buffer.Bytes < bytes)
        {
            Dispose();
            _pool = new HostPool(owner, "scratch", Math.Max(1 << 20, (long)System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)bytes)));
            _buffer = _pool.Rent(_pool.Capacity);
        }
        return (float*)_buffer.Address;
    }

    public void Dispose()
    {
        _buffer?.Dispose();
        _pool?.Dispose();
        (_buffer, _pool) = (null, null);
    }
}
