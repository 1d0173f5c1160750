using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Coppice.Kernels.Memory;

namespace Coppice.Kernels;

/// <summary>
/// A device that computes: memory, copies and one method for each op, which checks its operands and calls the device's core.
/// </summary>
/// <remarks>
/// Ops are enqueued in call order; on a GPU they may still be running when the call returns, and <see cref="Download{T}"/> and
/// <see cref="Synchronize"/> wait.
/// Ops run one at a time: a second thread waits for the first. Pools, and writing to weights, are thread-safe beside them.
/// Disposing a buffer, a pool or the back end while an op runs takes effect after it; an op that begins later throws
/// <see cref="ObjectDisposedException"/>.
/// Tensors of one back end do not mix with another's.
/// Every element of a matrix product is summed in one order, the same for every number of rows (on the CPU one chain of fused multiply-adds
/// over
/// k ascending), and attention merges blocks of 64 logical positions in ascending order, so a row's result does not depend on the other
/// rows of
/// the call (contract C1).
/// </remarks>
public abstract partial class Backend : IDisposable
{
    private readonly Lock _ops = new();     // held while an op runs
    private bool _isDisposed;

    /// <summary>What computes, in words: "cpu avx512, 2 threads".</summary>
    public abstract string Name { get; }

    /// <summary>A pool of <paramref name="capacity"/> bytes of this device's memory; the caller disposes it.</summary>
    /// <param name="name">What it is for.</param>
    /// <param name="capacity">Bytes.</param>
    /// <param name="sparse">Whether often only the beginnings of its tensors are used: where memory is committed by pages, they are then
    /// small ones.</param>
    /// <exception cref="DeviceMemoryException">The device does not have that much.</exception>
    /// <exception cref="ObjectDisposedException">The back end has been disposed.</exception>
    public MemoryPool CreatePool(string name, long capacity, bool sparse = false)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return CreatePoolCore(name, capacity, sparse);
    }

    /// <inheritdoc cref="CreatePool"/>
    protected abstract MemoryPool CreatePoolCore(string name, long capacity, bool sparse);

    /// <summary>Counts over all pools of this device.</summary>
    public PoolStatistics Memory { get; } = new();

    /// <summary>
    /// Called before each op and before each request for memory, on their thread; what it throws, they throw. Null for nobody. For tests of
    /// what fails.
    /// </summary>
    internal Action<DeviceStep>? Watcher { get; set; }

    /// <summary>Counts and times ops from the next one on; null, the default, for none. For <c>coppice profile</c>.</summary>
    internal OpProfile? Profile
    {
        get;
        set
        {
            using var paused = Pause();
            field = value;
        }
    }

    /// <summary>Kernels launched so far; null where ops are not kernels of a device.</summary>
    internal virtual int? Launches => null;

    /// <summary>Bytes that the device's memory can be read at, in 10⁹ a second, as its maker says; null where that is unknown.</summary>
    internal virtual double? PeakGigabytesPerSecond => null;

    /// <summary>Bytes of device memory that can be asked for now.</summary>
    public abstract long AvailableBytes { get; }

    /// <summary>
    /// Whether memory is committed as it is first written, so that what is rented and not used costs nothing; if not, a pool takes it all.
    /// </summary>
    public abstract bool CommitsOnWrite { get; }

    /// <summary>
    /// Whether the .NET runtime compiles an op when it is first called, once for every back end of the process. Then a run of a small model
    /// on another
    /// back end of this kind, before the first token, takes that time out of it. If not, compiled kernels belong to this back end alone.
    /// </summary>
    public abstract bool CompilesWhenCalled { get; }

    /// <summary>
    /// Whether a product of a few rows takes less time with <see cref="MatrixFormat.Q8"/> weights and <see cref="ActivationFormat.Int8"/>
    /// than with weights of
    /// 16 bits, because it is bound by the reading of its weights. A model that only proposes tokens is then kept in 8 bits.
    /// </summary>
    public abstract bool PrefersEightBits { get; }

    /// <summary>
    /// The name and, on a CPU, which processor it is: one with the same registers may work at half the rate. What was measured on one says
    /// nothing of another.
    /// </summary>
    internal virtual string Identity => Name;

    /// <summary>Threads of the host that compute an op, the caller's included; null where a device computes.</summary>
    public virtual int? HostThreads => null;

    /// <summary>Copies host elements into <paramref name="destination"/>.</summary>
    /// <param name="source">As many elements as the tensor has, of the size of its type.</param>
    /// <param name="destination">A tensor of this back end with contiguous rows.</param>
    /// <exception cref="ArgumentException">The number or the size of elements differs, rows have gaps, or the owner is wrong.</exception>
    /// <exception cref="ObjectDisposedException">The buffer or the back end was disposed.</exception>
    public void Upload<T>(ReadOnlySpan<T> source, Tensor destination) where T : unmanaged
    {
        using var running = Enter();
        Require.Copy("upload", this, destination, source.Length, Unsafe.SizeOf<T>());
        Profile?.Work(Bytes(destination), launches: 0);
        UploadCore(MemoryMarshal.AsBytes(source), destination);
    }

    /// <summary>Waits for the work so far and copies <paramref name="source"/> to the host.</summary>
    /// <param name="source">A tensor of this back end with contiguous rows.</param>
    /// <param name="destination">As many elements as the tensor has, of the size of its type.</param>
    /// <exception cref="ArgumentException">The number or the size of elements differs, rows have gaps, or the owner is wrong.</exception>
    /// <exception cref="ObjectDisposedException">The buffer or the back end was disposed.</exception>
    public void Download<T>(Tensor source, Span<T> destination) where T : unmanaged
    {
        using var running = Enter();
        Require.Copy("download", this, source, destination.Length, Unsafe.SizeOf<T>());
        Profile?.Work(Bytes(source), launches: 0);
        DownloadCore(source, MemoryMarshal.AsBytes(destination));
    }

    /// <summary>Waits until all work so far is done.</summary>
    public void Synchronize()
    {
        using var running = Enter();
        Profile?.Work(0, launches: 0);
        SynchronizeCore();
    }

    /// <inheritdoc cref="Synchronize"/>
    protected abstract void SynchronizeCore();

    /// <summary>
    /// An empty weight matrix [outputs, inputs] in this device's own layout, rented from <paramref name="pool"/>; fill it with
    /// <see cref="WeightMatrix.Write"/>.
    /// </summary>
    /// <exception cref="NotSupportedException">This device does not have the format, or rounds activations for no such format.</exception>
    public WeightMatrix CreateWeight(MemoryPool pool, int outputs, int inputs, MatrixFormat format,
        ActivationFormat activations = ActivationFormat.F32)
    {
        ArgumentNullException.ThrowIfNull(pool);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (!format.Takes(activations))
            throw new NotSupportedException(activations == ActivationFormat.Auto
                ? "weight: activations must be F32, Int8 or BF16, got Auto."
                : $"weight: activations {activations} need weights {(activations == ActivationFormat.BF16 ? "BF16" : "Q8 or Q4")}, "
                    + $"got {format} (choose activations F32 or another weight format).");
        return CreateWeightCore(pool, outputs, inputs, format, activations);
    }

    /// <inheritdoc cref="CreateWeight"/>
    protected abstract WeightMatrix CreateWeightCore(MemoryPool pool, int outputs, int inputs, MatrixFormat format,
        ActivationFormat activations);

    /// <summary>Bytes that <see cref="CreateWeight"/> will rent for such a matrix.</summary>
    public abstract long WeightBytes(int outputs, int inputs, MatrixFormat format);

    /// <inheritdoc cref="Upload{T}"/>
    protected abstract void UploadCore(ReadOnlySpan<byte> source, Tensor destination);
    /// <inheritdoc cref="Download{T}"/>
    protected abstract void DownloadCore(Tensor source, Span<byte> destination);

    /// <summary>
    /// Waits for the op that runs, stops threads and frees what the device holds; what pools hold lives as long as they do. A second call
    /// does nothing.
    /// </summary>
    public void Dispose()
    {
        using (Pause())
        {
            if (_isDisposed) return;
            _isDisposed = true;
            Dispose(true);
        }
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the device's own resources; called once, and while no op runs.</summary>
    protected abstract void Dispose(bool disposing);

    /// <summary>Begins an op: the first statement of every one. Others wait until the result is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The back end has been disposed.</exception>
    private RunningOp Enter([CallerMemberName] string op = "")
    {
        Watcher?.Invoke(DeviceStep.Op);
        var running = _ops.EnterScope();
        if (_isDisposed)
        {
            running.Dispose();
            throw new ObjectDisposedException(Name);
        }
        if (Profile is not { } profile) return new RunningOp(running, null, 0);
        profile.Begin(op);
        return new RunningOp(running, this, Launches ?? 0);
    }

    private void EndProfiled(int launches)
    {
        if (Profile is not { } profile) return;
        SynchronizeCore();
        profile.End(Launches - launches);
    }

    /// <summary>Bytes of a tensor's elements; 0 where there is none.</summary>
    private static long Bytes(in Tensor tensor) =>
        tensor.IsEmpty ? 0 : (long)tensor.Rows * tensor.Shape.RowLength * tensor.Type.Size();

    /// <summary>An op that runs: others wait until it is disposed.</summary>
    private ref struct RunningOp(Lock.Scope scope, Backend? profiled, int launches)
    {
        private Lock.Scope _scope = scope;

        /// <summary>Ends the op.</summary>
        public void Dispose()
        {
            try
            {
                profiled?.EndProfiled(launches);
            }
            finally
            {
                _scope.Dispose();
            }
        }
    }

    /// <summary>Waits for the op that runs, if any, and keeps others from beginning until the result is disposed.</summary>
    internal Lock.Scope Pause() => _ops.EnterScope();
}
