// Written by kernels/Coppice.Kernels.Tiles.
using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

/// <summary>One row by panels of 16 or 32 bits: each accumulator is one chain over k ascending.</summary>
internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>One row by 1 panel: y[16 · 1] for x [2 · pairs].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Row1x1<TFormat>(float* x, byte* w0, long panelBytes, int pairs, float* y) where TFormat : struct, IPanelFormat<TLanes>
    {
        TLanes c0 = TLanes.Zero;
        for (var pair = 0; pair < pairs; pair++)
        {
            TLanes x0 = TLanes.Broadcast(x[0]), x1 = TLanes.Broadcast(x[1]);
            c0 = TLanes.FusedMultiplyAdd(x1, TFormat.Odd(w0), TLanes.FusedMultiplyAdd(x0, TFormat.Even(w0), c0));
            w0 += TFormat.PairBytes;
            x += 2;
        }
        TLanes.Store(c0, y + 0);
    }

    /// <summary>One row by 2 panels: y[16 · 2] for x [2 · pairs].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Row1x2<TFormat>(float* x, byte* w0, long panelBytes, int pairs, float* y) where TFormat : struct, IPanelFormat<TLanes>
    {
        TLanes c0 = TLanes.Zero, c1 = TLanes.Zero;
        var w1 = w0 + panelBytes;
        for (var pair = 0; pair < pairs; pair++)
        {
            TLanes x0 = TLanes.Broadcast(x[0]), x1 = TLanes.Broadcast(x[1]);
            c0 = TLanes.FusedMultiplyAdd(x1, TFormat.Odd(w0), TLanes.FusedMultiplyAdd(x0, TFormat.Even(w0), c0));
            w0 += TFormat.PairBytes;
            c1 = TLanes.FusedMultiplyAdd(x1, TFormat.Odd(w1), TLanes.FusedMultiplyAdd(x0, TFormat.Even(w1), c1));
            w1 += TFormat.PairBytes;
            x += 2;
        }
        TLanes.Store(c0, y + 0);
        TLanes.Store(c1, y + 16);
    }

    /// <summary>One row by 4 panels: y[16 · 4] for x [2 · pairs]. Lines are asked for ahead: see <see cref="PrefetchBytes"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Row1x4<TFormat>(float* x, byte* w0, long panelBytes, int pairs, float* y) where TFormat : struct, IPanelFormat<TLanes>
    {
        TLanes c0 = TLanes.Zero, c1 = TLanes.Zero, c2 = TLanes.Zero, c3 = TLanes.Zero;
        var w1 = w0 + panelBytes;
        var w2 = w1 + panelBytes;
        var w3 = w2 + panelBytes;
        long ahead = PrefetchBytes;
        var end = Math.Max(0, pairs - (int)(ahead / TFormat.PairBytes));
        for (var pair = 0; pair < pairs; ahead += 3 * panelBytes, end = pairs)
            for (; pair < end; pair++)
            {
                TLanes x0 = TLanes.Broadcast(x[0]), x1 = TLanes.Broadcast(x[1]);
                PrefetchPair<TFormat>(w0 + ahead);
                c0 = TLanes.FusedMultiplyAdd(x1, TFormat.Odd(w0), TLanes.FusedMultiplyAdd(x0, TFormat.Even(w0), c0));
                w0 += TFormat.PairBytes;
                PrefetchPair<TFormat>(w1 + ahead);
                c1 = TLanes.FusedMultiplyAdd(x1, TFormat.Odd(w1), TLanes.FusedMultiplyAdd(x0, TFormat.Even(w1), c1));
                w1 += TFormat.PairBytes;
                PrefetchPair<TFormat>(w2 + ahead);
                c2 = TLanes.FusedMultiplyAdd(x1, TFormat.Odd(w2), TLanes.FusedMultiplyAdd(x0, TFormat.Even(w2), c2));
                w2 += TFormat.PairBytes;
                PrefetchPair<TFormat>(w3 + ahead);
                c3 = TLanes.FusedMultiplyAdd(x1, TFormat.Odd(w3), TLanes.FusedMultiplyAdd(x0, TFormat.Even(w3), c3));
                w3 += TFormat.PairBytes;
                x += 2;
            }
        TLanes.Store(c0, y + 0);
        TLanes.Store(c1, y + 16);
        TLanes.Store(c2, y + 32);
        TLanes.Store(c3, y + 48);
    }
}
