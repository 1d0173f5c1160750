using ILGPU;
using ILGPU.Runtime;

namespace Coppice.Kernels.Gpu;

/// <summary>Page-locked host memory through which everything is copied to and from the device.</summary>
/// <remarks>
/// Uploads are asynchronous: they fill the buffer as a ring and wait for the device only when it is full, so that token ids and positions
/// reach the device without a host synchronisation in every step. Thread-safe, because weights are loaded by several threads.
/// </remarks>
internal sealed class HostStaging : IDisposable
{
    /// <summary>Large enough that a copy's bandwidth, not its latency, counts; small enough to page-lock anywhere.</summary>
    internal const int Capacity = 8 << 20;

    private readonly AcceleratorStream _stream;
    private readonly PageLockedArray1D<byte> _memory;
    private readonly Lock _gate = new();
    private int _used;
    private bool _isDisposed;

    internal HostStaging(Accelerator accelerator, AcceleratorStream stream)
    {
        _stream = stream;
        _memory = accelerator.AllocatePageLocked1D<byte>(Capacity, uninitialized: true);
    }

    /// <summary>Copies <paramref name="source"/> to the device; it may be changed as soon as this returns.</summary>
    internal void Upload(ReadOnlySpan<byte> source, ArrayView<byte> destination)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            for (long done = 0; done < source.Length;)
            {
                var count = (int)Math.Min(source.Length - done, Capacity);
                var offset = Reserve(count);
                source.Slice((int)done, count).CopyTo(_memory.Span[offset..]);
                destination.SubView(done, count).CopyFrom(_stream, _memory.ArrayView.SubView(offset, count));
                done += count;
            }
        }
    }

    /// <summary>Copies <paramref name="source"/> to the host once the device has done all work so far.</summary>
    internal void Download(ArrayView<byte> source, Span<byte> destination)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            for (var done = 0; done < destination.Length;)
            {
                var count = Math.Min(destination.Length - done, Capacity);
                var offset = Reserve(count);
                _memory.ArrayView.SubView(offset, count).CopyFrom(_stream, source.SubView(done, count));
                _stream.Synchronize();
                _used = 0;
                _memory.Span.Slice(offset, count).CopyTo(destination[done..]);
                done += count;
            }
        }
    }

    private int Reserve(int bytes)
    {
        if (_used > Capacity - bytes)
        {
            _stream.Synchronize();
            _used = 0;
        }
        var offset = _used;
        _used += bytes;
        return offset;
    }

    /// <summary>Waits for a copy that runs; later ones are refused.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _memory.Dispose();
        }
    }
}
