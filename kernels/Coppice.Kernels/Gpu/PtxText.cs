using System.Reflection;
using ILGPU.Backends.PTX;

namespace Coppice.Kernels.Gpu;

/// <summary>What is changed in the PTX text that ILGPU 1.5.3 emits before a driver or an assembler sees it.</summary>
internal static class PtxText
{
    private static readonly FieldInfo AssemblyField =
        typeof(PTXCompiledKernel).GetField("<PTXAssembly>k__BackingField", BindingFlags.NonPublic | BindingFlags.Instance)!;

    /// <summary>Rewrites the text inside <paramref name="kernel"/>, which ILGPU then loads with its own launcher.</summary>
    internal static void Rewrite(PTXCompiledKernel kernel) => AssemblyField.SetValue(kernel, WithoutUniform(kernel.PTXAssembly));

    /// <summary>The text without ".uni" on branches and calls.</summary>
    /// <remarks>
    /// At O2 ILGPU marks branches as uniform that are not (on results of atomics, on flags set under a divergent condition), and PTX leaves
    /// the behaviour of such a branch undefined. The suffix is only a hint, so removing it everywhere is always correct.
    /// </remarks>
    private static string WithoutUniform(string ptx) =>
        ptx.Replace("bra.uni", "bra", StringComparison.Ordinal).Replace("call.uni", "call", StringComparison.Ordinal);
}
