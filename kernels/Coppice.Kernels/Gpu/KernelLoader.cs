using System.Reflection;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace Coppice.Kernels.Gpu;

/// <summary>What turns a kernel into something that can be launched: an accelerator, or a machine of the tests in its place.</summary>
internal abstract class KernelLoader : IDisposable
{
    /// <summary>What launches, in words.</summary>
    internal abstract string Name { get; }

    /// <summary>Threads of a warp.</summary>
    internal abstract int WarpSize { get; }

    /// <summary>Threads of a group at most.</summary>
    internal abstract int MaxThreads { get; }

    /// <summary>What launches a closed kernel; arguments are the stream, the shape and those of the kernel.</summary>
    /// <exception cref="InternalCompilerException">The kernel uses something that ILGPU cannot compile.</exception>
    internal abstract TLauncher Load<TLauncher>(MethodInfo method) where TLauncher : Delegate;

    /// <inheritdoc/>
    public abstract void Dispose();
}

/// <summary>Kernels of an accelerator: for a GPU from rewritten PTX, else as ILGPU has them.</summary>
internal sealed class AcceleratorLoader(Accelerator accelerator) : KernelLoader
{
    private readonly List<Kernel> _loaded = [];

    internal override string Name => accelerator is CudaAccelerator cuda ? $"cuda {cuda.Name}, {cuda.Architecture}"
        : $"ilgpu cpu accelerator, warp {accelerator.WarpSize}";

    internal override int WarpSize => accelerator.WarpSize;

    internal override int MaxThreads => accelerator.MaxNumThreadsPerGroup;

    internal override TLauncher Load<TLauncher>(MethodInfo method)
    {
        if (accelerator is not CudaAccelerator cuda) return accelerator.LoadKernel<TLauncher>(method, KernelSpecialization.Empty, out _);
        var compiled = (PTXCompiledKernel)cuda.Backend.Compile(EntryPointDescription.FromExplicitlyGroupedKernel(method),
            KernelSpecialization.Empty);
        PtxText.Rewrite(compiled);
        var kernel = cuda.LoadKernel(compiled);
        _loaded.Add(kernel);
        return kernel.CreateLauncherDelegate<TLauncher>();
    }

    public override void Dispose()
    {
        foreach (var kernel in _loaded) kernel.Dispose();
    }
}
