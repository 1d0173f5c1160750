using ILGPU;
using ILGPU.Algorithms;

namespace Coppice.Kernels.Gpu;

/// <summary>The settings under which every kernel is compiled, on a device as in the compile tests.</summary>
internal static class DeviceContext
{
    /// <summary>O2 for loads and stores with an address space, algorithms for MathF.Exp, and the engine's own intrinsics.</summary>
    internal static Context.Builder Configure(Context.Builder builder)
    {
        builder.Optimize(OptimizationLevel.O2).EnableAlgorithms();
        DeviceMath.Register(builder);
        return builder;
    }
}
