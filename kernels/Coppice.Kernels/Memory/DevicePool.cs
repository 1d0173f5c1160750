using ILGPU;
using ILGPU.Runtime;

namespace Coppice.Kernels.Memory;

/// <summary>A pool in the memory of an ILGPU accelerator: one allocation, cut into views.</summary>
internal sealed class DevicePool : MemoryPool
{
    private readonly SharedDevice _device;
    private readonly MemoryBuffer1D<byte, Stride1D.Dense> _slab;

    /// <summary>Allocates the slab, which keeps <paramref name="device"/> alive.</summary>
    /// <exception cref="DeviceMemoryException">The device does not have that much.</exception>
    /// <exception cref="ObjectDisposedException">The device has been freed.</exception>
    internal DevicePool(Backend owner, SharedDevice device, string name, long capacity) : base(owner, name, capacity)
    {
        _device = device;
        device.AddUser();
        try
        {
            _slab = device.Accelerator.Allocate1D<byte>(Math.Max(Capacity, Alignment));
            Open();
        }
        catch (Exception e) when (e is AcceleratorException or OutOfMemoryException or OverflowException or NotSupportedException)
        {
            device.Release();
            throw new DeviceMemoryException($"pool {name}: {owner.Name} does not have {Capacity:N0} bytes to give.", e);
        }
    }

    /// <inheritdoc/>
    public override int Alignment => 256;

    internal override nint Slab => _slab.NativePtr;

    /// <summary>
    /// <paramref name="count"/> elements from <paramref name="byteOffset"/> on, which must be a multiple of the element's size.
    /// </summary>
    internal ArrayView<T> View<T>(long byteOffset, long count) where T : unmanaged =>
        new(_slab, byteOffset / Interop.SizeOf<T>(), count);

    private protected override void FreeSlab()
    {
        _slab.Dispose();
        _device.Release();
    }
}
