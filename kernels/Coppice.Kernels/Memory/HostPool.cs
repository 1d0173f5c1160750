using System.Runtime.InteropServices;

namespace Coppice.Kernels.Memory;

/// <summary>A pool in host memory, 64-byte aligned: one cache line, one 512-bit vector.</summary>
public sealed unsafe class HostPool : MemoryPool
{
    private const int HugePage = 2 << 20;
    private void* _slab;

    /// <summary>Allocates the slab; the operating system commits its pages when they are first written.</summary>
    /// <exception cref="DeviceMemoryException">The operating system refuses.</exception>
    public HostPool(Backend owner, string name, long capacity) : base(owner, name, capacity)
    {
        try
        {
            _slab = NativeMemory.AlignedAlloc((nuint)Math.Max(Capacity, 64), Capacity >= HugePage ? HugePage : 64u);
        }
        catch (OutOfMemoryException e)
        {
            throw new DeviceMemoryException($"pool {name}: the operating system has not {Capacity:N0} bytes to give.", e);
        }
        if (Capacity >= HugePage && OperatingSystem.IsLinux()) LinuxMemory.AdviseHugePages((nint)_slab, Capacity);
    }

    /// <inheritdoc/>
    public override int Alignment => 64;

    internal override nint Slab => (nint)_slab;

    private protected override void FreeSlab()
    {
        NativeMemory.AlignedFree(_slab);
        _slab = null;
    }
}
