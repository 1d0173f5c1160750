using Coppice.Kernels.Gpu;
using Coppice.Kernels.Memory;
using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;

namespace Coppice.Kernels;

/// <summary>
/// The back end for NVIDIA GPUs, and for ILGPU's CPU accelerator, on which the same kernels are checked where there is no GPU.
/// </summary>
/// <remarks>
/// Order of reductions: a warp's lanes each sum what they own in ascending order, then a butterfly of shuffles adds the lanes. It depends
/// on the
/// warp size and on a row's length only, never on the number of rows, so a row's result is the same in every batch (contract C1).
/// </remarks>
internal sealed partial class GpuBackend : Backend
{
    private readonly SharedDevice _device;
    private readonly Accelerator _accelerator;
    private readonly AcceleratorStream _stream;
    private readonly KernelLoader _loader;
    private readonly KernelCache _kernels;
    private readonly HostStaging _staging;
    private readonly DevicePool _scratchPool;
    private readonly PoolBuffer _scratch;

    /// <summary>
    /// Bytes of workspace for attention's block states and top-k's candidates: less than a current GPU's L2 cache, so that they stay in it.
    /// </summary>
    private const int DefaultScratchBytes = 32 << 20;

    private GpuBackend(Context context, Accelerator accelerator, int scratchBytes, KernelLoader? loader = null)
    {
        _device = new SharedDevice(context, accelerator);
        _accelerator = accelerator;
        _stream = accelerator.CreateStream();       // not the default stream, which no graph can capture
        _loader = loader ?? new AcceleratorLoader(accelerator);
        _kernels = new KernelCache(_loader, _stream);
        _staging = new HostStaging(accelerator, _stream);
        _scratchPool = new DevicePool(this, _device, "scratch", scratchBytes);
        _scratch = _scratchPool.Rent(scratchBytes);
        Name = _loader.Name;
    }

    /// <summary>
    /// ILGPU's CPU accelerator: scalar and slow, but it runs every kernel. Groups have warpSize · warpsPerGroup threads at most.
    /// </summary>
    /// <exception cref="PlatformNotSupportedException">There is no GPU code in this program.</exception>
    internal static GpuBackend CreateCpuAccelerator(int warpSize = 4, int warpsPerGroup = 4, int scratchBytes = DefaultScratchBytes)
    {
        if (!GpuCode.IsIncluded) throw new PlatformNotSupportedException($"device: ilgpu-cpu cannot be used: {GpuCode.LeftOut}.");
        var device = new CPUDevice(warpSize, warpsPerGroup, numMultiprocessors: 1);
        var context = Context.Create(builder => DeviceContext.Configure(builder).CPU(device));
        return new GpuBackend(context, device.CreateCPUAccelerator(context, CPUAcceleratorMode.Parallel), scratchBytes);
    }

    /// <summary>Memory of the host, and <paramref name="loader"/> to launch kernels on it: it is disposed with the back end.</summary>
    /// <exception cref="PlatformNotSupportedException">There is no GPU code in this program.</exception>
    internal static GpuBackend CreateOn(KernelLoader loader, int scratchBytes = DefaultScratchBytes)
    {
        if (!GpuCode.IsIncluded) throw new PlatformNotSupportedException($"device: {loader.Name} cannot be used: {GpuCode.LeftOut}.");
        var device = new CPUDevice(2, 1, numMultiprocessors: 1);
        var context = Context.Create(builder => DeviceContext.Configure(builder).CPU(device));
        return new GpuBackend(context, device.CreateCPUAccelerator(context, CPUAcceleratorMode.Parallel), scratchBytes, loader);
    }

    /// <summary>NVIDIA GPU number <paramref name="index"/>, or null and the reason in words.</summary>
    internal static GpuBackend? TryCreateCuda(int index, out string reason)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        if (!GpuCode.IsIncluded)
        {
            reason = GpuCode.LeftOut;
            return null;
        }
        if (!CudaDriver.IsInstalled)
        {
            reason = "no NVIDIA driver was found";
            return null;
        }
        Context? context = null;
        try
        {
            context = Context.Create(builder => DeviceContext.Configure(builder).Cuda());
            var devices = context.GetCudaDevices();
            if (index < devices.Count)
            {
                reason = "";
                return new GpuBackend(context, devices[index].CreateCudaAccelerator(context), DefaultScratchBytes);
            }
            reason = devices.Count == 0 ? "no NVIDIA GPU was found" : $"there are {devices.Count} NVIDIA GPUs, so none has index {index}";
        }
        catch (Exception e) when (e is AcceleratorException or NotSupportedException or DllNotFoundException or TypeInitializationException)
        {
            reason = $"the CUDA driver cannot be used: {e.Message}";
        }
        context?.Dispose();
        return null;
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    internal override int? Launches => _kernels.Launches;

    /// <inheritdoc/>
    /// <remarks>Double data rate: two transfers of the bus in a cycle.</remarks>
    internal override double? PeakGigabytesPerSecond =>
        _accelerator is CudaAccelerator cuda ? 2.0 * cuda.MemoryClockRate * 1e3 * cuda.MemoryBusWidth / 8 / 1e9 : null;

    /// <inheritdoc/>
    public override bool CommitsOnWrite => false;

    /// <inheritdoc/>
    public override bool CompilesWhenCalled => false;

    /// <inheritdoc/>
    public override bool PrefersEightBits => false;

    /// <inheritdoc/>
    public override long AvailableBytes
    {
        get
        {
            using var use = _device.Use();
            return _accelerator is CudaAccelerator cuda ? cuda.GetFreeMemory() : AvailableMemory.Bytes;
        }
    }

    /// <inheritdoc/>
    protected override MemoryPool CreatePoolCore(string name, long capacity, bool sparse)
    {
        using var use = _device.Use();
        return new DevicePool(this, _device, name, capacity);
    }

    /// <inheritdoc/>
    protected override void SynchronizeCore()
    {
        _device.Bind();
        _stream.Synchronize();
    }

    /// <inheritdoc/>
    protected override void UploadCore(ReadOnlySpan<byte> source, Tensor destination)
    {
        _device.Bind();
        _staging.Upload(source, View<byte>(destination));
    }

    /// <inheritdoc/>
    protected override void DownloadCore(Tensor source, Span<byte> destination)
    {
        _device.Bind();
        _staging.Download(View<byte>(source), destination);
    }

    /// <summary>Lets go of a device that nobody has disposed.</summary>
    ~GpuBackend() => Dispose(false);

    /// <summary>The device itself lives until the last pool lets go of it.</summary>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _device.Bind();
            _stream.Synchronize();
            _scratch.Dispose();
            _scratchPool.Dispose();
            _layouts?.Dispose();
            _layoutPool?.Dispose();
            _host?.Dispose();
            _staging.Dispose();
            _kernels.Dispose();
            _stream.Dispose();
        }
        _device?.Release();
    }
}
