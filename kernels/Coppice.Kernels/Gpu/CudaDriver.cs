using System.Runtime.InteropServices;

namespace Coppice.Kernels.Gpu;

/// <summary>Whether this machine has a driver for NVIDIA GPUs at all.</summary>
/// <remarks>
/// A context of ILGPU compiles about a thousand methods before it can say that there is no GPU: a quarter of a second of a start that takes
/// less than one. Looking for the library takes well under a millisecond.
/// </remarks>
internal static class CudaDriver
{
    /// <summary>What the driver's library is called, first the names that every installation has.</summary>
    private static string[] Names => OperatingSystem.IsWindows() ? ["nvcuda.dll"] : ["libcuda.so.1", "libcuda.so", "libcuda.dylib"];

    /// <summary>Whether the driver's library can be loaded; it stays loaded then.</summary>
    public static bool IsInstalled { get; } = Names.Any(name => NativeLibrary.TryLoad(name, out _));
}
