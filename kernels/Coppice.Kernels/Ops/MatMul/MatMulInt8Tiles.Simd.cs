using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

/// <summary>
/// The inner loops of integer products: exact sums over a group, of 16 bits by Q4 and of 32 by Q8, then one conversion and one or two fused
/// multiply-adds in F32.
/// </summary>
/// <remarks>
/// The tiles themselves are in the folder Tiles, written by eng/Coppice.Kernels.Tiles. All add Σ_g s_w s_x Σ_k q_w q_x, Q4 also
/// m_w s_x Σ_k q_x, groups ascending, to c [rows][panels · 16]. x is a tile of <see cref="RoundedRows"/>. The integer sums stay in
/// registers for a group; the F32 sums are in c, which is in L1, except for one row, where they stay in registers too. Lines of weights are
/// asked for ahead: see <see cref="PrefetchBytes"/>.
/// </remarks>
internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>c + s_w s_x Σ q_w q_x + m_w s_x Σ q_x of a group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes AddNibbles(TLanes shorts, TLanes scale, TLanes minimum, float* xScale, float* xSum, TLanes c)
    {
        var factor = TLanes.Multiply(scale, TLanes.Broadcast(*xScale));
        c = TLanes.FusedMultiplyAdd(TLanes.ToSingle(TLanes.SumPairs(shorts, 1)), factor, c);
        return TLanes.FusedMultiplyAdd(minimum, TLanes.Broadcast(*xSum), c);
    }

    /// <summary>The same where the sum is in memory, which is read when it is needed: registers of 256 bits are few.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddNibbles(TLanes shorts, TLanes scale, TLanes minimum, float* xScale, float* xSum, float* c)
    {
        var factor = TLanes.Multiply(scale, TLanes.Broadcast(*xScale));
        var sum = TLanes.FusedMultiplyAdd(TLanes.ToSingle(TLanes.SumPairs(shorts, 1)), factor, TLanes.Load(c));
        TLanes.Store(TLanes.FusedMultiplyAdd(minimum, TLanes.Broadcast(*xSum), sum), c);
    }

    /// <summary>c + s_w s_x (Σ (q_w + 128) q_x - 128 Σ q_x) of a group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes AddBytes(TLanes ints, TLanes scale, float* xScale, float* xOffset, TLanes c)
    {
        var factor = TLanes.Multiply(scale, TLanes.Broadcast(*xScale));
        return TLanes.FusedMultiplyAdd(TLanes.ToSingle(TLanes.AddInts(ints, TLanes.BroadcastInt(*(int*)xOffset))), factor, c);
    }

    /// <summary>The same where the sum is in memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddBytes(TLanes ints, TLanes scale, float* xScale, float* xOffset, float* c)
    {
        var factor = TLanes.Multiply(scale, TLanes.Broadcast(*xScale));
        var sum = TLanes.AddInts(ints, TLanes.BroadcastInt(*(int*)xOffset));
        TLanes.Store(TLanes.FusedMultiplyAdd(TLanes.ToSingle(sum), factor, TLanes.Load(c)), c);
    }
}
