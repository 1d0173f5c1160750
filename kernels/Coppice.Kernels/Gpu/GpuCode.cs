using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Coppice.Kernels.Gpu;

/// <summary>Whether GPU code is in this program. Where it is not, trimming removes all that only it uses, ILGPU with it.</summary>
internal static class GpuCode
{
    /// <summary>Why it cannot be used where it is not there.</summary>
    internal const string LeftOut = "this program was built without GPU code (Native AOT, or the switch Coppice.Gpu is off)";

    private const string Switch = "Coppice.Gpu";

    /// <summary>
    /// ILGPU reads and writes IL at run time, so native code has none of it; a program that is only trimmed leaves it out with the switch
    /// Coppice.Gpu.
    /// </summary>
    [FeatureGuard(typeof(RequiresDynamicCodeAttribute))]
#pragma warning disable IL4000      // true only with dynamic code; the analyzer follows neither && nor a return before it
    internal static bool IsIncluded => RuntimeFeature.IsDynamicCodeSupported && IsSwitchedOn;
#pragma warning restore IL4000

    [FeatureSwitchDefinition(Switch)]
    private static bool IsSwitchedOn => !AppContext.TryGetSwitch(Switch, out var isOn) || isOn;
}
