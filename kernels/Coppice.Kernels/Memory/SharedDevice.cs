using ILGPU;
using ILGPU.Runtime;

namespace Coppice.Kernels.Memory;

/// <summary>
/// An accelerator and its context, which live as long as the back end or any slab in the accelerator's memory. Thread-safe.
/// </summary>
/// <remarks>ILGPU frees what an accelerator has given when the accelerator is disposed, so it may not go before the last slab.</remarks>
internal sealed class SharedDevice(Context context, Accelerator accelerator)
{
    private UserCount _users;       // the back end, and every slab

    internal Accelerator Accelerator => accelerator;

    /// <summary>Binds the device to the calling thread and keeps it until the result is disposed.</summary>
    /// <exception cref="ObjectDisposedException">It has been freed.</exception>
    internal Lease Use()
    {
        AddUser();
        Bind();
        return new Lease(this);
    }

    /// <summary>Adds a user, which calls <see cref="Release"/> once.</summary>
    /// <exception cref="ObjectDisposedException">It has been freed.</exception>
    internal void AddUser() => ObjectDisposedException.ThrowIf(!_users.TryAdd(), accelerator);

    /// <summary>Takes a user away and frees the device with the last.</summary>
    internal void Release()
    {
        if (!_users.Release()) return;
        accelerator.Dispose();
        context.Dispose();
    }

    /// <summary>CUDA contexts belong to threads: the first call from another thread must bind it.</summary>
    internal void Bind()
    {
        if (!ReferenceEquals(Accelerator.Current, accelerator)) accelerator.Bind();
    }

    /// <summary>A use that ends with a block.</summary>
    internal readonly ref struct Lease(SharedDevice device)
    {
        public void Dispose() => device.Release();
    }
}
