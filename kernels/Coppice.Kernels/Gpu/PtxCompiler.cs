using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace Coppice.Kernels.Gpu;

/// <summary>Compiles kernels to PTX text without a GPU.</summary>
internal static class PtxCompiler
{
    /// <summary>Architectures that are compiled for where no device says which: "sm_80", "sm_90".</summary>
    internal static IReadOnlyList<string> Architectures { get; } = ["sm_80", "sm_90"];

    /// <summary>The text a driver would be given for <paramref name="kernel"/>.</summary>
    /// <remarks>In a context of its own, because a compilation that fails poisons its context.</remarks>
    /// <exception cref="ArgumentException">The architecture is not one of <see cref="Architectures"/>.</exception>
    /// <exception cref="InternalCompilerException">The kernel uses something that ILGPU cannot compile.</exception>
    internal static string Compile(DeviceKernel kernel, string architecture)
    {
        // The instruction sets are the oldest that name the architecture, so that an old assembler reads the text.
        var (target, instructions) = architecture switch
        {
            "sm_80" => (CudaArchitecture.SM_80, CudaInstructionSet.ISA_70),
            "sm_90" => (CudaArchitecture.SM_90, CudaInstructionSet.ISA_78),
            _ =>
                throw new ArgumentException($"ptx: the architecture must be {string.Join(" or ", Architectures)}, got {architecture}.",
                    nameof(architecture)),
        };
        using var context = Context.Create(builder => DeviceContext.Configure(builder));
        using var backend = new PTXBackend(context, target, instructions, null!);
        var entry = EntryPointDescription.FromExplicitlyGroupedKernel(kernel.Method);
        var compiled = (PTXCompiledKernel)backend.Compile(entry, KernelSpecialization.Empty);
        PtxText.Rewrite(compiled);
        return compiled.PTXAssembly;
    }
}
