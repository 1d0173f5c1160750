using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

/// <summary>The inner loops of matmul: register tiles over k ascending, each accumulator one chain of fused multiply-adds.</summary>
/// <remarks><c>alias</c> is 0. It makes the second load of a pair a load that the JIT does not merge with the first: merged, the raw words would stay in two more registers and an accumulator would be spilled (6 x 1: 121 instead of 165 GFLOP/s).</remarks>
internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>How far ahead of one of four streams of weights its lines are asked for; of two, twice as far, so that as many are on their way.</summary>
    private const int PrefetchBytes = 2048;

    /// <summary>Asks for a cache line; any address will do, also one that is nobody's.</summary>
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

    /// <summary>One row by 4 panels: y[16 · 4] for x [2 · pairs].</summary>
    /// <remarks>
    /// Each panel is a stream of its own, too short for the processor to learn: its lines are asked for ahead, and at the end of the panels those of
    /// the four behind them. Without that a core waits for memory a tenth of the time (SmolLM2 in BF16: 51 instead of 57 GB/s).
    /// </remarks>
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

    /// <summary>8 rows by 2 panels: 16 accumulators. x is packed [k][8]; they begin as c [8][32], or 0 where that is null, and go to y, whose rows are <paramref name="apart"/> floats apart. Lines of weights are asked for <paramref name=\"ahead\"/> bytes ahead, and <paramref name=\"jump\"/> further on where that is behind the panels' end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile8x2<TFormat>(float* x, byte* w0, byte* w1, int pairs, float* c, float* y, int apart, long ahead, long jump, nint alias) where TFormat : struct, IPanelFormat<TLanes>
    {
        TLanes c00 = TLanes.Zero, c01 = TLanes.Zero;
        TLanes c10 = TLanes.Zero, c11 = TLanes.Zero;
        TLanes c20 = TLanes.Zero, c21 = TLanes.Zero;
        TLanes c30 = TLanes.Zero, c31 = TLanes.Zero;
        TLanes c40 = TLanes.Zero, c41 = TLanes.Zero;
        TLanes c50 = TLanes.Zero, c51 = TLanes.Zero;
        TLanes c60 = TLanes.Zero, c61 = TLanes.Zero;
        TLanes c70 = TLanes.Zero, c71 = TLanes.Zero;
        if (c is not null)
        {
            c00 = TLanes.Load(c + 0); c01 = TLanes.Load(c + 16);
            c10 = TLanes.Load(c + 32); c11 = TLanes.Load(c + 48);
            c20 = TLanes.Load(c + 64); c21 = TLanes.Load(c + 80);
            c30 = TLanes.Load(c + 96); c31 = TLanes.Load(c + 112);
            c40 = TLanes.Load(c + 128); c41 = TLanes.Load(c + 144);
            c50 = TLanes.Load(c + 160); c51 = TLanes.Load(c + 176);
            c60 = TLanes.Load(c + 192); c61 = TLanes.Load(c + 208);
            c70 = TLanes.Load(c + 224); c71 = TLanes.Load(c + 240);
        }
        for (var (pair, end) = (0, Math.Max(0, pairs - (int)(ahead / TFormat.PairBytes))); pair < pairs; ahead += jump, end = pairs)
            for (; pair < end; pair++)
            {
                PrefetchPair<TFormat>(w0 + ahead);
                PrefetchPair<TFormat>(w1 + ahead);
                var even0 = TFormat.Even(w0);
                var even1 = TFormat.Even(w1);
                var e0 = TLanes.Broadcast(x[0]);
                c00 = TLanes.FusedMultiplyAdd(e0, even0, c00); c01 = TLanes.FusedMultiplyAdd(e0, even1, c01);
                var e1 = TLanes.Broadcast(x[1]);
                c10 = TLanes.FusedMultiplyAdd(e1, even0, c10); c11 = TLanes.FusedMultiplyAdd(e1, even1, c11);
                var e2 = TLanes.Broadcast(x[2]);
                c20 = TLanes.FusedMultiplyAdd(e2, even0, c20); c21 = TLanes.FusedMultiplyAdd(e2, even1, c21);
                var e3 = TLanes.Broadcast(x[3]);
                c30 = TLanes.FusedMultiplyAdd(e3, even0, c30); c31 = TLanes.FusedMultiplyAdd(e3, even1, c31);
                var e4 = TLanes.Broadcast(x[4]);
                c40 = TLanes.FusedMultiplyAdd(e4, even0, c40); c41 = TLanes.FusedMultiplyAdd(e4, even1, c41);
                var e5 = TLanes.Broadcast(x[5]);
                c50 = TLanes.FusedMultiplyAdd(e5, even0, c50); c51 = TLanes.FusedMultiplyAdd(e5, even1, c51);
                var e6 = TLanes.Broadcast(x[6]);
                c60 = TLanes.FusedMultiplyAdd(e6, even0, c60); c61 = TLanes.FusedMultiplyAdd(e6, even1, c61);
                var e7 = TLanes.Broadcast(x[7]);
                c70 = TLanes.FusedMultiplyAdd(e7, even0, c70); c71 = TLanes.FusedMultiplyAdd(e7, even1, c71);
                var odd0 = TFormat.Odd(w0 + alias);
                var odd1 = TFormat.Odd(w1 + alias);
                var o0 = TLanes.Broadcast(x[8]);
                c00 = TLanes.FusedMultiplyAdd(o0, odd0, c00); c01 = TLanes.FusedMultiplyAdd(o0, odd1, c01);
                var o1 = TLanes.Broadcast(x[9]);
                c10 = TLanes.FusedMultiplyAdd(o1, odd0, c10); c11 = TLanes.FusedMultiplyAdd(o1, odd1, c11);
                var o2 = TLanes.Broadcast(x[10]);
                c20 = TLanes.FusedMultiplyAdd(o2, odd0, c20); c21 = TLanes.FusedMultiplyAdd(o2, odd1, c21);
                var o3 = TLanes.Broadcast(x[11]);
                c30 = TLanes.FusedMultiplyAdd(o3, odd0, c30); c31 = TLanes.FusedMultiplyAdd(o3, odd1, c31);
                var o4 = TLanes.Broadcast(x[12]);
                c40 = TLanes.FusedMultiplyAdd(o4, odd0, c40); c41 = TLanes.FusedMultiplyAdd(o4, odd1, c41);
                var o5 = TLanes.Broadcast(x[13]);
                c50 = TLanes.FusedMultiplyAdd(o5, odd0, c50); c51 = TLanes.FusedMultiplyAdd(o5, odd1, c51);
                var o6 = TLanes.Broadcast(x[14]);
                c60 = TLanes.FusedMultiplyAdd(o6, odd0, c60); c61 = TLanes.FusedMultiplyAdd(o6, odd1, c61);
                var o7 = TLanes.Broadcast(x[15]);
                c70 = TLanes.FusedMultiplyAdd(o7, odd0, c70); c71 = TLanes.FusedMultiplyAdd(o7, odd1, c71);
                w0 += TFormat.PairBytes;
                w1 += TFormat.PairBytes;
                x += 16;
            }
        TLanes.Store(c00, y + 0); TLanes.Store(c01, y + 16); y += apart;
        TLanes.Store(c10, y + 0); TLanes.Store(c11, y + 16); y += apart;
        TLanes.Store(c20, y + 0); TLanes.Store(c21, y + 16); y += apart;
        TLanes.Store(c30, y + 0); TLanes.Store(c31, y + 16); y += apart;
        TLanes.Store(c40, y + 0); TLanes.Store(c41, y + 16); y += apart;
        TLanes.Store(c50, y + 0); TLanes.Store(c51, y + 16); y += apart;
        TLanes.Store(c60, y + 0); TLanes.Store(c61, y + 16); y += apart;
        TLanes.Store(c70, y + 0); TLanes.Store(c71, y + 16);
    }

    /// <summary>6 rows by 2 panels: 12 accumulators. Otherwise as <see cref="Tile8x2"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile6x2<TFormat>(float* x, byte* w0, byte* w1, int pairs, float* c, float* y, int apart, long ahead, long jump, nint alias) where TFormat : struct, IPanelFormat<TLanes>
    {
        TLanes c00 = TLanes.Zero, c01 = TLanes.Zero;
        TLanes c10 = TLanes.Zero, c11 = TLanes.Zero;
        TLanes c20 = TLanes.Zero, c21 = TLanes.Zero;
        TLanes c30 = TLanes.Zero, c31 = TLanes.Zero;
        TLanes c40 = TLanes.Zero, c41 = TLanes.Zero;
        TLanes c50 = TLanes.Zero, c51 = TLanes.Zero;
        if (c is not null)
        {
            c00 = TLanes.Load(c + 0); c01 = TLanes.Load(c + 16);
            c10 = TLanes.Load(c + 32); c11 = TLanes.Load(c + 48);
            c20 = TLanes.Load(c + 64); c21 = TLanes.Load(c + 80);
            c30 = TLanes.Load(c + 96); c31 = TLanes.Load(c + 112);
            c40 = TLanes.Load(c + 128); c41 = TLanes.Load(c + 144);
            c50 = TLanes.Load(c + 160); c51 = TLanes.Load(c + 176);
        }
        for (var (pair, end) = (0, Math.Max(0, pairs - (int)(ahead / TFormat.PairBytes))); pair < pairs; ahead += jump, end = pairs)
            for (; pair < end; pair++)
            {
                PrefetchPair<TFormat>(w0 + ahead);
                PrefetchPair<TFormat>(w1 + ahead);
                TLanes even0 = TFormat.Even(w0), even1 = TFormat.Even(w1);
                var e0 = TLanes.Broadcast(x[0]);
                c00 = TLanes.FusedMultiplyAdd(e0, even0, c00); c01 = TLanes.FusedMultiplyAdd(e0, even1, c01);
                var e1 = TLanes.Broadcast(x[1]);
                c10 = TLanes.FusedMultiplyAdd(e1, even0, c10); c11 = TLanes.FusedMultiplyAdd(e1, even1, c11);
                var e2 = TLanes.Broadcast(x[2]);
                c20 = TLanes.FusedMultiplyAdd(e2, even0, c20); c21 = TLanes.FusedMultiplyAdd(e2, even1, c21);
                var e3 = TLanes.Broadcast(x[3]);
                c30 = TLanes.FusedMultiplyAdd(e3, even0, c30); c31 = TLanes.FusedMultiplyAdd(e3, even1, c31);
                var e4 = TLanes.Broadcast(x[4]);
                c40 = TLanes.FusedMultiplyAdd(e4, even0, c40); c41 = TLanes.FusedMultiplyAdd(e4, even1, c41);
                var e5 = TLanes.Broadcast(x[5]);
                c50 = TLanes.FusedMultiplyAdd(e5, even0, c50); c51 = TLanes.FusedMultiplyAdd(e5, even1, c51);
                TLanes odd0 = TFormat.Odd(w0 + alias), odd1 = TFormat.Odd(w1 + alias);
                var o0 = TLanes.Broadcast(x[6]);
                c00 = TLanes.FusedMultiplyAdd(o0, odd0, c00); c01 = TLanes.FusedMultiplyAdd(o0, odd1, c01);
                var o1 = TLanes.Broadcast(x[7]);
                c10 = TLanes.FusedMultiplyAdd(o1, odd0, c10); c11 = TLanes.FusedMultiplyAdd(o1, odd1, c11);
                var o2 = TLanes.Broadcast(x[8]);
                c20 = TLanes.FusedMultiplyAdd(o2, odd0, c20); c21 = TLanes.FusedMultiplyAdd(o2, odd1, c21);
                var o3 = TLanes.Broadcast(x[9]);
                c30 = TLanes.FusedMultiplyAdd(o3, odd0, c30); c31 = TLanes.FusedMultiplyAdd(o3, odd1, c31);
                var o4 = TLanes.Broadcast(x[10]);
                c40 = TLanes.FusedMultiplyAdd(o4, odd0, c40); c41 = TLanes.FusedMultiplyAdd(o4, odd1, c41);
                var o5 = TLanes.Broadcast(x[11]);
                c50 = TLanes.FusedMultiplyAdd(o5, odd0, c50); c51 = TLanes.FusedMultiplyAdd(o5, odd1, c51);
                w0 += TFormat.PairBytes;
                w1 += TFormat.PairBytes;
                x += 12;
            }
        TLanes.Store(c00, y + 0); TLanes.Store(c01, y + 16); y += apart;
        TLanes.Store(c10, y + 0); TLanes.Store(c11, y + 16); y += apart;
        TLanes.Store(c20, y + 0); TLanes.Store(c21, y + 16); y += apart;
        TLanes.Store(c30, y + 0); TLanes.Store(c31, y + 16); y += apart;
        TLanes.Store(c40, y + 0); TLanes.Store(c41, y + 16); y += apart;
        TLanes.Store(c50, y + 0); TLanes.Store(c51, y + 16);
    }

    /// <summary>4 rows by 2 panels: 8 accumulators. x is packed [k][4]; they begin as c [4][32], or 0 where that is null, and go to y, whose rows are <paramref name="apart"/> floats apart. Lines of weights are asked for <paramref name=\"ahead\"/> bytes ahead, and <paramref name=\"jump\"/> further on where that is behind the panels' end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4x2<TFormat>(float* x, byte* w0, byte* w1, int pairs, float* c, float* y, int apart, long ahead, long jump, nint alias) where TFormat : struct, IPanelFormat<TLanes>
    {
        TLanes c00 = TLanes.Zero, c01 = TLanes.Zero;
        TLanes c10 = TLanes.Zero, c11 = TLanes.Zero;
        TLanes c20 = TLanes.Zero, c21 = TLanes.Zero;
        TLanes c30 = TLanes.Zero, c31 = TLanes.Zero;
        if (c is not null)
        {
            c00 = TLanes.Load(c + 0); c01 = TLanes.Load(c + 16);
            c10 = TLanes.Load(c + 32); c11 = TLanes.Load(c + 48);
            c20 = TLanes.Load(c + 64); c21 = TLanes.Load(c + 80);
            c30 = TLanes.Load(c + 96); c31 = TLanes.Load(c + 112);
        }
        for (var (pair, end) = (0, Math.Max(0, pairs - (int)(ahead / TFormat.PairBytes))); pair < pairs; ahead += jump, end = pairs)
            for (; pair < end; pair++)
            {
                PrefetchPair<TFormat>(w0 + ahead);
                PrefetchPair<TFormat>(w1 + ahead);
                var even0 = TFormat.Even(w0);
                var even1 = TFormat.Even(w1);
                var e0 = TLanes.Broadcast(x[0]);
                c00 = TLanes.FusedMultiplyAdd(e0, even0, c00); c01 = TLanes.FusedMultiplyAdd(e0, even1, c01);
                var e1 = TLanes.Broadcast(x[1]);
                c10 = TLanes.FusedMultiplyAdd(e1, even0, c10); c11 = TLanes.FusedMultiplyAdd(e1, even1, c11);
                var e2 = TLanes.Broadcast(x[2]);
                c20 = TLanes.FusedMultiplyAdd(e2, even0, c20); c21 = TLanes.FusedMultiplyAdd(e2, even1, c21);
                var e3 = TLanes.Broadcast(x[3]);
                c30 = TLanes.FusedMultiplyAdd(e3, even0, c30); c31 = TLanes.FusedMultiplyAdd(e3, even1, c31);
                var odd0 = TFormat.Odd(w0 + alias);
                var odd1 = TFormat.Odd(w1 + alias);
                var o0 = TLanes.Broadcast(x[4]);
                c00 = TLanes.FusedMultiplyAdd(o0, odd0, c00); c01 = TLanes.FusedMultiplyAdd(o0, odd1, c01);
                var o1 = TLanes.Broadcast(x[5]);
                c10 = TLanes.FusedMultiplyAdd(o1, odd0, c10); c11 = TLanes.FusedMultiplyAdd(o1, odd1, c11);
                var o2 = TLanes.Broadcast(x[6]);
                c20 = TLanes.FusedMultiplyAdd(o2, odd0, c20); c21 = TLanes.FusedMultiplyAdd(o2, odd1, c21);
                var o3 = TLanes.Broadcast(x[7]);
                c30 = TLanes.FusedMultiplyAdd(o3, odd0, c30); c31 = TLanes.FusedMultiplyAdd(o3, odd1, c31);
                w0 += TFormat.PairBytes;
                w1 += TFormat.PairBytes;
                x += 8;
            }
        TLanes.Store(c00, y + 0); TLanes.Store(c01, y + 16); y += apart;
        TLanes.Store(c10, y + 0); TLanes.Store(c11, y + 16); y += apart;
        TLanes.Store(c20, y + 0); TLanes.Store(c21, y + 16); y += apart;
        TLanes.Store(c30, y + 0); TLanes.Store(c31, y + 16);
    }

    /// <summary>3 rows by 2 panels: 6 accumulators. Otherwise as <see cref="Tile8x2"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile3x2<TFormat>(float* x, byte* w0, byte* w1, int pairs, float* c, float* y, int apart, long ahead, long jump, nint alias) where TFormat : struct, IPanelFormat<TLanes>
    {
        TLanes c00 = TLanes.Zero, c01 = TLanes.Zero;
        TLanes c10 = TLanes.Zero, c11 = TLanes.Zero;
        TLanes c20 = TLanes.Zero, c21 = TLanes.Zero;
        if (c is not null)
        {
            c00 = TLanes.Load(c + 0); c01 = TLanes.Load(c + 16);
            c10 = TLanes.Load(c + 32); c11 = TLanes.Load(c + 48);
            c20 = TLanes.Load(c + 64); c21 = TLanes.Load(c + 80);
        }
        for (var (pair, end) = (0, Math.Max(0, pairs - (int)(ahead / TFormat.PairBytes))); pair < pairs; ahead += jump, end = pairs)
            for (; pair < end; pair++)
            {
                PrefetchPair<TFormat>(w0 + ahead);
                PrefetchPair<TFormat>(w1 + ahead);
                var even0 = TFormat.Even(w0);
                var even1 = TFormat.Even(w1);
                var e0 = TLanes.Broadcast(x[0]);
                c00 = TLanes.FusedMultiplyAdd(e0, even0, c00); c01 = TLanes.FusedMultiplyAdd(e0, even1, c01);
                var e1 = TLanes.Broadcast(x[1]);
                c10 = TLanes.FusedMultiplyAdd(e1, even0, c10); c11 = TLanes.FusedMultiplyAdd(e1, even1, c11);
                var e2 = TLanes.Broadcast(x[2]);
                c20 = TLanes.FusedMultiplyAdd(e2, even0, c20); c21 = TLanes.FusedMultiplyAdd(e2, even1, c21);
                var odd0 = TFormat.Odd(w0 + alias);
                var odd1 = TFormat.Odd(w1 + alias);
                var o0 = TLanes.Broadcast(x[3]);
                c00 = TLanes.FusedMultiplyAdd(o0, odd0, c00); c01 = TLanes.FusedMultiplyAdd(o0, odd1, c01);
                var o1 = TLanes.Broadcast(x[4]);
                c10 = TLanes.FusedMultiplyAdd(o1, odd0, c10); c11 = TLanes.FusedMultiplyAdd(o1, odd1, c11);
                var o2 = TLanes.Broadcast(x[5]);
                c20 = TLanes.FusedMultiplyAdd(o2, odd0, c20); c21 = TLanes.FusedMultiplyAdd(o2, odd1, c21);
                w0 += TFormat.PairBytes;
                w1 += TFormat.PairBytes;
                x += 6;
            }
        TLanes.Store(c00, y + 0); TLanes.Store(c01, y + 16); y += apart;
        TLanes.Store(c10, y + 0); TLanes.Store(c11, y + 16); y += apart;
        TLanes.Store(c20, y + 0); TLanes.Store(c21, y + 16);
    }

    /// <summary>2 rows by 2 panels: 4 accumulators. x is packed [k][2]; they begin as c [2][32], or 0 where that is null, and go to y, whose rows are <paramref name="apart"/> floats apart. Lines of weights are asked for <paramref name=\"ahead\"/> bytes ahead, and <paramref name=\"jump\"/> further on where that is behind the panels' end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile2x2<TFormat>(float* x, byte* w0, byte* w1, int pairs, float* c, float* y, int apart, long ahead, long jump, nint alias) where TFormat : struct, IPanelFormat<TLanes>
    {
        TLanes c00 = TLanes.Zero, c01 = TLanes.Zero;
        TLanes c10 = TLanes.Zero, c11 = TLanes.Zero;
        if (c is not null)
        {
            c00 = TLanes.Load(c + 0); c01 = TLanes.Load(c + 16);
            c10 = TLanes.Load(c + 32); c11 = TLanes.Load(c + 48);
        }
        for (var (pair, end) = (0, Math.Max(0, pairs - (int)(ahead / TFormat.PairBytes))); pair < pairs; ahead += jump, end = pairs)
            for (; pair < end; pair++)
            {
                PrefetchPair<TFormat>(w0 + ahead);
                PrefetchPair<TFormat>(w1 + ahead);
                var even0 = TFormat.Even(w0);
                var even1 = TFormat.Even(w1);
                var e0 = TLanes.Broadcast(x[0]);
                c00 = TLanes.FusedMultiplyAdd(e0, even0, c00); c01 = TLanes.FusedMultiplyAdd(e0, even1, c01);
                var e1 = TLanes.Broadcast(x[1]);
                c10 = TLanes.FusedMultiplyAdd(e1, even0, c10); c11 = TLanes.FusedMultiplyAdd(e1, even1, c11);
                var odd0 = TFormat.Odd(w0 + alias);
                var odd1 = TFormat.Odd(w1 + alias);
                var o0 = TLanes.Broadcast(x[2]);
                c00 = TLanes.FusedMultiplyAdd(o0, odd0, c00); c01 = TLanes.FusedMultiplyAdd(o0, odd1, c01);
                var o1 = TLanes.Broadcast(x[3]);
                c10 = TLanes.FusedMultiplyAdd(o1, odd0, c10); c11 = TLanes.FusedMultiplyAdd(o1, odd1, c11);
                w0 += TFormat.PairBytes;
                w1 += TFormat.PairBytes;
                x += 4;
            }
        TLanes.Store(c00, y + 0); TLanes.Store(c01, y + 16); y += apart;
        TLanes.Store(c10, y + 0); TLanes.Store(c11, y + 16);
    }

    /// <summary>6 rows by 4 panels, for few rows, where as many streams of weights as for one row keep memory busy: 24 accumulators. Otherwise as <see cref="Tile8x2"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile6x4<TFormat>(float* x, byte* w0, long panelBytes, int pairs, float* c, float* y, int apart, long ahead, long jump, nint alias) where TFormat : struct, IPanelFormat<TLanes>
    {
        byte* w1 = w0 + panelBytes, w2 = w1 + panelBytes, w3 = w2 + panelBytes;
        TLanes c00 = TLanes.Zero, c01 = TLanes.Zero, c02 = TLanes.Zero, c03 = TLanes.Zero;
        TLanes c10 = TLanes.Zero, c11 = TLanes.Zero, c12 = TLanes.Zero, c13 = TLanes.Zero;
        TLanes c20 = TLanes.Zero, c21 = TLanes.Zero, c22 = TLanes.Zero, c23 = TLanes.Zero;
        TLanes c30 = TLanes.Zero, c31 = TLanes.Zero, c32 = TLanes.Zero, c33 = TLanes.Zero;
        TLanes c40 = TLanes.Zero, c41 = TLanes.Zero, c42 = TLanes.Zero, c43 = TLanes.Zero;
        TLanes c50 = TLanes.Zero, c51 = TLanes.Zero, c52 = TLanes.Zero, c53 = TLanes.Zero;
        if (c is not null)
        {
            c00 = TLanes.Load(c + 0); c01 = TLanes.Load(c + 16); c02 = TLanes.Load(c + 32); c03 = TLanes.Load(c + 48);
            c10 = TLanes.Load(c + 64); c11 = TLanes.Load(c + 80); c12 = TLanes.Load(c + 96); c13 = TLanes.Load(c + 112);
            c20 = TLanes.Load(c + 128); c21 = TLanes.Load(c + 144); c22 = TLanes.Load(c + 160); c23 = TLanes.Load(c + 176);
            c30 = TLanes.Load(c + 192); c31 = TLanes.Load(c + 208); c32 = TLanes.Load(c + 224); c33 = TLanes.Load(c + 240);
            c40 = TLanes.Load(c + 256); c41 = TLanes.Load(c + 272); c42 = TLanes.Load(c + 288); c43 = TLanes.Load(c + 304);
            c50 = TLanes.Load(c + 320); c51 = TLanes.Load(c + 336); c52 = TLanes.Load(c + 352); c53 = TLanes.Load(c + 368);
        }
        for (var (pair, end) = (0, Math.Max(0, pairs - (int)(ahead / TFormat.PairBytes))); pair < pairs; ahead += jump, end = pairs)
            for (; pair < end; pair++)
            {
                PrefetchPair<TFormat>(w0 + ahead);
                PrefetchPair<TFormat>(w1 + ahead);
                PrefetchPair<TFormat>(w2 + ahead);
                PrefetchPair<TFormat>(w3 + ahead);
                TLanes even0 = TFormat.Even(w0), even1 = TFormat.Even(w1), even2 = TFormat.Even(w2), even3 = TFormat.Even(w3);
                var e0 = TLanes.Broadcast(x[0]);
                c00 = TLanes.FusedMultiplyAdd(e0, even0, c00); c01 = TLanes.FusedMultiplyAdd(e0, even1, c01); c02 = TLanes.FusedMultiplyAdd(e0, even2, c02); c03 = TLanes.FusedMultiplyAdd(e0, even3, c03);
                var e1 = TLanes.Broadcast(x[1]);
                c10 = TLanes.FusedMultiplyAdd(e1, even0, c10); c11 = TLanes.FusedMultiplyAdd(e1, even1, c11); c12 = TLanes.FusedMultiplyAdd(e1, even2, c12); c13 = TLanes.FusedMultiplyAdd(e1, even3, c13);
                var e2 = TLanes.Broadcast(x[2]);
                c20 = TLanes.FusedMultiplyAdd(e2, even0, c20); c21 = TLanes.FusedMultiplyAdd(e2, even1, c21); c22 = TLanes.FusedMultiplyAdd(e2, even2, c22); c23 = TLanes.FusedMultiplyAdd(e2, even3, c23);
                var e3 = TLanes.Broadcast(x[3]);
                c30 = TLanes.FusedMultiplyAdd(e3, even0, c30); c31 = TLanes.FusedMultiplyAdd(e3, even1, c31); c32 = TLanes.FusedMultiplyAdd(e3, even2, c32); c33 = TLanes.FusedMultiplyAdd(e3, even3, c33);
                var e4 = TLanes.Broadcast(x[4]);
                c40 = TLanes.FusedMultiplyAdd(e4, even0, c40); c41 = TLanes.FusedMultiplyAdd(e4, even1, c41); c42 = TLanes.FusedMultiplyAdd(e4, even2, c42); c43 = TLanes.FusedMultiplyAdd(e4, even3, c43);
                var e5 = TLanes.Broadcast(x[5]);
                c50 = TLanes.FusedMultiplyAdd(e5, even0, c50); c51 = TLanes.FusedMultiplyAdd(e5, even1, c51); c52 = TLanes.FusedMultiplyAdd(e5, even2, c52); c53 = TLanes.FusedMultiplyAdd(e5, even3, c53);
                TLanes odd0 = TFormat.Odd(w0 + alias), odd1 = TFormat.Odd(w1 + alias), odd2 = TFormat.Odd(w2 + alias), odd3 = TFormat.Odd(w3 + alias);
                var o0 = TLanes.Broadcast(x[6]);
                c00 = TLanes.FusedMultiplyAdd(o0, odd0, c00); c01 = TLanes.FusedMultiplyAdd(o0, odd1, c01); c02 = TLanes.FusedMultiplyAdd(o0, odd2, c02); c03 = TLanes.FusedMultiplyAdd(o0, odd3, c03);
                var o1 = TLanes.Broadcast(x[7]);
                c10 = TLanes.FusedMultiplyAdd(o1, odd0, c10); c11 = TLanes.FusedMultiplyAdd(o1, odd1, c11); c12 = TLanes.FusedMultiplyAdd(o1, odd2, c12); c13 = TLanes.FusedMultiplyAdd(o1, odd3, c13);
                var o2 = TLanes.Broadcast(x[8]);
                c20 = TLanes.FusedMultiplyAdd(o2, odd0, c20); c21 = TLanes.FusedMultiplyAdd(o2, odd1, c21); c22 = TLanes.FusedMultiplyAdd(o2, odd2, c22); c23 = TLanes.FusedMultiplyAdd(o2, odd3, c23);
                var o3 = TLanes.Broadcast(x[9]);
                c30 = TLanes.FusedMultiplyAdd(o3, odd0, c30); c31 = TLanes.FusedMultiplyAdd(o3, odd1, c31); c32 = TLanes.FusedMultiplyAdd(o3, odd2, c32); c33 = TLanes.FusedMultiplyAdd(o3, odd3, c33);
                var o4 = TLanes.Broadcast(x[10]);
                c40 = TLanes.FusedMultiplyAdd(o4, odd0, c40); c41 = TLanes.FusedMultiplyAdd(o4, odd1, c41); c42 = TLanes.FusedMultiplyAdd(o4, odd2, c42); c43 = TLanes.FusedMultiplyAdd(o4, odd3, c43);
                var o5 = TLanes.Broadcast(x[11]);
                c50 = TLanes.FusedMultiplyAdd(o5, odd0, c50); c51 = TLanes.FusedMultiplyAdd(o5, odd1, c51); c52 = TLanes.FusedMultiplyAdd(o5, odd2, c52); c53 = TLanes.FusedMultiplyAdd(o5, odd3, c53);
                w0 += TFormat.PairBytes;
                w1 += TFormat.PairBytes;
                w2 += TFormat.PairBytes;
                w3 += TFormat.PairBytes;
                x += 12;
            }
        TLanes.Store(c00, y + 0); TLanes.Store(c01, y + 16); TLanes.Store(c02, y + 32); TLanes.Store(c03, y + 48); y += apart;
        TLanes.Store(c10, y + 0); TLanes.Store(c11, y + 16); TLanes.Store(c12, y + 32); TLanes.Store(c13, y + 48); y += apart;
        TLanes.Store(c20, y + 0); TLanes.Store(c21, y + 16); TLanes.Store(c22, y + 32); TLanes.Store(c23, y + 48); y += apart;
        TLanes.Store(c30, y + 0); TLanes.Store(c31, y + 16); TLanes.Store(c32, y + 32); TLanes.Store(c33, y + 48); y += apart;
        TLanes.Store(c40, y + 0); TLanes.Store(c41, y + 16); TLanes.Store(c42, y + 32); TLanes.Store(c43, y + 48); y += apart;
        TLanes.Store(c50, y + 0); TLanes.Store(c51, y + 16); TLanes.Store(c52, y + 32); TLanes.Store(c53, y + 48);
    }

    /// <summary>4 rows by 4 panels, for few rows, where as many streams of weights as for one row keep memory busy: 16 accumulators. Otherwise as <see cref="Tile8x2"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4x4<TFormat>(float* x, byte* w0, long panelBytes, int pairs, float* c, float* y, int apart, long ahead, long jump, nint alias) where TFormat : struct, IPanelFormat<TLanes>
    {
        byte* w1 = w0 + panelBytes, w2 = w1 + panelBytes, w3 = w2 + panelBytes;
        TLanes c00 = TLanes.Zero, c01 = TLanes.Zero, c02 = TLanes.Zero, c03 = TLanes.Zero;
        TLanes c10 = TLanes.Zero, c11 = TLanes.Zero, c12 = TLanes.Zero, c13 = TLanes.Zero;
        TLanes c20 = TLanes.Zero, c21 = TLanes.Zero, c22 = TLanes.Zero, c23 = TLanes.Zero;
        TLanes c30 = TLanes.Zero, c31 = TLanes.Zero, c32 = TLanes.Zero, c33 = TLanes.Zero;
        if (c is not null)
        {
            c00 = TLanes.Load(c + 0); c01 = TLanes.Load(c + 16); c02 = TLanes.Load(c + 32); c03 = TLanes.Load(c + 48);
            c10 = TLanes.Load(c + 64); c11 = TLanes.Load(c + 80); c12 = TLanes.Load(c + 96); c13 = TLanes.Load(c + 112);
            c20 = TLanes.Load(c + 128); c21 = TLanes.Load(c + 144); c22 = TLanes.Load(c + 160); c23 = TLanes.Load(c + 176);
            c30 = TLanes.Load(c + 192); c31 = TLanes.Load(c + 208); c32 = TLanes.Load(c + 224); c33 = TLanes.Load(c + 240);
        }
        for (var (pair, end) = (0, Math.Max(0, pairs - (int)(ahead / TFormat.PairBytes))); pair < pairs; ahead += jump, end = pairs)
            for (; pair < end; pair++)
            {
                PrefetchPair<TFormat>(w0 + ahead);
                PrefetchPair<TFormat>(w1 + ahead);
                PrefetchPair<TFormat>(w2 + ahead);
                PrefetchPair<TFormat>(w3 + ahead);
                TLanes even0 = TFormat.Even(w0), even1 = TFormat.Even(w1), even2 = TFormat.Even(w2), even3 = TFormat.Even(w3);
                var e0 = TLanes.Broadcast(x[0]);
                c00 = TLanes.FusedMultiplyAdd(e0, even0, c00); c01 = TLanes.FusedMultiplyAdd(e0, even1, c01); c02 = TLanes.FusedMultiplyAdd(e0, even2, c02); c03 = TLanes.FusedMultiplyAdd(e0, even3, c03);
                var e1 = TLanes.Broadcast(x[1]);
                c10 = TLanes.FusedMultiplyAdd(e1, even0, c10); c11 = TLanes.FusedMultiplyAdd(e1, even1, c11); c12 = TLanes.FusedMultiplyAdd(e1, even2, c12); c13 = TLanes.FusedMultiplyAdd(e1, even3, c13);
                var e2 = TLanes.Broadcast(x[2]);
                c20 = TLanes.FusedMultiplyAdd(e2, even0, c20); c21 = TLanes.FusedMultiplyAdd(e2, even1, c21); c22 = TLanes.FusedMultiplyAdd(e2, even2, c22); c23 = TLanes.FusedMultiplyAdd(e2, even3, c23);
                var e3 = TLanes.Broadcast(x[3]);
                c30 = TLanes.FusedMultiplyAdd(e3, even0, c30); c31 = TLanes.FusedMultiplyAdd(e3, even1, c31); c32 = TLanes.FusedMultiplyAdd(e3, even2, c32); c33 = TLanes.FusedMultiplyAdd(e3, even3, c33);
                TLanes odd0 = TFormat.Odd(w0 + alias), odd1 = TFormat.Odd(w1 + alias), odd2 = TFormat.Odd(w2 + alias), odd3 = TFormat.Odd(w3 + alias);
                var o0 = TLanes.Broadcast(x[4]);
                c00 = TLanes.FusedMultiplyAdd(o0, odd0, c00); c01 = TLanes.FusedMultiplyAdd(o0, odd1, c01); c02 = TLanes.FusedMultiplyAdd(o0, odd2, c02); c03 = TLanes.FusedMultiplyAdd(o0, odd3, c03);
                var o1 = TLanes.Broadcast(x[5]);
                c10 = TLanes.FusedMultiplyAdd(o1, odd0, c10); c11 = TLanes.FusedMultiplyAdd(o1, odd1, c11); c12 = TLanes.FusedMultiplyAdd(o1, odd2, c12); c13 = TLanes.FusedMultiplyAdd(o1, odd3, c13);
                var o2 = TLanes.Broadcast(x[6]);
                c20 = TLanes.FusedMultiplyAdd(o2, odd0, c20); c21 = TLanes.FusedMultiplyAdd(o2, odd1, c21); c22 = TLanes.FusedMultiplyAdd(o2, odd2, c22); c23 = TLanes.FusedMultiplyAdd(o2, odd3, c23);
                var o3 = TLanes.Broadcast(x[7]);
                c30 = TLanes.FusedMultiplyAdd(o3, odd0, c30); c31 = TLanes.FusedMultiplyAdd(o3, odd1, c31); c32 = TLanes.FusedMultiplyAdd(o3, odd2, c32); c33 = TLanes.FusedMultiplyAdd(o3, odd3, c33);
                w0 += TFormat.PairBytes;
                w1 += TFormat.PairBytes;
                w2 += TFormat.PairBytes;
                w3 += TFormat.PairBytes;
                x += 8;
            }
        TLanes.Store(c00, y + 0); TLanes.Store(c01, y + 16); TLanes.Store(c02, y + 32); TLanes.Store(c03, y + 48); y += apart;
        TLanes.Store(c10, y + 0); TLanes.Store(c11, y + 16); TLanes.Store(c12, y + 32); TLanes.Store(c13, y + 48); y += apart;
        TLanes.Store(c20, y + 0); TLanes.Store(c21, y + 16); TLanes.Store(c22, y + 32); TLanes.Store(c23, y + 48); y += apart;
        TLanes.Store(c30, y + 0); TLanes.Store(c31, y + 16); TLanes.Store(c32, y + 32); TLanes.Store(c33, y + 48);
    }

    /// <summary>3 rows by 4 panels: 12 accumulators. Otherwise as <see cref="Tile8x2"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile3x4<TFormat>(float* x, byte* w0, long panelBytes, int pairs, float* c, float* y, int apart, long ahead, long jump, nint alias) where TFormat : struct, IPanelFormat<TLanes>
    {
        byte* w1 = w0 + panelBytes, w2 = w1 + panelBytes, w3 = w2 + panelBytes;
        TLanes c00 = TLanes.Zero, c01 = TLanes.Zero, c02 = TLanes.Zero, c03 = TLanes.Zero;
        TLanes c10 = TLanes.Zero, c11 = TLanes.Zero, c12 = TLanes.Zero, c13 = TLanes.Zero;
        TLanes c20 = TLanes.Zero, c21 = TLanes.Zero, c22 = TLanes.Zero, c23 = TLanes.Zero;
        if (c is not null)
        {
            c00 = TLanes.Load(c + 0); c01 = TLanes.Load(c + 16); c02 = TLanes.Load(c + 32); c03 = TLanes.Load(c + 48);
            c10 = TLanes.Load(c + 64); c11 = TLanes.Load(c + 80); c12 = TLanes.Load(c + 96); c13 = TLanes.Load(c + 112);
            c20 = TLanes.Load(c + 128); c21 = TLanes.Load(c + 144); c22 = TLanes.Load(c + 160); c23 = TLanes.Load(c + 176);
        }
        for (var (pair, end) = (0, Math.Max(0, pairs - (int)(ahead / TFormat.PairBytes))); pair < pairs; ahead += jump, end = pairs)
            for (; pair < end; pair++)
            {
                PrefetchPair<TFormat>(w0 + ahead);
                PrefetchPair<TFormat>(w1 + ahead);
                PrefetchPair<TFormat>(w2 + ahead);
                PrefetchPair<TFormat>(w3 + ahead);
                TLanes even0 = TFormat.Even(w0), even1 = TFormat.Even(w1), even2 = TFormat.Even(w2), even3 = TFormat.Even(w3);
                var e0 = TLanes.Broadcast(x[0]);
                c00 = TLanes.FusedMultiplyAdd(e0, even0, c00); c01 = TLanes.FusedMultiplyAdd(e0, even1, c01); c02 = TLanes.FusedMultiplyAdd(e0, even2, c02); c03 = TLanes.FusedMultiplyAdd(e0, even3, c03);
                var e1 = TLanes.Broadcast(x[1]);
                c10 = TLanes.FusedMultiplyAdd(e1, even0, c10); c11 = TLanes.FusedMultiplyAdd(e1, even1, c11); c12 = TLanes.FusedMultiplyAdd(e1, even2, c12); c13 = TLanes.FusedMultiplyAdd(e1, even3, c13);
                var e2 = TLanes.Broadcast(x[2]);
                c20 = TLanes.FusedMultiplyAdd(e2, even0, c20); c21 = TLanes.FusedMultiplyAdd(e2, even1, c21); c22 = TLanes.FusedMultiplyAdd(e2, even2, c22); c23 = TLanes.FusedMultiplyAdd(e2, even3, c23);
                TLanes odd0 = TFormat.Odd(w0 + alias), odd1 = TFormat.Odd(w1 + alias), odd2 = TFormat.Odd(w2 + alias), odd3 = TFormat.Odd(w3 + alias);
                var o0 = TLanes.Broadcast(x[3]);
                c00 = TLanes.FusedMultiplyAdd(o0, odd0, c00); c01 = TLanes.FusedMultiplyAdd(o0, odd1, c01); c02 = TLanes.FusedMultiplyAdd(o0, odd2, c02); c03 = TLanes.FusedMultiplyAdd(o0, odd3, c03);
                var o1 = TLanes.Broadcast(x[4]);
                c10 = TLanes.FusedMultiplyAdd(o1, odd0, c10); c11 = TLanes.FusedMultiplyAdd(o1, odd1, c11); c12 = TLanes.FusedMultiplyAdd(o1, odd2, c12); c13 = TLanes.FusedMultiplyAdd(o1, odd3, c13);
                var o2 = TLanes.Broadcast(x[5]);
                c20 = TLanes.FusedMultiplyAdd(o2, odd0, c20); c21 = TLanes.FusedMultiplyAdd(o2, odd1, c21); c22 = TLanes.FusedMultiplyAdd(o2, odd2, c22); c23 = TLanes.FusedMultiplyAdd(o2, odd3, c23);
                w0 += TFormat.PairBytes;
                w1 += TFormat.PairBytes;
                w2 += TFormat.PairBytes;
                w3 += TFormat.PairBytes;
                x += 6;
            }
        TLanes.Store(c00, y + 0); TLanes.Store(c01, y + 16); TLanes.Store(c02, y + 32); TLanes.Store(c03, y + 48); y += apart;
        TLanes.Store(c10, y + 0); TLanes.Store(c11, y + 16); TLanes.Store(c12, y + 32); TLanes.Store(c13, y + 48); y += apart;
        TLanes.Store(c20, y + 0); TLanes.Store(c21, y + 16); TLanes.Store(c22, y + 32); TLanes.Store(c23, y + 48);
    }

    /// <summary>2 rows by 4 panels, for few rows, where as many streams of weights as for one row keep memory busy: 8 accumulators. Otherwise as <see cref="Tile8x2"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile2x4<TFormat>(float* x, byte* w0, long panelBytes, int pairs, float* c, float* y, int apart, long ahead, long jump, nint alias) where TFormat : struct, IPanelFormat<TLanes>
    {
        byte* w1 = w0 + panelBytes, w2 = w1 + panelBytes, w3 = w2 + panelBytes;
        TLanes c00 = TLanes.Zero, c01 = TLanes.Zero, c02 = TLanes.Zero, c03 = TLanes.Zero;
        TLanes c10 = TLanes.Zero, c11 = TLanes.Zero, c12 = TLanes.Zero, c13 = TLanes.Zero;
        if (c is not null)
        {
            c00 = TLanes.Load(c + 0); c01 = TLanes.Load(c + 16); c02 = TLanes.Load(c + 32); c03 = TLanes.Load(c + 48);
            c10 = TLanes.Load(c + 64); c11 = TLanes.Load(c + 80); c12 = TLanes.Load(c + 96); c13 = TLanes.Load(c + 112);
        }
        for (var (pair, end) = (0, Math.Max(0, pairs - (int)(ahead / TFormat.PairBytes))); pair < pairs; ahead += jump, end = pairs)
            for (; pair < end; pair++)
            {
                PrefetchPair<TFormat>(w0 + ahead);
                PrefetchPair<TFormat>(w1 + ahead);
                PrefetchPair<TFormat>(w2 + ahead);
                PrefetchPair<TFormat>(w3 + ahead);
                TLanes even0 = TFormat.Even(w0), even1 = TFormat.Even(w1), even2 = TFormat.Even(w2), even3 = TFormat.Even(w3);
                var e0 = TLanes.Broadcast(x[0]);
                c00 = TLanes.FusedMultiplyAdd(e0, even0, c00); c01 = TLanes.FusedMultiplyAdd(e0, even1, c01); c02 = TLanes.FusedMultiplyAdd(e0, even2, c02); c03 = TLanes.FusedMultiplyAdd(e0, even3, c03);
                var e1 = TLanes.Broadcast(x[1]);
                c10 = TLanes.FusedMultiplyAdd(e1, even0, c10); c11 = TLanes.FusedMultiplyAdd(e1, even1, c11); c12 = TLanes.FusedMultiplyAdd(e1, even2, c12); c13 = TLanes.FusedMultiplyAdd(e1, even3, c13);
                TLanes odd0 = TFormat.Odd(w0 + alias), odd1 = TFormat.Odd(w1 + alias), odd2 = TFormat.Odd(w2 + alias), odd3 = TFormat.Odd(w3 + alias);
                var o0 = TLanes.Broadcast(x[2]);
                c00 = TLanes.FusedMultiplyAdd(o0, odd0, c00); c01 = TLanes.FusedMultiplyAdd(o0, odd1, c01); c02 = TLanes.FusedMultiplyAdd(o0, odd2, c02); c03 = TLanes.FusedMultiplyAdd(o0, odd3, c03);
                var o1 = TLanes.Broadcast(x[3]);
                c10 = TLanes.FusedMultiplyAdd(o1, odd0, c10); c11 = TLanes.FusedMultiplyAdd(o1, odd1, c11); c12 = TLanes.FusedMultiplyAdd(o1, odd2, c12); c13 = TLanes.FusedMultiplyAdd(o1, odd3, c13);
                w0 += TFormat.PairBytes;
                w1 += TFormat.PairBytes;
                w2 += TFormat.PairBytes;
                w3 += TFormat.PairBytes;
                x += 4;
            }
        TLanes.Store(c00, y + 0); TLanes.Store(c01, y + 16); TLanes.Store(c02, y + 32); TLanes.Store(c03, y + 48); y += apart;
        TLanes.Store(c10, y + 0); TLanes.Store(c11, y + 16); TLanes.Store(c12, y + 32); TLanes.Store(c13, y + 48);
    }

    /// <summary>6 rows by 1 panel: 6 accumulators. x is packed [k][6]; they begin as c [6][16], or 0 where that is null, and go to y, whose rows are <paramref name="apart"/> floats apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile6x1<TFormat>(float* x, byte* w0, int pairs, float* c, float* y, int apart, nint alias) where TFormat : struct, IPanelFormat<TLanes>
    {
        TLanes c00 = TLanes.Zero;
        TLanes c10 = TLanes.Zero;
        TLanes c20 = TLanes.Zero;
        TLanes c30 = TLanes.Zero;
        TLanes c40 = TLanes.Zero;
        TLanes c50 = TLanes.Zero;
        if (c is not null)
        {
            c00 = TLanes.Load(c + 0);
            c10 = TLanes.Load(c + 16);
            c20 = TLanes.Load(c + 32);
            c30 = TLanes.Load(c + 48);
            c40 = TLanes.Load(c + 64);
            c50 = TLanes.Load(c + 80);
        }
        for (var pair = 0; pair < pairs; pair++)
        {
            var even0 = TFormat.Even(w0);
            var e0 = TLanes.Broadcast(x[0]);
            c00 = TLanes.FusedMultiplyAdd(e0, even0, c00);
            var e1 = TLanes.Broadcast(x[1]);
            c10 = TLanes.FusedMultiplyAdd(e1, even0, c10);
            var e2 = TLanes.Broadcast(x[2]);
            c20 = TLanes.FusedMultiplyAdd(e2, even0, c20);
            var e3 = TLanes.Broadcast(x[3]);
            c30 = TLanes.FusedMultiplyAdd(e3, even0, c30);
            var e4 = TLanes.Broadcast(x[4]);
            c40 = TLanes.FusedMultiplyAdd(e4, even0, c40);
            var e5 = TLanes.Broadcast(x[5]);
            c50 = TLanes.FusedMultiplyAdd(e5, even0, c50);
            var odd0 = TFormat.Odd(w0 + alias);
            var o0 = TLanes.Broadcast(x[6]);
            c00 = TLanes.FusedMultiplyAdd(o0, odd0, c00);
            var o1 = TLanes.Broadcast(x[7]);
            c10 = TLanes.FusedMultiplyAdd(o1, odd0, c10);
            var o2 = TLanes.Broadcast(x[8]);
            c20 = TLanes.FusedMultiplyAdd(o2, odd0, c20);
            var o3 = TLanes.Broadcast(x[9]);
            c30 = TLanes.FusedMultiplyAdd(o3, odd0, c30);
            var o4 = TLanes.Broadcast(x[10]);
            c40 = TLanes.FusedMultiplyAdd(o4, odd0, c40);
            var o5 = TLanes.Broadcast(x[11]);
            c50 = TLanes.FusedMultiplyAdd(o5, odd0, c50);
            w0 += TFormat.PairBytes;
            x += 12;
        }
        TLanes.Store(c00, y + 0); y += apart;
        TLanes.Store(c10, y + 0); y += apart;
        TLanes.Store(c20, y + 0); y += apart;
        TLanes.Store(c30, y + 0); y += apart;
        TLanes.Store(c40, y + 0); y += apart;
        TLanes.Store(c50, y + 0);
    }

    /// <summary>4 rows by 1 panel: 4 accumulators. x is packed [k][4]; they begin as c [4][16], or 0 where that is null, and go to y, whose rows are <paramref name="apart"/> floats apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4x1<TFormat>(float* x, byte* w0, int pairs, float* c, float* y, int apart, nint alias) where TFormat : struct, IPanelFormat<TLanes>
    {
        TLanes c00 = TLanes.Zero;
        TLanes c10 = TLanes.Zero;
        TLanes c20 = TLanes.Zero;
        TLanes c30 = TLanes.Zero;
        if (c is not null)
        {
            c00 = TLanes.Load(c + 0);
            c10 = TLanes.Load(c + 16);
            c20 = TLanes.Load(c + 32);
            c30 = TLanes.Load(c + 48);
        }
        for (var pair = 0; pair < pairs; pair++)
        {
            var even0 = TFormat.Even(w0);
            var e0 = TLanes.Broadcast(x[0]);
            c00 = TLanes.FusedMultiplyAdd(e0, even0, c00);
            var e1 = TLanes.Broadcast(x[1]);
            c10 = TLanes.FusedMultiplyAdd(e1, even0, c10);
            var e2 = TLanes.Broadcast(x[2]);
            c20 = TLanes.FusedMultiplyAdd(e2, even0, c20);
            var e3 = TLanes.Broadcast(x[3]);
            c30 = TLanes.FusedMultiplyAdd(e3, even0, c30);
            var odd0 = TFormat.Odd(w0 + alias);
            var o0 = TLanes.Broadcast(x[4]);
            c00 = TLanes.FusedMultiplyAdd(o0, odd0, c00);
            var o1 = TLanes.Broadcast(x[5]);
            c10 = TLanes.FusedMultiplyAdd(o1, odd0, c10);
            var o2 = TLanes.Broadcast(x[6]);
            c20 = TLanes.FusedMultiplyAdd(o2, odd0, c20);
            var o3 = TLanes.Broadcast(x[7]);
            c30 = TLanes.FusedMultiplyAdd(o3, odd0, c30);
            w0 += TFormat.PairBytes;
            x += 8;
        }
        TLanes.Store(c00, y + 0); y += apart;
        TLanes.Store(c10, y + 0); y += apart;
        TLanes.Store(c20, y + 0); y += apart;
        TLanes.Store(c30, y + 0);
    }

    /// <summary>2 rows by 1 panel: 2 accumulators. x is packed [k][2]; they begin as c [2][16], or 0 where that is null, and go to y, whose rows are <paramref name="apart"/> floats apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile2x1<TFormat>(float* x, byte* w0, int pairs, float* c, float* y, int apart, nint alias) where TFormat : struct, IPanelFormat<TLanes>
    {
        TLanes c00 = TLanes.Zero;
        TLanes c10 = TLanes.Zero;
        if (c is not null)
        {
            c00 = TLanes.Load(c + 0);
            c10 = TLanes.Load(c + 16);
        }
        for (var pair = 0; pair < pairs; pair++)
        {
            var even0 = TFormat.Even(w0);
            var e0 = TLanes.Broadcast(x[0]);
            c00 = TLanes.FusedMultiplyAdd(e0, even0, c00);
            var e1 = TLanes.Broadcast(x[1]);
            c10 = TLanes.FusedMultiplyAdd(e1, even0, c10);
            var odd0 = TFormat.Odd(w0 + alias);
            var o0 = TLanes.Broadcast(x[2]);
            c00 = TLanes.FusedMultiplyAdd(o0, odd0, c00);
            var o1 = TLanes.Broadcast(x[3]);
            c10 = TLanes.FusedMultiplyAdd(o1, odd0, c10);
            w0 += TFormat.PairBytes;
            x += 4;
        }
        TLanes.Store(c00, y + 0); y += apart;
        TLanes.Store(c10, y + 0);
    }
}
