using System.Collections.Concurrent;
using System.Reflection;
using Coppice.Kernels.Gpu;

namespace Coppice.Ptx.Engine;

/// <summary>The PTX of every kernel as a driver would be given it, compiled once for all tests of the process.</summary>
internal static class KernelTexts
{
    private static readonly ConcurrentDictionary<(string, string), Lazy<string>> Texts = new();
    private static readonly Lazy<Dictionary<MethodInfo, DeviceKernel>> Known = new(() =>
        DeviceKernels.All.ToDictionary(kernel => kernel.Method));

    /// <summary>The text of a kernel for an architecture.</summary>
    public static string Of(DeviceKernel kernel, string architecture) =>
        Texts.GetOrAdd((kernel.Name, architecture), _ => new(() => PtxCompiler.Compile(kernel, architecture))).Value;

    /// <summary>The kernel that a closed method is.</summary>
    public static DeviceKernel Of(MethodInfo method) => Known.Value[method];
}
