using ILGPU;
using ILGPU.Runtime;

namespace Coppice.Kernels.Memory;

/// <summary>A pool in the memory of an ILGPU accelerator: one allocation, cut into views.</summary>
internal sealed class DevicePool : MemoryPool
{
    private readonly MemoryBuffer1D<byte, Stride1D.Dense> _slab;

    /// <summary>Allocates the slab.</summary>
    /// <exception cref="DeviceMemoryException">The device has not that much.</exception>
    internal DevicePool(Backend owner, Accelerator accelerator, string name, long capacity) : base(owner, name, capacity)
    {
        try
        {
            _slab = accelerator.Allocate1D<byte>(Math.Max(Capacity, Alignment));
        }
        catch (Exception e) when (e is AcceleratorException or OutOfMemoryException or OverflowException or NotSupportedException)
        {
            throw new DeviceMemoryException($"pool {name}: {owner.Name} has not {Capacity:N0} bytes to give.", e);
        }
    }

    /// <inheritdoc/>
    public override int Alignment => 256;

    internal override nint Slab => _slab.NativePtr;

    /// <summary><paramref name="count"/> elements from <paramref name="byteOffset"/> on, which must be a multiple of the element's size.</summary>
    internal ArrayView<T> View<T>(long byteOffset, long count) where T : unmanaged =>
        new(_slab, byteOffset / Interop.SizeOf<T>(), count);

    private protected override void FreeSlab() => _slab.Dispose();
}
