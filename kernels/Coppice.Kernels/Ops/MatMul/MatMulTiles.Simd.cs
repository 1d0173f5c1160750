using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

/// <summary>The inner loops of matmul: register tiles over k ascending, each accumulator one chain of fused multiply-adds.</summary>
/// <remarks>
/// The tiles themselves are in the folder Tiles, written by eng/Coppice.Kernels.Tiles. Their <c>alias</c> is 0. It makes the second
/// load of a pair a load that the JIT does not merge with the first: merged, the raw words would stay in two more registers and an
/// accumulator would be spilled (6 x 1: 121 instead of 165 GFLOP/s).
/// </remarks>
internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>
    /// How far ahead of one of four streams of weights its lines are asked for; of two, twice as far, so that as many are on their way.
    /// </summary>
    /// <remarks>
    /// Each panel is a stream of its own, too short for the processor to learn: its lines are asked for ahead, and at the end of the panels
    /// those of the next ones. Without that a core waits for memory a tenth of the time (one row, SmolLM2 in BF16: 51 instead of
    /// 57 GB/s).
    /// </remarks>
    private const int PrefetchBytes = 2048;

    /// <summary>Prefetches a cache line; any address is safe.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(byte* line)
    {
        if (Sse.IsSupported) Sse.Prefetch0(line);
    }

    /// <summary>Asks for the lines of a pair of inputs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PrefetchPair<TFormat>(byte* pair) where TFormat : struct, IPanelFormat<TLanes>
    {
        Prefetch(pair);
        if (TFormat.PairBytes > 64) Prefetch(pair + 64);
    }

    /// <summary>A caller asked for a tile that nobody wrote: going on with another would leave rows out.</summary>
    [DoesNotReturn, StackTraceHidden]
    private static void ThrowNoTile(string dispatch, int rows) =>
        throw new InvalidOperationException(
            $"{dispatch}: there must be a tile of this height, got {rows} (add it to eng/Coppice.Kernels.Tiles).");
}
