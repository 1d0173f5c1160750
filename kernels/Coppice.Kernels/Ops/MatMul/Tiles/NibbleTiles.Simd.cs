// Written by kernels/Coppice.Kernels.Tiles.
using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

/// <summary>Int8 rows by Q4 panels: see the remarks of the integer products.</summary>
internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>Q4: 1 row by 1 panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Nibbles1x1(sbyte* x, float* scales, float* sums, byte* w0, long panelBytes, long parameterOffset, int groups, float* c)
    {
        byte* p0 = w0 + parameterOffset;
        TLanes c0 = TLanes.Zero;
        for (var group = 0; group < groups; group++)
        {
            TLanes i00 = TLanes.Zero;
            for (var word = 0; word < PanelLayout.Q4CodeBytes; word += PanelLayout.WordBytes)
            {
                TLanes q0 = TLanes.LowNibbles(w0);
                var x0 = TLanes.BroadcastWord(x + 0);
                i00 = TLanes.AddShorts(i00, TLanes.MultiplyPairs(q0, x0));
                q0 = TLanes.HighNibbles(w0);
                x0 = TLanes.BroadcastWord(x + 4);
                i00 = TLanes.AddShorts(i00, TLanes.MultiplyPairs(q0, x0));
                w0 += PanelLayout.WordBytes;
                x += 8;
            }
            TLanes s0 = TLanes.LoadF16((ushort*)p0);
            TLanes m0 = TLanes.LoadF16((ushort*)p0 + PanelLayout.Width);
            c0 = AddNibbles(i00, s0, m0, scales[0], sums[0], c0);
            scales += 1;
            sums += 1;
            p0 += PanelLayout.Q4ParameterBytes;
        }
        TLanes.Store(c0, c + 0);
    }

    /// <summary>Q4: 1 row by 4 panels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Nibbles1x4(sbyte* x, float* scales, float* sums, byte* w0, long panelBytes, long parameterOffset, int groups, float* c)
    {
        var w1 = w0 + panelBytes;
        var w2 = w1 + panelBytes;
        var w3 = w2 + panelBytes;
        byte* p0 = w0 + parameterOffset, p1 = w1 + parameterOffset, p2 = w2 + parameterOffset, p3 = w3 + parameterOffset;
        TLanes c0 = TLanes.Zero, c1 = TLanes.Zero, c2 = TLanes.Zero, c3 = TLanes.Zero;
        long ahead = PrefetchBytes, ahead2 = PrefetchBytes / PanelLayout.Q4CodeBytes * PanelLayout.Q4ParameterBytes;
        for (var group = 0; group < groups; group++)
        {
            if (group == groups - PrefetchBytes / PanelLayout.Q4CodeBytes)
            {
                ahead += 4 * panelBytes - (long)groups * PanelLayout.Q4CodeBytes;
                ahead2 += 4 * panelBytes - (long)groups * PanelLayout.Q4ParameterBytes;
            }
            Prefetch(p0 + ahead2);
            Prefetch(p1 + ahead2);
            Prefetch(p2 + ahead2);
            Prefetch(p3 + ahead2);
            TLanes i00 = TLanes.Zero, i01 = TLanes.Zero, i02 = TLanes.Zero, i03 = TLanes.Zero;
            for (var word = 0; word < PanelLayout.Q4CodeBytes; word += PanelLayout.WordBytes)
            {
                Prefetch(w0 + ahead);
                Prefetch(w1 + ahead);
                Prefetch(w2 + ahead);
                Prefetch(w3 + ahead);
                TLanes q0 = TLanes.LowNibbles(w0), q1 = TLanes.LowNibbles(w1), q2 = TLanes.LowNibbles(w2), q3 = TLanes.LowNibbles(w3);
                var x0 = TLanes.BroadcastWord(x + 0);
                i00 = TLanes.AddShorts(i00, TLanes.MultiplyPairs(q0, x0)); i01 = TLanes.AddShorts(i01, TLanes.MultiplyPairs(q1, x0)); i02 = TLanes.AddShorts(i02, TLanes.MultiplyPairs(q2, x0)); i03 = TLanes.AddShorts(i03, TLanes.MultiplyPairs(q3, x0));
                q0 = TLanes.HighNibbles(w0); q1 = TLanes.HighNibbles(w1); q2 = TLanes.HighNibbles(w2); q3 = TLanes.HighNibbles(w3);
                x0 = TLanes.BroadcastWord(x + 4);
                i00 = TLanes.AddShorts(i00, TLanes.MultiplyPairs(q0, x0)); i01 = TLanes.AddShorts(i01, TLanes.MultiplyPairs(q1, x0)); i02 = TLanes.AddShorts(i02, TLanes.MultiplyPairs(q2, x0)); i03 = TLanes.AddShorts(i03, TLanes.MultiplyPairs(q3, x0));
                w0 += PanelLayout.WordBytes;
                w1 += PanelLayout.WordBytes;
                w2 += PanelLayout.WordBytes;
                w3 += PanelLayout.WordBytes;
                x += 8;
            }
            TLanes s0 = TLanes.LoadF16((ushort*)p0), s1 = TLanes.LoadF16((ushort*)p1), s2 = TLanes.LoadF16((ushort*)p2), s3 = TLanes.LoadF16((ushort*)p3);
            TLanes m0 = TLanes.LoadF16((ushort*)p0 + PanelLayout.Width), m1 = TLanes.LoadF16((ushort*)p1 + PanelLayout.Width), m2 = TLanes.LoadF16((ushort*)p2 + PanelLayout.Width), m3 = TLanes.LoadF16((ushort*)p3 + PanelLayout.Width);
            c0 = AddNibbles(i00, s0, m0, scales[0], sums[0], c0);
            c1 = AddNibbles(i01, s1, m1, scales[0], sums[0], c1);
            c2 = AddNibbles(i02, s2, m2, scales[0], sums[0], c2);
            c3 = AddNibbles(i03, s3, m3, scales[0], sums[0], c3);
            scales += 1;
            sums += 1;
            p0 += PanelLayout.Q4ParameterBytes;
            p1 += PanelLayout.Q4ParameterBytes;
            p2 += PanelLayout.Q4ParameterBytes;
            p3 += PanelLayout.Q4ParameterBytes;
        }
        TLanes.Store(c0, c + 0);
        TLanes.Store(c1, c + 16);
        TLanes.Store(c2, c + 32);
        TLanes.Store(c3, c + 48);
    }

    /// <summary>Q4: 2 rows by 1 panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Nibbles2x1(sbyte* x, float* scales, float* sums, byte* w0, long panelBytes, long parameterOffset, int groups, float* c)
    {
        byte* p0 = w0 + parameterOffset;
        long ahead = PrefetchBytes;
        for (var group = 0; group < groups; group++)
        {
            if (group == groups - PrefetchBytes / PanelLayout.Q4CodeBytes)
                ahead += 1 * panelBytes - (long)groups * PanelLayout.Q4CodeBytes;
            TLanes i00 = TLanes.Zero;
            TLanes i10 = TLanes.Zero;
            for (var word = 0; word < PanelLayout.Q4CodeBytes; word += PanelLayout.WordBytes)
            {
                Prefetch(w0 + ahead);
                TLanes q0 = TLanes.LowNibbles(w0);
                var x0 = TLanes.BroadcastWord(x + 0);
                i00 = TLanes.AddShorts(i00, TLanes.MultiplyPairs(q0, x0));
                var x1 = TLanes.BroadcastWord(x + 4);
                i10 = TLanes.AddShorts(i10, TLanes.MultiplyPairs(q0, x1));
                q0 = TLanes.HighNibbles(w0);
                x0 = TLanes.BroadcastWord(x + 8);
                i00 = TLanes.AddShorts(i00, TLanes.MultiplyPairs(q0, x0));
                x1 = TLanes.BroadcastWord(x + 12);
                i10 = TLanes.AddShorts(i10, TLanes.MultiplyPairs(q0, x1));
                w0 += PanelLayout.WordBytes;
                x += 16;
            }
            TLanes s0 = TLanes.LoadF16((ushort*)p0);
            TLanes m0 = TLanes.LoadF16((ushort*)p0 + PanelLayout.Width);
            TLanes.Store(AddNibbles(i00, s0, m0, scales[0], sums[0], TLanes.Load(c + 0)), c + 0);
            TLanes.Store(AddNibbles(i10, s0, m0, scales[1], sums[1], TLanes.Load(c + 16)), c + 16);
            scales += 2;
            sums += 2;
            p0 += PanelLayout.Q4ParameterBytes;
        }
    }

    /// <summary>Q4: 4 rows by 1 panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Nibbles4x1(sbyte* x, float* scales, float* sums, byte* w0, long panelBytes, long parameterOffset, int groups, float* c)
    {
        byte* p0 = w0 + parameterOffset;
        long ahead = PrefetchBytes;
        for (var group = 0; group < groups; group++)
        {
            if (group == groups - PrefetchBytes / PanelLayout.Q4CodeBytes)
                ahead += 1 * panelBytes - (long)groups * PanelLayout.Q4CodeBytes;
            TLanes i00 = TLanes.Zero;
            TLanes i10 = TLanes.Zero;
            TLanes i20 = TLanes.Zero;
            TLanes i30 = TLanes.Zero;
            for (var word = 0; word < PanelLayout.Q4CodeBytes; word += PanelLayout.WordBytes)
            {
                Prefetch(w0 + ahead);
                TLanes q0 = TLanes.LowNibbles(w0);
                var x0 = TLanes.BroadcastWord(x + 0);
                i00 = TLanes.AddShorts(i00, TLanes.MultiplyPairs(q0, x0));
                var x1 = TLanes.BroadcastWord(x + 4);
                i10 = TLanes.AddShorts(i10, TLanes.MultiplyPairs(q0, x1));
                var x2 = TLanes.BroadcastWord(x + 8);
                i20 = TLanes.AddShorts(i20, TLanes.MultiplyPairs(q0, x2));
                var x3 = TLanes.BroadcastWord(x + 12);
                i30 = TLanes.AddShorts(i30, TLanes.MultiplyPairs(q0, x3));
                q0 = TLanes.HighNibbles(w0);
                x0 = TLanes.BroadcastWord(x + 16);
                i00 = TLanes.AddShorts(i00, TLanes.MultiplyPairs(q0, x0));
                x1 = TLanes.BroadcastWord(x + 20);
                i10 = TLanes.AddShorts(i10, TLanes.MultiplyPairs(q0, x1));
                x2 = TLanes.BroadcastWord(x + 24);
                i20 = TLanes.AddShorts(i20, TLanes.MultiplyPairs(q0, x2));
                x3 = TLanes.BroadcastWord(x + 28);
                i30 = TLanes.AddShorts(i30, TLanes.MultiplyPairs(q0, x3));
                w0 += PanelLayout.WordBytes;
                x += 32;
            }
            TLanes s0 = TLanes.LoadF16((ushort*)p0);
            TLanes m0 = TLanes.LoadF16((ushort*)p0 + PanelLayout.Width);
            TLanes.Store(AddNibbles(i00, s0, m0, scales[0], sums[0], TLanes.Load(c + 0)), c + 0);
            TLanes.Store(AddNibbles(i10, s0, m0, scales[1], sums[1], TLanes.Load(c + 16)), c + 16);
            TLanes.Store(AddNibbles(i20, s0, m0, scales[2], sums[2], TLanes.Load(c + 32)), c + 32);
            TLanes.Store(AddNibbles(i30, s0, m0, scales[3], sums[3], TLanes.Load(c + 48)), c + 48);
            scales += 4;
            sums += 4;
            p0 += PanelLayout.Q4ParameterBytes;
        }
    }

    /// <summary>Q4: 8 rows by 1 panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Nibbles8x1(sbyte* x, float* scales, float* sums, byte* w0, long panelBytes, long parameterOffset, int groups, float* c)
    {
        byte* p0 = w0 + parameterOffset;
        long ahead = PrefetchBytes;
        for (var group = 0; group < groups; group++)
        {
            if (group == groups - PrefetchBytes / PanelLayout.Q4CodeBytes)
                ahead += 1 * panelBytes - (long)groups * PanelLayout.Q4CodeBytes;
            TLanes i00 = TLanes.Zero;
            TLanes i10 = TLanes.Zero;
            TLanes i20 = TLanes.Zero;
            TLanes i30 = TLanes.Zero;
            TLanes i40 = TLanes.Zero;
            TLanes i50 = TLanes.Zero;
            TLanes i60 = TLanes.Zero;
            TLanes i70 = TLanes.Zero;
            for (var word = 0; word < PanelLayout.Q4CodeBytes; word += PanelLayout.WordBytes)
            {
                Prefetch(w0 + ahead);
                TLanes q0 = TLanes.LowNibbles(w0);
                var x0 = TLanes.BroadcastWord(x + 0);
                i00 = TLanes.AddShorts(i00, TLanes.MultiplyPairs(q0, x0));
                var x1 = TLanes.BroadcastWord(x + 4);
                i10 = TLanes.AddShorts(i10, TLanes.MultiplyPairs(q0, x1));
                var x2 = TLanes.BroadcastWord(x + 8);
                i20 = TLanes.AddShorts(i20, TLanes.MultiplyPairs(q0, x2));
                var x3 = TLanes.BroadcastWord(x + 12);
                i30 = TLanes.AddShorts(i30, TLanes.MultiplyPairs(q0, x3));
                var x4 = TLanes.BroadcastWord(x + 16);
                i40 = TLanes.AddShorts(i40, TLanes.MultiplyPairs(q0, x4));
                var x5 = TLanes.BroadcastWord(x + 20);
                i50 = TLanes.AddShorts(i50, TLanes.MultiplyPairs(q0, x5));
                var x6 = TLanes.BroadcastWord(x + 24);
                i60 = TLanes.AddShorts(i60, TLanes.MultiplyPairs(q0, x6));
                var x7 = TLanes.BroadcastWord(x + 28);
                i70 = TLanes.AddShorts(i70, TLanes.MultiplyPairs(q0, x7));
                q0 = TLanes.HighNibbles(w0);
                x0 = TLanes.BroadcastWord(x + 32);
                i00 = TLanes.AddShorts(i00, TLanes.MultiplyPairs(q0, x0));
                x1 = TLanes.BroadcastWord(x + 36);
                i10 = TLanes.AddShorts(i10, TLanes.MultiplyPairs(q0, x1));
                x2 = TLanes.BroadcastWord(x + 40);
                i20 = TLanes.AddShorts(i20, TLanes.MultiplyPairs(q0, x2));
                x3 = TLanes.BroadcastWord(x + 44);
                i30 = TLanes.AddShorts(i30, TLanes.MultiplyPairs(q0, x3));
                x4 = TLanes.BroadcastWord(x + 48);
                i40 = TLanes.AddShorts(i40, TLanes.MultiplyPairs(q0, x4));
                x5 = TLanes.BroadcastWord(x + 52);
                i50 = TLanes.AddShorts(i50, TLanes.MultiplyPairs(q0, x5));
                x6 = TLanes.BroadcastWord(x + 56);
                i60 = TLanes.AddShorts(i60, TLanes.MultiplyPairs(q0, x6));
                x7 = TLanes.BroadcastWord(x + 60);
                i70 = TLanes.AddShorts(i70, TLanes.MultiplyPairs(q0, x7));
                w0 += PanelLayout.WordBytes;
                x += 64;
            }
            TLanes s0 = TLanes.LoadF16((ushort*)p0);
            TLanes m0 = TLanes.LoadF16((ushort*)p0 + PanelLayout.Width);
            TLanes.Store(AddNibbles(i00, s0, m0, scales[0], sums[0], TLanes.Load(c + 0)), c + 0);
            TLanes.Store(AddNibbles(i10, s0, m0, scales[1], sums[1], TLanes.Load(c + 16)), c + 16);
            TLanes.Store(AddNibbles(i20, s0, m0, scales[2], sums[2], TLanes.Load(c + 32)), c + 32);
            TLanes.Store(AddNibbles(i30, s0, m0, scales[3], sums[3], TLanes.Load(c + 48)), c + 48);
            TLanes.Store(AddNibbles(i40, s0, m0, scales[4], sums[4], TLanes.Load(c + 64)), c + 64);
            TLanes.Store(AddNibbles(i50, s0, m0, scales[5], sums[5], TLanes.Load(c + 80)), c + 80);
            TLanes.Store(AddNibbles(i60, s0, m0, scales[6], sums[6], TLanes.Load(c + 96)), c + 96);
            TLanes.Store(AddNibbles(i70, s0, m0, scales[7], sums[7], TLanes.Load(c + 112)), c + 112);
            scales += 8;
            sums += 8;
            p0 += PanelLayout.Q4ParameterBytes;
        }
    }

    /// <summary>Q4: 2 rows by 2 panels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Nibbles2x2(sbyte* x, float* scales, float* sums, byte* w0, long panelBytes, long parameterOffset, int groups, float* c)
    {
        var w1 = w0 + panelBytes;
        byte* p0 = w0 + parameterOffset, p1 = w1 + parameterOffset;
        long ahead = 2 * PrefetchBytes;
        for (var group = 0; group < groups; group++)
        {
            if (group == groups - 2 * PrefetchBytes / PanelLayout.Q4CodeBytes)
                ahead += 2 * panelBytes - (long)groups * PanelLayout.Q4CodeBytes;
            TLanes i00 = TLanes.Zero, i01 = TLanes.Zero;
            TLanes i10 = TLanes.Zero, i11 = TLanes.Zero;
            for (var word = 0; word < PanelLayout.Q4CodeBytes; word += PanelLayout.WordBytes)
            {
                Prefetch(w0 + ahead);
                Prefetch(w1 + ahead);
                TLanes q0 = TLanes.LowNibbles(w0), q1 = TLanes.LowNibbles(w1);
                var x0 = TLanes.BroadcastWord(x + 0);
                i00 = TLanes.AddShorts(i00, TLanes.MultiplyPairs(q0, x0)); i01 = TLanes.AddShorts(i01, TLanes.MultiplyPairs(q1, x0));
                var x1 = TLanes.BroadcastWord(x + 4);
                i10 = TLanes.AddShorts(i10, TLanes.MultiplyPairs(q0, x1)); i11 = TLanes.AddShorts(i11, TLanes.MultiplyPairs(q1, x1));
                q0 = TLanes.HighNibbles(w0); q1 = TLanes.HighNibbles(w1);
                x0 = TLanes.BroadcastWord(x + 8);
                i00 = TLanes.AddShorts(i00, TLanes.MultiplyPairs(q0, x0)); i01 = TLanes.AddShorts(i01, TLanes.MultiplyPairs(q1, x0));
                x1 = TLanes.BroadcastWord(x + 12);
                i10 = TLanes.AddShorts(i10, TLanes.MultiplyPairs(q0, x1)); i11 = TLanes.AddShorts(i11, TLanes.MultiplyPairs(q1, x1));
                w0 += PanelLayout.WordBytes;
                w1 += PanelLayout.WordBytes;
                x += 16;
            }
            TLanes s0 = TLanes.LoadF16((ushort*)p0), s1 = TLanes.LoadF16((ushort*)p1);
            TLanes m0 = TLanes.LoadF16((ushort*)p0 + PanelLayout.Width), m1 = TLanes.LoadF16((ushort*)p1 + PanelLayout.Width);
            TLanes.Store(AddNibbles(i00, s0, m0, scales[0], sums[0], TLanes.Load(c + 0)), c + 0);
            TLanes.Store(AddNibbles(i01, s1, m1, scales[0], sums[0], TLanes.Load(c + 16)), c + 16);
            TLanes.Store(AddNibbles(i10, s0, m0, scales[1], sums[1], TLanes.Load(c + 32)), c + 32);
            TLanes.Store(AddNibbles(i11, s1, m1, scales[1], sums[1], TLanes.Load(c + 48)), c + 48);
            scales += 2;
            sums += 2;
            p0 += PanelLayout.Q4ParameterBytes;
            p1 += PanelLayout.Q4ParameterBytes;
        }
    }

    /// <summary>Q4: 4 rows by 2 panels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Nibbles4x2(sbyte* x, float* scales, float* sums, byte* w0, long panelBytes, long parameterOffset, int groups, float* c)
    {
        var w1 = w0 + panelBytes;
        byte* p0 = w0 + parameterOffset, p1 = w1 + parameterOffset;
        long ahead = 2 * PrefetchBytes;
        for (var group = 0; group < groups; group++)
        {
            if (group == groups - 2 * PrefetchBytes / PanelLayout.Q4CodeBytes)
                ahead += 2 * panelBytes - (long)groups * PanelLayout.Q4CodeBytes;
            TLanes i00 = TLanes.Zero, i01 = TLanes.Zero;
            TLanes i10 = TLanes.Zero, i11 = TLanes.Zero;
            TLanes i20 = TLanes.Zero, i21 = TLanes.Zero;
            TLanes i30 = TLanes.Zero, i31 = TLanes.Zero;
            for (var word = 0; word < PanelLayout.Q4CodeBytes; word += PanelLayout.WordBytes)
            {
                Prefetch(w0 + ahead);
                Prefetch(w1 + ahead);
                TLanes q0 = TLanes.LowNibbles(w0), q1 = TLanes.LowNibbles(w1);
                var x0 = TLanes.BroadcastWord(x + 0);
                i00 = TLanes.AddShorts(i00, TLanes.MultiplyPairs(q0, x0)); i01 = TLanes.AddShorts(i01, TLanes.MultiplyPairs(q1, x0));
                var x1 = TLanes.BroadcastWord(x + 4);
                i10 = TLanes.AddShorts(i10, TLanes.MultiplyPairs(q0, x1)); i11 = TLanes.AddShorts(i11, TLanes.MultiplyPairs(q1, x1));
                var x2 = TLanes.BroadcastWord(x + 8);
                i20 = TLanes.AddShorts(i20, TLanes.MultiplyPairs(q0, x2)); i21 = TLanes.AddShorts(i21, TLanes.MultiplyPairs(q1, x2));
                var x3 = TLanes.BroadcastWord(x + 12);
                i30 = TLanes.AddShorts(i30, TLanes.MultiplyPairs(q0, x3)); i31 = TLanes.AddShorts(i31, TLanes.MultiplyPairs(q1, x3));
                q0 = TLanes.HighNibbles(w0); q1 = TLanes.HighNibbles(w1);
                x0 = TLanes.BroadcastWord(x + 16);
                i00 = TLanes.AddShorts(i00, TLanes.MultiplyPairs(q0, x0)); i01 = TLanes.AddShorts(i01, TLanes.MultiplyPairs(q1, x0));
                x1 = TLanes.BroadcastWord(x + 20);
                i10 = TLanes.AddShorts(i10, TLanes.MultiplyPairs(q0, x1)); i11 = TLanes.AddShorts(i11, TLanes.MultiplyPairs(q1, x1));
                x2 = TLanes.BroadcastWord(x + 24);
                i20 = TLanes.AddShorts(i20, TLanes.MultiplyPairs(q0, x2)); i21 = TLanes.AddShorts(i21, TLanes.MultiplyPairs(q1, x2));
                x3 = TLanes.BroadcastWord(x + 28);
                i30 = TLanes.AddShorts(i30, TLanes.MultiplyPairs(q0, x3)); i31 = TLanes.AddShorts(i31, TLanes.MultiplyPairs(q1, x3));
                w0 += PanelLayout.WordBytes;
                w1 += PanelLayout.WordBytes;
                x += 32;
            }
            TLanes s0 = TLanes.LoadF16((ushort*)p0), s1 = TLanes.LoadF16((ushort*)p1);
            TLanes m0 = TLanes.LoadF16((ushort*)p0 + PanelLayout.Width), m1 = TLanes.LoadF16((ushort*)p1 + PanelLayout.Width);
            TLanes.Store(AddNibbles(i00, s0, m0, scales[0], sums[0], TLanes.Load(c + 0)), c + 0);
            TLanes.Store(AddNibbles(i01, s1, m1, scales[0], sums[0], TLanes.Load(c + 16)), c + 16);
            TLanes.Store(AddNibbles(i10, s0, m0, scales[1], sums[1], TLanes.Load(c + 32)), c + 32);
            TLanes.Store(AddNibbles(i11, s1, m1, scales[1], sums[1], TLanes.Load(c + 48)), c + 48);
            TLanes.Store(AddNibbles(i20, s0, m0, scales[2], sums[2], TLanes.Load(c + 64)), c + 64);
            TLanes.Store(AddNibbles(i21, s1, m1, scales[2], sums[2], TLanes.Load(c + 80)), c + 80);
            TLanes.Store(AddNibbles(i30, s0, m0, scales[3], sums[3], TLanes.Load(c + 96)), c + 96);
            TLanes.Store(AddNibbles(i31, s1, m1, scales[3], sums[3], TLanes.Load(c + 112)), c + 112);
            scales += 4;
            sums += 4;
            p0 += PanelLayout.Q4ParameterBytes;
            p1 += PanelLayout.Q4ParameterBytes;
        }
    }

    /// <summary>Q4: 8 rows by 2 panels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Nibbles8x2(sbyte* x, float* scales, float* sums, byte* w0, long panelBytes, long parameterOffset, int groups, float* c)
    {
        var w1 = w0 + panelBytes;
        byte* p0 = w0 + parameterOffset, p1 = w1 + parameterOffset;
        long ahead = 2 * PrefetchBytes;
        for (var group = 0; group < groups; group++)
        {
            if (group == groups - 2 * PrefetchBytes / PanelLayout.Q4CodeBytes)
                ahead += 2 * panelBytes - (long)groups * PanelLayout.Q4CodeBytes;
            TLanes i00 = TLanes.Zero, i01 = TLanes.Zero;
            TLanes i10 = TLanes.Zero, i11 = TLanes.Zero;
            TLanes i20 = TLanes.Zero, i21 = TLanes.Zero;
            TLanes i30 = TLanes.Zero, i31 = TLanes.Zero;
            TLanes i40 = TLanes.Zero, i41 = TLanes.Zero;
            TLanes i50 = TLanes.Zero, i51 = TLanes.Zero;
            TLanes i60 = TLanes.Zero, i61 = TLanes.Zero;
            TLanes i70 = TLanes.Zero, i71 = TLanes.Zero;
            for (var word = 0; word < PanelLayout.Q4CodeBytes; word += PanelLayout.WordBytes)
            {
                Prefetch(w0 + ahead);
                Prefetch(w1 + ahead);
                TLanes q0 = TLanes.LowNibbles(w0), q1 = TLanes.LowNibbles(w1);
                var x0 = TLanes.BroadcastWord(x + 0);
                i00 = TLanes.AddShorts(i00, TLanes.MultiplyPairs(q0, x0)); i01 = TLanes.AddShorts(i01, TLanes.MultiplyPairs(q1, x0));
                var x1 = TLanes.BroadcastWord(x + 4);
                i10 = TLanes.AddShorts(i10, TLanes.MultiplyPairs(q0, x1)); i11 = TLanes.AddShorts(i11, TLanes.MultiplyPairs(q1, x1));
                var x2 = TLanes.BroadcastWord(x + 8);
                i20 = TLanes.AddShorts(i20, TLanes.MultiplyPairs(q0, x2)); i21 = TLanes.AddShorts(i21, TLanes.MultiplyPairs(q1, x2));
                var x3 = TLanes.BroadcastWord(x + 12);
                i30 = TLanes.AddShorts(i30, TLanes.MultiplyPairs(q0, x3)); i31 = TLanes.AddShorts(i31, TLanes.MultiplyPairs(q1, x3));
                var x4 = TLanes.BroadcastWord(x + 16);
                i40 = TLanes.AddShorts(i40, TLanes.MultiplyPairs(q0, x4)); i41 = TLanes.AddShorts(i41, TLanes.MultiplyPairs(q1, x4));
                var x5 = TLanes.BroadcastWord(x + 20);
                i50 = TLanes.AddShorts(i50, TLanes.MultiplyPairs(q0, x5)); i51 = TLanes.AddShorts(i51, TLanes.MultiplyPairs(q1, x5));
                var x6 = TLanes.BroadcastWord(x + 24);
                i60 = TLanes.AddShorts(i60, TLanes.MultiplyPairs(q0, x6)); i61 = TLanes.AddShorts(i61, TLanes.MultiplyPairs(q1, x6));
                var x7 = TLanes.BroadcastWord(x + 28);
                i70 = TLanes.AddShorts(i70, TLanes.MultiplyPairs(q0, x7)); i71 = TLanes.AddShorts(i71, TLanes.MultiplyPairs(q1, x7));
                q0 = TLanes.HighNibbles(w0); q1 = TLanes.HighNibbles(w1);
                x0 = TLanes.BroadcastWord(x + 32);
                i00 = TLanes.AddShorts(i00, TLanes.MultiplyPairs(q0, x0)); i01 = TLanes.AddShorts(i01, TLanes.MultiplyPairs(q1, x0));
                x1 = TLanes.BroadcastWord(x + 36);
                i10 = TLanes.AddShorts(i10, TLanes.MultiplyPairs(q0, x1)); i11 = TLanes.AddShorts(i11, TLanes.MultiplyPairs(q1, x1));
                x2 = TLanes.BroadcastWord(x + 40);
                i20 = TLanes.AddShorts(i20, TLanes.MultiplyPairs(q0, x2)); i21 = TLanes.AddShorts(i21, TLanes.MultiplyPairs(q1, x2));
                x3 = TLanes.BroadcastWord(x + 44);
                i30 = TLanes.AddShorts(i30, TLanes.MultiplyPairs(q0, x3)); i31 = TLanes.AddShorts(i31, TLanes.MultiplyPairs(q1, x3));
                x4 = TLanes.BroadcastWord(x + 48);
                i40 = TLanes.AddShorts(i40, TLanes.MultiplyPairs(q0, x4)); i41 = TLanes.AddShorts(i41, TLanes.MultiplyPairs(q1, x4));
                x5 = TLanes.BroadcastWord(x + 52);
                i50 = TLanes.AddShorts(i50, TLanes.MultiplyPairs(q0, x5)); i51 = TLanes.AddShorts(i51, TLanes.MultiplyPairs(q1, x5));
                x6 = TLanes.BroadcastWord(x + 56);
                i60 = TLanes.AddShorts(i60, TLanes.MultiplyPairs(q0, x6)); i61 = TLanes.AddShorts(i61, TLanes.MultiplyPairs(q1, x6));
                x7 = TLanes.BroadcastWord(x + 60);
                i70 = TLanes.AddShorts(i70, TLanes.MultiplyPairs(q0, x7)); i71 = TLanes.AddShorts(i71, TLanes.MultiplyPairs(q1, x7));
                w0 += PanelLayout.WordBytes;
                w1 += PanelLayout.WordBytes;
                x += 64;
            }
            TLanes s0 = TLanes.LoadF16((ushort*)p0), s1 = TLanes.LoadF16((ushort*)p1);
            TLanes m0 = TLanes.LoadF16((ushort*)p0 + PanelLayout.Width), m1 = TLanes.LoadF16((ushort*)p1 + PanelLayout.Width);
            TLanes.Store(AddNibbles(i00, s0, m0, scales[0], sums[0], TLanes.Load(c + 0)), c + 0);
            TLanes.Store(AddNibbles(i01, s1, m1, scales[0], sums[0], TLanes.Load(c + 16)), c + 16);
            TLanes.Store(AddNibbles(i10, s0, m0, scales[1], sums[1], TLanes.Load(c + 32)), c + 32);
            TLanes.Store(AddNibbles(i11, s1, m1, scales[1], sums[1], TLanes.Load(c + 48)), c + 48);
            TLanes.Store(AddNibbles(i20, s0, m0, scales[2], sums[2], TLanes.Load(c + 64)), c + 64);
            TLanes.Store(AddNibbles(i21, s1, m1, scales[2], sums[2], TLanes.Load(c + 80)), c + 80);
            TLanes.Store(AddNibbles(i30, s0, m0, scales[3], sums[3], TLanes.Load(c + 96)), c + 96);
            TLanes.Store(AddNibbles(i31, s1, m1, scales[3], sums[3], TLanes.Load(c + 112)), c + 112);
            TLanes.Store(AddNibbles(i40, s0, m0, scales[4], sums[4], TLanes.Load(c + 128)), c + 128);
            TLanes.Store(AddNibbles(i41, s1, m1, scales[4], sums[4], TLanes.Load(c + 144)), c + 144);
            TLanes.Store(AddNibbles(i50, s0, m0, scales[5], sums[5], TLanes.Load(c + 160)), c + 160);
            TLanes.Store(AddNibbles(i51, s1, m1, scales[5], sums[5], TLanes.Load(c + 176)), c + 176);
            TLanes.Store(AddNibbles(i60, s0, m0, scales[6], sums[6], TLanes.Load(c + 192)), c + 192);
            TLanes.Store(AddNibbles(i61, s1, m1, scales[6], sums[6], TLanes.Load(c + 208)), c + 208);
            TLanes.Store(AddNibbles(i70, s0, m0, scales[7], sums[7], TLanes.Load(c + 224)), c + 224);
            TLanes.Store(AddNibbles(i71, s1, m1, scales[7], sums[7], TLanes.Load(c + 240)), c + 240);
            scales += 8;
            sums += 8;
            p0 += PanelLayout.Q4ParameterBytes;
            p1 += PanelLayout.Q4ParameterBytes;
        }
    }
}
