using Coppice.Kernels.Tests.Identities;
using Coppice.Kernels.Tests.Ops;

namespace Coppice.Kernels.Tests.Support;

/// <summary>
/// ILGPU's CPU accelerator with warps of 32 lanes, as every NVIDIA GPU has, two of them a group: the shuffles and lane divisions a GPU will
/// do.
/// </summary>
public static class WideWarps
{
    /// <summary>64 threads of the operating system take turns at every shuffle, so few cases.</summary>
    public static Device Device { get; } = new("ILGPU CPU accelerator, warps of 32", null,
        () => [GpuBackend.CreateCpuAccelerator(32, 2)])
    { MaxCost = 4_000, MaxCases = 2 };
}

public sealed class MatMulOnWideWarps() : MatMulTests(WideWarps.Device);
public sealed class MatMulOrderOnWideWarps() : MatMulOrderTests(WideWarps.Device);
public sealed class EmbedOnWideWarps() : EmbedTests(WideWarps.Device);
public sealed class EmbedMixtureOnWideWarps() : EmbedMixtureTests(WideWarps.Device);
public sealed class SoftmaxOnWideWarps() : SoftmaxTests(WideWarps.Device);
public sealed class TopKOnWideWarps() : TopKTests(WideWarps.Device);
public sealed class AttentionOnWideWarps() : AttentionTests(WideWarps.Device);
