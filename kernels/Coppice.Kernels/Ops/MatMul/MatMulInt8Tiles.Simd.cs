using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

/// <summary>
/// The inner loops of integer products: exact 16-bit sums over a group, then one conversion and one or two fused multiply-adds in F32.
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
    private static TLanes AddNibbles(TLanes shorts, TLanes scale, TLanes minimum, float xScale, float xSum, TLanes c)
    {
        c = TLanes.FusedMultiplyAdd(TLanes.ToSingle(TLanes.SumPairs(shorts, 1)), TLanes.Multiply(scale, TLanes.Broadcast(xScale)), c);
        return TLanes.FusedMultiplyAdd(minimum, TLanes.Broadcast(xSum), c);
    }

    /// <summary>c + s_w s_x (16 Σ upper q_x + Σ lower q_x - 128 Σ q_x) of a group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes AddBytes(TLanes lower, TLanes upper, TLanes scale, float xScale, float xOffset, TLanes c)
    {
        var sum = TLanes.AddInts(TLanes.AddInts(TLanes.SumPairs(lower, 1), TLanes.SumPairs(upper, 16)),
            TLanes.BroadcastInt(BitConverter.SingleToInt32Bits(xOffset)));
        return TLanes.FusedMultiplyAdd(TLanes.ToSingle(sum), TLanes.Multiply(scale, TLanes.Broadcast(xScale)), c);
    }
}
