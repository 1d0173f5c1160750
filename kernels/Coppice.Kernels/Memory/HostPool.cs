using System.Runtime.InteropServices;

namespace Coppice.Kernels.Memory;

/// <summary>A pool in host memory, 64-byte aligned: one cache line, one 512-bit vector.</summary>
public sealed unsafe class HostPool : MemoryPool
{
    private const int HugePage = 2 << 20;
    private void* _slab;

    /// <summary>Allocates the slab; the operating system commits its pages when they are first written.</summary>
    /// <param name="owner">The back end whose memory this is.</param>
    /// <param name="name">What the pool is for.</param>
    /// <param name="capacity">Bytes.</param>
    /// <param name="hugePages">Whether to ask for pages of 2 MiB, each of which is committed as a whole.</param>
    /// <exception cref="DeviceMemoryException">The operating system refuses.</exception>
    public HostPool(Backend owner, string name, long capacity, bool hugePages = true) : base(owner, name, capacity)
    {
        hugePages &= Capacity >= HugePage;
        try
        {
            _slab = NativeMemory.AlignedAlloc((nuint)Math.Max(Capacity, 64), hugePages ? HugePage : 64u);
        }
        catch (OutOfMemoryException e)
        {
            throw new DeviceMemoryException($"pool {name}: the operating system does not have {Capacity:N0} bytes to give.", e);
        }
        if (hugePages && OperatingSystem.IsLinux()) LinuxMemory.AdviseHugePages((nint)_slab, Capacity);
        Open();
    }

    /// <inheritdoc/>
    public override int Alignment => 64;

    internal override nint Slab => (nint)_slab;

    /// <summary>Adds 0 to a word of each page: atomically, so that what another thread writes there meanwhile is not lost.</summary>
    internal override void Commit(nint address, long bytes)
    {
        var step = Environment.SystemPageSize;
        for (var at = (address + 3) / 4 * 4; at <= address + bytes - 4; at += step) Interlocked.Add(ref *(int*)at, 0);
    }

    private protected override void FreeSlab()
    {
        NativeMemory.AlignedFree(_slab);
        _slab = null;
    }
}
