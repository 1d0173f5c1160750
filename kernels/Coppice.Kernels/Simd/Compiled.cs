using System.Runtime.CompilerServices;

namespace Coppice.Kernels.Simd;

/// <summary>How methods are compiled that loop over lanes: <c>[MethodImpl(Compiled.Alone)]</c>.</summary>
internal static class Compiled
{
    /// <summary>
    /// Optimised from the first call on, and never part of a caller. Where the runtime knows from a profile that a call is hot, it puts the
    /// called method into the caller; a tile there uses up what may be inlined, and its own lanes become calls: products of 8-bit
    /// activations ran three times as long in every host that does not turn TieredPGO off.
    /// </summary>
    internal const MethodImplOptions Alone = MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining;
}
