// Written by kernels/Coppice.Kernels.Tiles.
using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

/// <summary>F32 rows by quantised panels: w = scale · code + minimum, then the usual chain over k.</summary>
internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>
    /// One row by 4 panels: y[16 · 4] for x [32 · groups]. Lines are asked for ahead: see <see cref="PrefetchBytes"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CodeRow1x4<TCodes>(float* x, byte* w0, long panelBytes, long parameterOffset, int groups, float* y) where TCodes : struct, ICodePanels<TLanes>
    {
        TLanes c0 = TLanes.Zero, c1 = TLanes.Zero, c2 = TLanes.Zero, c3 = TLanes.Zero;
        byte* w1 = w0 + panelBytes, w2 = w1 + panelBytes, w3 = w2 + panelBytes;
        byte* p0 = w0 + parameterOffset, p1 = w1 + parameterOffset, p2 = w2 + parameterOffset, p3 = w3 + parameterOffset;
        long ahead = PrefetchBytes, ahead2 = PrefetchBytes / TCodes.CodeBytes * TCodes.ParameterBytes;
        var near = groups - PrefetchBytes / TCodes.CodeBytes;
        for (var group = 0; group < groups; group++)
        {
            if (group == near)
            {
                // Behind these panels lie their parameters, and then the next four panels.
                ahead += 4 * panelBytes - (long)groups * TCodes.CodeBytes;
                ahead2 += 4 * panelBytes - (long)groups * TCodes.ParameterBytes;
            }
            Prefetch(p0 + ahead2);
            Prefetch(p1 + ahead2);
            Prefetch(p2 + ahead2);
            Prefetch(p3 + ahead2);
            TLanes s0 = TLanes.LoadF16((ushort*)p0), s1 = TLanes.LoadF16((ushort*)p1), s2 = TLanes.LoadF16((ushort*)p2), s3 = TLanes.LoadF16((ushort*)p3);
            TLanes m0 = TCodes.Minimum(p0, s0), m1 = TCodes.Minimum(p1, s1), m2 = TCodes.Minimum(p2, s2), m3 = TCodes.Minimum(p3, s3);
            for (var word = 0; word < TCodes.CodeBytes; word += PanelLayout.WordBytes)
            {
                Prefetch(w0 + ahead);
                c0 = MultiplyWord<TCodes>(w0, x, s0, m0, c0);
                w0 += PanelLayout.WordBytes;
                Prefetch(w1 + ahead);
                c1 = MultiplyWord<TCodes>(w1, x, s1, m1, c1);
                w1 += PanelLayout.WordBytes;
                Prefetch(w2 + ahead);
                c2 = MultiplyWord<TCodes>(w2, x, s2, m2, c2);
                w2 += PanelLayout.WordBytes;
                Prefetch(w3 + ahead);
                c3 = MultiplyWord<TCodes>(w3, x, s3, m3, c3);
                w3 += PanelLayout.WordBytes;
                x += TCodes.WordInputs;
            }
            p0 += TCodes.ParameterBytes;
            p1 += TCodes.ParameterBytes;
            p2 += TCodes.ParameterBytes;
            p3 += TCodes.ParameterBytes;
        }
        TLanes.Store(c0, y);
        TLanes.Store(c1, y + 16);
        TLanes.Store(c2, y + 32);
        TLanes.Store(c3, y + 48);
    }

    /// <summary>8 rows by 2 panels: x is packed [k][8], y [8][32].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CodeTile8x2<TCodes>(float* x, byte* w0, long panelBytes, long parameterOffset, int groups, float* y) where TCodes : struct, ICodePanels<TLanes>
    {
        TLanes c00 = TLanes.Zero, c01 = TLanes.Zero;
        TLanes c10 = TLanes.Zero, c11 = TLanes.Zero;
        TLanes c20 = TLanes.Zero, c21 = TLanes.Zero;
        TLanes c30 = TLanes.Zero, c31 = TLanes.Zero;
        TLanes c40 = TLanes.Zero, c41 = TLanes.Zero;
        TLanes c50 = TLanes.Zero, c51 = TLanes.Zero;
        TLanes c60 = TLanes.Zero, c61 = TLanes.Zero;
        TLanes c70 = TLanes.Zero, c71 = TLanes.Zero;
        var w1 = w0 + panelBytes;
        byte* p0 = w0 + parameterOffset, p1 = w1 + parameterOffset;
        long ahead = 2 * PrefetchBytes;
        for (var group = 0; group < groups; group++)
        {
            if (group == groups - 2 * PrefetchBytes / TCodes.CodeBytes)
                ahead += 2 * panelBytes - (long)groups * TCodes.CodeBytes;
            TLanes s0 = TLanes.LoadF16((ushort*)p0), m0 = TCodes.Minimum(p0, s0), s1 = TLanes.LoadF16((ushort*)p1), m1 = TCodes.Minimum(p1, s1);
            p0 += TCodes.ParameterBytes;
            p1 += TCodes.ParameterBytes;
            for (var word = 0; word < TCodes.CodeBytes; word += PanelLayout.WordBytes)
            {
                Prefetch(w0 + ahead);
                Prefetch(w1 + ahead);
                TLanes q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 0), s0, m0), q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 0), s1, m1);
                var x0 = TLanes.Broadcast(x[0]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                var x1 = TLanes.Broadcast(x[1]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                var x2 = TLanes.Broadcast(x[2]);
                c20 = TLanes.FusedMultiplyAdd(x2, q0, c20); c21 = TLanes.FusedMultiplyAdd(x2, q1, c21);
                var x3 = TLanes.Broadcast(x[3]);
                c30 = TLanes.FusedMultiplyAdd(x3, q0, c30); c31 = TLanes.FusedMultiplyAdd(x3, q1, c31);
                var x4 = TLanes.Broadcast(x[4]);
                c40 = TLanes.FusedMultiplyAdd(x4, q0, c40); c41 = TLanes.FusedMultiplyAdd(x4, q1, c41);
                var x5 = TLanes.Broadcast(x[5]);
                c50 = TLanes.FusedMultiplyAdd(x5, q0, c50); c51 = TLanes.FusedMultiplyAdd(x5, q1, c51);
                var x6 = TLanes.Broadcast(x[6]);
                c60 = TLanes.FusedMultiplyAdd(x6, q0, c60); c61 = TLanes.FusedMultiplyAdd(x6, q1, c61);
                var x7 = TLanes.Broadcast(x[7]);
                c70 = TLanes.FusedMultiplyAdd(x7, q0, c70); c71 = TLanes.FusedMultiplyAdd(x7, q1, c71);
                q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 1), s0, m0); q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 1), s1, m1);
                x0 = TLanes.Broadcast(x[8]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                x1 = TLanes.Broadcast(x[9]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                x2 = TLanes.Broadcast(x[10]);
                c20 = TLanes.FusedMultiplyAdd(x2, q0, c20); c21 = TLanes.FusedMultiplyAdd(x2, q1, c21);
                x3 = TLanes.Broadcast(x[11]);
                c30 = TLanes.FusedMultiplyAdd(x3, q0, c30); c31 = TLanes.FusedMultiplyAdd(x3, q1, c31);
                x4 = TLanes.Broadcast(x[12]);
                c40 = TLanes.FusedMultiplyAdd(x4, q0, c40); c41 = TLanes.FusedMultiplyAdd(x4, q1, c41);
                x5 = TLanes.Broadcast(x[13]);
                c50 = TLanes.FusedMultiplyAdd(x5, q0, c50); c51 = TLanes.FusedMultiplyAdd(x5, q1, c51);
                x6 = TLanes.Broadcast(x[14]);
                c60 = TLanes.FusedMultiplyAdd(x6, q0, c60); c61 = TLanes.FusedMultiplyAdd(x6, q1, c61);
                x7 = TLanes.Broadcast(x[15]);
                c70 = TLanes.FusedMultiplyAdd(x7, q0, c70); c71 = TLanes.FusedMultiplyAdd(x7, q1, c71);
                q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 2), s0, m0); q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 2), s1, m1);
                x0 = TLanes.Broadcast(x[16]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                x1 = TLanes.Broadcast(x[17]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                x2 = TLanes.Broadcast(x[18]);
                c20 = TLanes.FusedMultiplyAdd(x2, q0, c20); c21 = TLanes.FusedMultiplyAdd(x2, q1, c21);
                x3 = TLanes.Broadcast(x[19]);
                c30 = TLanes.FusedMultiplyAdd(x3, q0, c30); c31 = TLanes.FusedMultiplyAdd(x3, q1, c31);
                x4 = TLanes.Broadcast(x[20]);
                c40 = TLanes.FusedMultiplyAdd(x4, q0, c40); c41 = TLanes.FusedMultiplyAdd(x4, q1, c41);
                x5 = TLanes.Broadcast(x[21]);
                c50 = TLanes.FusedMultiplyAdd(x5, q0, c50); c51 = TLanes.FusedMultiplyAdd(x5, q1, c51);
                x6 = TLanes.Broadcast(x[22]);
                c60 = TLanes.FusedMultiplyAdd(x6, q0, c60); c61 = TLanes.FusedMultiplyAdd(x6, q1, c61);
                x7 = TLanes.Broadcast(x[23]);
                c70 = TLanes.FusedMultiplyAdd(x7, q0, c70); c71 = TLanes.FusedMultiplyAdd(x7, q1, c71);
                q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 3), s0, m0); q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 3), s1, m1);
                x0 = TLanes.Broadcast(x[24]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                x1 = TLanes.Broadcast(x[25]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                x2 = TLanes.Broadcast(x[26]);
                c20 = TLanes.FusedMultiplyAdd(x2, q0, c20); c21 = TLanes.FusedMultiplyAdd(x2, q1, c21);
                x3 = TLanes.Broadcast(x[27]);
                c30 = TLanes.FusedMultiplyAdd(x3, q0, c30); c31 = TLanes.FusedMultiplyAdd(x3, q1, c31);
                x4 = TLanes.Broadcast(x[28]);
                c40 = TLanes.FusedMultiplyAdd(x4, q0, c40); c41 = TLanes.FusedMultiplyAdd(x4, q1, c41);
                x5 = TLanes.Broadcast(x[29]);
                c50 = TLanes.FusedMultiplyAdd(x5, q0, c50); c51 = TLanes.FusedMultiplyAdd(x5, q1, c51);
                x6 = TLanes.Broadcast(x[30]);
                c60 = TLanes.FusedMultiplyAdd(x6, q0, c60); c61 = TLanes.FusedMultiplyAdd(x6, q1, c61);
                x7 = TLanes.Broadcast(x[31]);
                c70 = TLanes.FusedMultiplyAdd(x7, q0, c70); c71 = TLanes.FusedMultiplyAdd(x7, q1, c71);
                if (TCodes.WordInputs == 8)
                {
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 4), s0, m0); q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 4), s1, m1);
                    x0 = TLanes.Broadcast(x[32]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                    x1 = TLanes.Broadcast(x[33]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                    x2 = TLanes.Broadcast(x[34]);
                    c20 = TLanes.FusedMultiplyAdd(x2, q0, c20); c21 = TLanes.FusedMultiplyAdd(x2, q1, c21);
                    x3 = TLanes.Broadcast(x[35]);
                    c30 = TLanes.FusedMultiplyAdd(x3, q0, c30); c31 = TLanes.FusedMultiplyAdd(x3, q1, c31);
                    x4 = TLanes.Broadcast(x[36]);
                    c40 = TLanes.FusedMultiplyAdd(x4, q0, c40); c41 = TLanes.FusedMultiplyAdd(x4, q1, c41);
                    x5 = TLanes.Broadcast(x[37]);
                    c50 = TLanes.FusedMultiplyAdd(x5, q0, c50); c51 = TLanes.FusedMultiplyAdd(x5, q1, c51);
                    x6 = TLanes.Broadcast(x[38]);
                    c60 = TLanes.FusedMultiplyAdd(x6, q0, c60); c61 = TLanes.FusedMultiplyAdd(x6, q1, c61);
                    x7 = TLanes.Broadcast(x[39]);
                    c70 = TLanes.FusedMultiplyAdd(x7, q0, c70); c71 = TLanes.FusedMultiplyAdd(x7, q1, c71);
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 5), s0, m0); q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 5), s1, m1);
                    x0 = TLanes.Broadcast(x[40]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                    x1 = TLanes.Broadcast(x[41]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                    x2 = TLanes.Broadcast(x[42]);
                    c20 = TLanes.FusedMultiplyAdd(x2, q0, c20); c21 = TLanes.FusedMultiplyAdd(x2, q1, c21);
                    x3 = TLanes.Broadcast(x[43]);
                    c30 = TLanes.FusedMultiplyAdd(x3, q0, c30); c31 = TLanes.FusedMultiplyAdd(x3, q1, c31);
                    x4 = TLanes.Broadcast(x[44]);
                    c40 = TLanes.FusedMultiplyAdd(x4, q0, c40); c41 = TLanes.FusedMultiplyAdd(x4, q1, c41);
                    x5 = TLanes.Broadcast(x[45]);
                    c50 = TLanes.FusedMultiplyAdd(x5, q0, c50); c51 = TLanes.FusedMultiplyAdd(x5, q1, c51);
                    x6 = TLanes.Broadcast(x[46]);
                    c60 = TLanes.FusedMultiplyAdd(x6, q0, c60); c61 = TLanes.FusedMultiplyAdd(x6, q1, c61);
                    x7 = TLanes.Broadcast(x[47]);
                    c70 = TLanes.FusedMultiplyAdd(x7, q0, c70); c71 = TLanes.FusedMultiplyAdd(x7, q1, c71);
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 6), s0, m0); q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 6), s1, m1);
                    x0 = TLanes.Broadcast(x[48]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                    x1 = TLanes.Broadcast(x[49]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                    x2 = TLanes.Broadcast(x[50]);
                    c20 = TLanes.FusedMultiplyAdd(x2, q0, c20); c21 = TLanes.FusedMultiplyAdd(x2, q1, c21);
                    x3 = TLanes.Broadcast(x[51]);
                    c30 = TLanes.FusedMultiplyAdd(x3, q0, c30); c31 = TLanes.FusedMultiplyAdd(x3, q1, c31);
                    x4 = TLanes.Broadcast(x[52]);
                    c40 = TLanes.FusedMultiplyAdd(x4, q0, c40); c41 = TLanes.FusedMultiplyAdd(x4, q1, c41);
                    x5 = TLanes.Broadcast(x[53]);
                    c50 = TLanes.FusedMultiplyAdd(x5, q0, c50); c51 = TLanes.FusedMultiplyAdd(x5, q1, c51);
                    x6 = TLanes.Broadcast(x[54]);
                    c60 = TLanes.FusedMultiplyAdd(x6, q0, c60); c61 = TLanes.FusedMultiplyAdd(x6, q1, c61);
                    x7 = TLanes.Broadcast(x[55]);
                    c70 = TLanes.FusedMultiplyAdd(x7, q0, c70); c71 = TLanes.FusedMultiplyAdd(x7, q1, c71);
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 7), s0, m0); q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 7), s1, m1);
                    x0 = TLanes.Broadcast(x[56]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                    x1 = TLanes.Broadcast(x[57]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                    x2 = TLanes.Broadcast(x[58]);
                    c20 = TLanes.FusedMultiplyAdd(x2, q0, c20); c21 = TLanes.FusedMultiplyAdd(x2, q1, c21);
                    x3 = TLanes.Broadcast(x[59]);
                    c30 = TLanes.FusedMultiplyAdd(x3, q0, c30); c31 = TLanes.FusedMultiplyAdd(x3, q1, c31);
                    x4 = TLanes.Broadcast(x[60]);
                    c40 = TLanes.FusedMultiplyAdd(x4, q0, c40); c41 = TLanes.FusedMultiplyAdd(x4, q1, c41);
                    x5 = TLanes.Broadcast(x[61]);
                    c50 = TLanes.FusedMultiplyAdd(x5, q0, c50); c51 = TLanes.FusedMultiplyAdd(x5, q1, c51);
                    x6 = TLanes.Broadcast(x[62]);
                    c60 = TLanes.FusedMultiplyAdd(x6, q0, c60); c61 = TLanes.FusedMultiplyAdd(x6, q1, c61);
                    x7 = TLanes.Broadcast(x[63]);
                    c70 = TLanes.FusedMultiplyAdd(x7, q0, c70); c71 = TLanes.FusedMultiplyAdd(x7, q1, c71);
                }
                w0 += PanelLayout.WordBytes;
                w1 += PanelLayout.WordBytes;
                x += TCodes.WordInputs * 8;
            }
        }
        TLanes.Store(c00, y + 0); TLanes.Store(c01, y + 16);
        TLanes.Store(c10, y + 32); TLanes.Store(c11, y + 48);
        TLanes.Store(c20, y + 64); TLanes.Store(c21, y + 80);
        TLanes.Store(c30, y + 96); TLanes.Store(c31, y + 112);
        TLanes.Store(c40, y + 128); TLanes.Store(c41, y + 144);
        TLanes.Store(c50, y + 160); TLanes.Store(c51, y + 176);
        TLanes.Store(c60, y + 192); TLanes.Store(c61, y + 208);
        TLanes.Store(c70, y + 224); TLanes.Store(c71, y + 240);
    }

    /// <summary>4 rows by 2 panels: x is packed [k][4], y [4][32].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CodeTile4x2<TCodes>(float* x, byte* w0, long panelBytes, long parameterOffset, int groups, float* y) where TCodes : struct, ICodePanels<TLanes>
    {
        TLanes c00 = TLanes.Zero, c01 = TLanes.Zero;
        TLanes c10 = TLanes.Zero, c11 = TLanes.Zero;
        TLanes c20 = TLanes.Zero, c21 = TLanes.Zero;
        TLanes c30 = TLanes.Zero, c31 = TLanes.Zero;
        var w1 = w0 + panelBytes;
        byte* p0 = w0 + parameterOffset, p1 = w1 + parameterOffset;
        long ahead = 2 * PrefetchBytes;
        for (var group = 0; group < groups; group++)
        {
            if (group == groups - 2 * PrefetchBytes / TCodes.CodeBytes)
                ahead += 2 * panelBytes - (long)groups * TCodes.CodeBytes;
            TLanes s0 = TLanes.LoadF16((ushort*)p0), m0 = TCodes.Minimum(p0, s0), s1 = TLanes.LoadF16((ushort*)p1), m1 = TCodes.Minimum(p1, s1);
            p0 += TCodes.ParameterBytes;
            p1 += TCodes.ParameterBytes;
            for (var word = 0; word < TCodes.CodeBytes; word += PanelLayout.WordBytes)
            {
                Prefetch(w0 + ahead);
                Prefetch(w1 + ahead);
                TLanes q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 0), s0, m0), q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 0), s1, m1);
                var x0 = TLanes.Broadcast(x[0]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                var x1 = TLanes.Broadcast(x[1]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                var x2 = TLanes.Broadcast(x[2]);
                c20 = TLanes.FusedMultiplyAdd(x2, q0, c20); c21 = TLanes.FusedMultiplyAdd(x2, q1, c21);
                var x3 = TLanes.Broadcast(x[3]);
                c30 = TLanes.FusedMultiplyAdd(x3, q0, c30); c31 = TLanes.FusedMultiplyAdd(x3, q1, c31);
                q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 1), s0, m0); q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 1), s1, m1);
                x0 = TLanes.Broadcast(x[4]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                x1 = TLanes.Broadcast(x[5]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                x2 = TLanes.Broadcast(x[6]);
                c20 = TLanes.FusedMultiplyAdd(x2, q0, c20); c21 = TLanes.FusedMultiplyAdd(x2, q1, c21);
                x3 = TLanes.Broadcast(x[7]);
                c30 = TLanes.FusedMultiplyAdd(x3, q0, c30); c31 = TLanes.FusedMultiplyAdd(x3, q1, c31);
                q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 2), s0, m0); q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 2), s1, m1);
                x0 = TLanes.Broadcast(x[8]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                x1 = TLanes.Broadcast(x[9]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                x2 = TLanes.Broadcast(x[10]);
                c20 = TLanes.FusedMultiplyAdd(x2, q0, c20); c21 = TLanes.FusedMultiplyAdd(x2, q1, c21);
                x3 = TLanes.Broadcast(x[11]);
                c30 = TLanes.FusedMultiplyAdd(x3, q0, c30); c31 = TLanes.FusedMultiplyAdd(x3, q1, c31);
                q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 3), s0, m0); q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 3), s1, m1);
                x0 = TLanes.Broadcast(x[12]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                x1 = TLanes.Broadcast(x[13]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                x2 = TLanes.Broadcast(x[14]);
                c20 = TLanes.FusedMultiplyAdd(x2, q0, c20); c21 = TLanes.FusedMultiplyAdd(x2, q1, c21);
                x3 = TLanes.Broadcast(x[15]);
                c30 = TLanes.FusedMultiplyAdd(x3, q0, c30); c31 = TLanes.FusedMultiplyAdd(x3, q1, c31);
                if (TCodes.WordInputs == 8)
                {
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 4), s0, m0); q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 4), s1, m1);
                    x0 = TLanes.Broadcast(x[16]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                    x1 = TLanes.Broadcast(x[17]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                    x2 = TLanes.Broadcast(x[18]);
                    c20 = TLanes.FusedMultiplyAdd(x2, q0, c20); c21 = TLanes.FusedMultiplyAdd(x2, q1, c21);
                    x3 = TLanes.Broadcast(x[19]);
                    c30 = TLanes.FusedMultiplyAdd(x3, q0, c30); c31 = TLanes.FusedMultiplyAdd(x3, q1, c31);
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 5), s0, m0); q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 5), s1, m1);
                    x0 = TLanes.Broadcast(x[20]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                    x1 = TLanes.Broadcast(x[21]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                    x2 = TLanes.Broadcast(x[22]);
                    c20 = TLanes.FusedMultiplyAdd(x2, q0, c20); c21 = TLanes.FusedMultiplyAdd(x2, q1, c21);
                    x3 = TLanes.Broadcast(x[23]);
                    c30 = TLanes.FusedMultiplyAdd(x3, q0, c30); c31 = TLanes.FusedMultiplyAdd(x3, q1, c31);
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 6), s0, m0); q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 6), s1, m1);
                    x0 = TLanes.Broadcast(x[24]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                    x1 = TLanes.Broadcast(x[25]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                    x2 = TLanes.Broadcast(x[26]);
                    c20 = TLanes.FusedMultiplyAdd(x2, q0, c20); c21 = TLanes.FusedMultiplyAdd(x2, q1, c21);
                    x3 = TLanes.Broadcast(x[27]);
                    c30 = TLanes.FusedMultiplyAdd(x3, q0, c30); c31 = TLanes.FusedMultiplyAdd(x3, q1, c31);
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 7), s0, m0); q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 7), s1, m1);
                    x0 = TLanes.Broadcast(x[28]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                    x1 = TLanes.Broadcast(x[29]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                    x2 = TLanes.Broadcast(x[30]);
                    c20 = TLanes.FusedMultiplyAdd(x2, q0, c20); c21 = TLanes.FusedMultiplyAdd(x2, q1, c21);
                    x3 = TLanes.Broadcast(x[31]);
                    c30 = TLanes.FusedMultiplyAdd(x3, q0, c30); c31 = TLanes.FusedMultiplyAdd(x3, q1, c31);
                }
                w0 += PanelLayout.WordBytes;
                w1 += PanelLayout.WordBytes;
                x += TCodes.WordInputs * 4;
            }
        }
        TLanes.Store(c00, y + 0); TLanes.Store(c01, y + 16);
        TLanes.Store(c10, y + 32); TLanes.Store(c11, y + 48);
        TLanes.Store(c20, y + 64); TLanes.Store(c21, y + 80);
        TLanes.Store(c30, y + 96); TLanes.Store(c31, y + 112);
    }

    /// <summary>2 rows by 2 panels: x is packed [k][2], y [2][32].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CodeTile2x2<TCodes>(float* x, byte* w0, long panelBytes, long parameterOffset, int groups, float* y) where TCodes : struct, ICodePanels<TLanes>
    {
        TLanes c00 = TLanes.Zero, c01 = TLanes.Zero;
        TLanes c10 = TLanes.Zero, c11 = TLanes.Zero;
        var w1 = w0 + panelBytes;
        byte* p0 = w0 + parameterOffset, p1 = w1 + parameterOffset;
        long ahead = 2 * PrefetchBytes;
        for (var group = 0; group < groups; group++)
        {
            if (group == groups - 2 * PrefetchBytes / TCodes.CodeBytes)
                ahead += 2 * panelBytes - (long)groups * TCodes.CodeBytes;
            TLanes s0 = TLanes.LoadF16((ushort*)p0), m0 = TCodes.Minimum(p0, s0), s1 = TLanes.LoadF16((ushort*)p1), m1 = TCodes.Minimum(p1, s1);
            p0 += TCodes.ParameterBytes;
            p1 += TCodes.ParameterBytes;
            for (var word = 0; word < TCodes.CodeBytes; word += PanelLayout.WordBytes)
            {
                Prefetch(w0 + ahead);
                Prefetch(w1 + ahead);
                TLanes q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 0), s0, m0), q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 0), s1, m1);
                var x0 = TLanes.Broadcast(x[0]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                var x1 = TLanes.Broadcast(x[1]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 1), s0, m0); q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 1), s1, m1);
                x0 = TLanes.Broadcast(x[2]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                x1 = TLanes.Broadcast(x[3]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 2), s0, m0); q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 2), s1, m1);
                x0 = TLanes.Broadcast(x[4]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                x1 = TLanes.Broadcast(x[5]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 3), s0, m0); q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 3), s1, m1);
                x0 = TLanes.Broadcast(x[6]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                x1 = TLanes.Broadcast(x[7]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                if (TCodes.WordInputs == 8)
                {
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 4), s0, m0); q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 4), s1, m1);
                    x0 = TLanes.Broadcast(x[8]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                    x1 = TLanes.Broadcast(x[9]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 5), s0, m0); q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 5), s1, m1);
                    x0 = TLanes.Broadcast(x[10]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                    x1 = TLanes.Broadcast(x[11]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 6), s0, m0); q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 6), s1, m1);
                    x0 = TLanes.Broadcast(x[12]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                    x1 = TLanes.Broadcast(x[13]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 7), s0, m0); q1 = TLanes.FusedMultiplyAdd(TCodes.Code(w1, 7), s1, m1);
                    x0 = TLanes.Broadcast(x[14]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00); c01 = TLanes.FusedMultiplyAdd(x0, q1, c01);
                    x1 = TLanes.Broadcast(x[15]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10); c11 = TLanes.FusedMultiplyAdd(x1, q1, c11);
                }
                w0 += PanelLayout.WordBytes;
                w1 += PanelLayout.WordBytes;
                x += TCodes.WordInputs * 2;
            }
        }
        TLanes.Store(c00, y + 0); TLanes.Store(c01, y + 16);
        TLanes.Store(c10, y + 32); TLanes.Store(c11, y + 48);
    }

    /// <summary>6 rows by 1 panel: x is packed [k][6], y [6][16].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CodeTile6x1<TCodes>(float* x, byte* w0, long panelBytes, long parameterOffset, int groups, float* y) where TCodes : struct, ICodePanels<TLanes>
    {
        TLanes c00 = TLanes.Zero;
        TLanes c10 = TLanes.Zero;
        TLanes c20 = TLanes.Zero;
        TLanes c30 = TLanes.Zero;
        TLanes c40 = TLanes.Zero;
        TLanes c50 = TLanes.Zero;
        byte* p0 = w0 + parameterOffset;
        long ahead = PrefetchBytes;
        for (var group = 0; group < groups; group++)
        {
            if (group == groups - PrefetchBytes / TCodes.CodeBytes)
                ahead += 1 * panelBytes - (long)groups * TCodes.CodeBytes;
            TLanes s0 = TLanes.LoadF16((ushort*)p0), m0 = TCodes.Minimum(p0, s0);
            p0 += TCodes.ParameterBytes;
            for (var word = 0; word < TCodes.CodeBytes; word += PanelLayout.WordBytes)
            {
                Prefetch(w0 + ahead);
                TLanes q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 0), s0, m0);
                var x0 = TLanes.Broadcast(x[0]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                var x1 = TLanes.Broadcast(x[1]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                var x2 = TLanes.Broadcast(x[2]);
                c20 = TLanes.FusedMultiplyAdd(x2, q0, c20);
                var x3 = TLanes.Broadcast(x[3]);
                c30 = TLanes.FusedMultiplyAdd(x3, q0, c30);
                var x4 = TLanes.Broadcast(x[4]);
                c40 = TLanes.FusedMultiplyAdd(x4, q0, c40);
                var x5 = TLanes.Broadcast(x[5]);
                c50 = TLanes.FusedMultiplyAdd(x5, q0, c50);
                q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 1), s0, m0);
                x0 = TLanes.Broadcast(x[6]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                x1 = TLanes.Broadcast(x[7]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                x2 = TLanes.Broadcast(x[8]);
                c20 = TLanes.FusedMultiplyAdd(x2, q0, c20);
                x3 = TLanes.Broadcast(x[9]);
                c30 = TLanes.FusedMultiplyAdd(x3, q0, c30);
                x4 = TLanes.Broadcast(x[10]);
                c40 = TLanes.FusedMultiplyAdd(x4, q0, c40);
                x5 = TLanes.Broadcast(x[11]);
                c50 = TLanes.FusedMultiplyAdd(x5, q0, c50);
                q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 2), s0, m0);
                x0 = TLanes.Broadcast(x[12]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                x1 = TLanes.Broadcast(x[13]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                x2 = TLanes.Broadcast(x[14]);
                c20 = TLanes.FusedMultiplyAdd(x2, q0, c20);
                x3 = TLanes.Broadcast(x[15]);
                c30 = TLanes.FusedMultiplyAdd(x3, q0, c30);
                x4 = TLanes.Broadcast(x[16]);
                c40 = TLanes.FusedMultiplyAdd(x4, q0, c40);
                x5 = TLanes.Broadcast(x[17]);
                c50 = TLanes.FusedMultiplyAdd(x5, q0, c50);
                q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 3), s0, m0);
                x0 = TLanes.Broadcast(x[18]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                x1 = TLanes.Broadcast(x[19]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                x2 = TLanes.Broadcast(x[20]);
                c20 = TLanes.FusedMultiplyAdd(x2, q0, c20);
                x3 = TLanes.Broadcast(x[21]);
                c30 = TLanes.FusedMultiplyAdd(x3, q0, c30);
                x4 = TLanes.Broadcast(x[22]);
                c40 = TLanes.FusedMultiplyAdd(x4, q0, c40);
                x5 = TLanes.Broadcast(x[23]);
                c50 = TLanes.FusedMultiplyAdd(x5, q0, c50);
                if (TCodes.WordInputs == 8)
                {
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 4), s0, m0);
                    x0 = TLanes.Broadcast(x[24]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                    x1 = TLanes.Broadcast(x[25]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                    x2 = TLanes.Broadcast(x[26]);
                    c20 = TLanes.FusedMultiplyAdd(x2, q0, c20);
                    x3 = TLanes.Broadcast(x[27]);
                    c30 = TLanes.FusedMultiplyAdd(x3, q0, c30);
                    x4 = TLanes.Broadcast(x[28]);
                    c40 = TLanes.FusedMultiplyAdd(x4, q0, c40);
                    x5 = TLanes.Broadcast(x[29]);
                    c50 = TLanes.FusedMultiplyAdd(x5, q0, c50);
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 5), s0, m0);
                    x0 = TLanes.Broadcast(x[30]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                    x1 = TLanes.Broadcast(x[31]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                    x2 = TLanes.Broadcast(x[32]);
                    c20 = TLanes.FusedMultiplyAdd(x2, q0, c20);
                    x3 = TLanes.Broadcast(x[33]);
                    c30 = TLanes.FusedMultiplyAdd(x3, q0, c30);
                    x4 = TLanes.Broadcast(x[34]);
                    c40 = TLanes.FusedMultiplyAdd(x4, q0, c40);
                    x5 = TLanes.Broadcast(x[35]);
                    c50 = TLanes.FusedMultiplyAdd(x5, q0, c50);
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 6), s0, m0);
                    x0 = TLanes.Broadcast(x[36]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                    x1 = TLanes.Broadcast(x[37]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                    x2 = TLanes.Broadcast(x[38]);
                    c20 = TLanes.FusedMultiplyAdd(x2, q0, c20);
                    x3 = TLanes.Broadcast(x[39]);
                    c30 = TLanes.FusedMultiplyAdd(x3, q0, c30);
                    x4 = TLanes.Broadcast(x[40]);
                    c40 = TLanes.FusedMultiplyAdd(x4, q0, c40);
                    x5 = TLanes.Broadcast(x[41]);
                    c50 = TLanes.FusedMultiplyAdd(x5, q0, c50);
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 7), s0, m0);
                    x0 = TLanes.Broadcast(x[42]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                    x1 = TLanes.Broadcast(x[43]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                    x2 = TLanes.Broadcast(x[44]);
                    c20 = TLanes.FusedMultiplyAdd(x2, q0, c20);
                    x3 = TLanes.Broadcast(x[45]);
                    c30 = TLanes.FusedMultiplyAdd(x3, q0, c30);
                    x4 = TLanes.Broadcast(x[46]);
                    c40 = TLanes.FusedMultiplyAdd(x4, q0, c40);
                    x5 = TLanes.Broadcast(x[47]);
                    c50 = TLanes.FusedMultiplyAdd(x5, q0, c50);
                }
                w0 += PanelLayout.WordBytes;
                x += TCodes.WordInputs * 6;
            }
        }
        TLanes.Store(c00, y + 0);
        TLanes.Store(c10, y + 16);
        TLanes.Store(c20, y + 32);
        TLanes.Store(c30, y + 48);
        TLanes.Store(c40, y + 64);
        TLanes.Store(c50, y + 80);
    }

    /// <summary>4 rows by 1 panel: x is packed [k][4], y [4][16].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CodeTile4x1<TCodes>(float* x, byte* w0, long panelBytes, long parameterOffset, int groups, float* y) where TCodes : struct, ICodePanels<TLanes>
    {
        TLanes c00 = TLanes.Zero;
        TLanes c10 = TLanes.Zero;
        TLanes c20 = TLanes.Zero;
        TLanes c30 = TLanes.Zero;
        byte* p0 = w0 + parameterOffset;
        long ahead = PrefetchBytes;
        for (var group = 0; group < groups; group++)
        {
            if (group == groups - PrefetchBytes / TCodes.CodeBytes)
                ahead += 1 * panelBytes - (long)groups * TCodes.CodeBytes;
            TLanes s0 = TLanes.LoadF16((ushort*)p0), m0 = TCodes.Minimum(p0, s0);
            p0 += TCodes.ParameterBytes;
            for (var word = 0; word < TCodes.CodeBytes; word += PanelLayout.WordBytes)
            {
                Prefetch(w0 + ahead);
                TLanes q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 0), s0, m0);
                var x0 = TLanes.Broadcast(x[0]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                var x1 = TLanes.Broadcast(x[1]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                var x2 = TLanes.Broadcast(x[2]);
                c20 = TLanes.FusedMultiplyAdd(x2, q0, c20);
                var x3 = TLanes.Broadcast(x[3]);
                c30 = TLanes.FusedMultiplyAdd(x3, q0, c30);
                q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 1), s0, m0);
                x0 = TLanes.Broadcast(x[4]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                x1 = TLanes.Broadcast(x[5]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                x2 = TLanes.Broadcast(x[6]);
                c20 = TLanes.FusedMultiplyAdd(x2, q0, c20);
                x3 = TLanes.Broadcast(x[7]);
                c30 = TLanes.FusedMultiplyAdd(x3, q0, c30);
                q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 2), s0, m0);
                x0 = TLanes.Broadcast(x[8]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                x1 = TLanes.Broadcast(x[9]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                x2 = TLanes.Broadcast(x[10]);
                c20 = TLanes.FusedMultiplyAdd(x2, q0, c20);
                x3 = TLanes.Broadcast(x[11]);
                c30 = TLanes.FusedMultiplyAdd(x3, q0, c30);
                q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 3), s0, m0);
                x0 = TLanes.Broadcast(x[12]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                x1 = TLanes.Broadcast(x[13]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                x2 = TLanes.Broadcast(x[14]);
                c20 = TLanes.FusedMultiplyAdd(x2, q0, c20);
                x3 = TLanes.Broadcast(x[15]);
                c30 = TLanes.FusedMultiplyAdd(x3, q0, c30);
                if (TCodes.WordInputs == 8)
                {
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 4), s0, m0);
                    x0 = TLanes.Broadcast(x[16]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                    x1 = TLanes.Broadcast(x[17]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                    x2 = TLanes.Broadcast(x[18]);
                    c20 = TLanes.FusedMultiplyAdd(x2, q0, c20);
                    x3 = TLanes.Broadcast(x[19]);
                    c30 = TLanes.FusedMultiplyAdd(x3, q0, c30);
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 5), s0, m0);
                    x0 = TLanes.Broadcast(x[20]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                    x1 = TLanes.Broadcast(x[21]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                    x2 = TLanes.Broadcast(x[22]);
                    c20 = TLanes.FusedMultiplyAdd(x2, q0, c20);
                    x3 = TLanes.Broadcast(x[23]);
                    c30 = TLanes.FusedMultiplyAdd(x3, q0, c30);
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 6), s0, m0);
                    x0 = TLanes.Broadcast(x[24]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                    x1 = TLanes.Broadcast(x[25]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                    x2 = TLanes.Broadcast(x[26]);
                    c20 = TLanes.FusedMultiplyAdd(x2, q0, c20);
                    x3 = TLanes.Broadcast(x[27]);
                    c30 = TLanes.FusedMultiplyAdd(x3, q0, c30);
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 7), s0, m0);
                    x0 = TLanes.Broadcast(x[28]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                    x1 = TLanes.Broadcast(x[29]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                    x2 = TLanes.Broadcast(x[30]);
                    c20 = TLanes.FusedMultiplyAdd(x2, q0, c20);
                    x3 = TLanes.Broadcast(x[31]);
                    c30 = TLanes.FusedMultiplyAdd(x3, q0, c30);
                }
                w0 += PanelLayout.WordBytes;
                x += TCodes.WordInputs * 4;
            }
        }
        TLanes.Store(c00, y + 0);
        TLanes.Store(c10, y + 16);
        TLanes.Store(c20, y + 32);
        TLanes.Store(c30, y + 48);
    }

    /// <summary>2 rows by 1 panel: x is packed [k][2], y [2][16].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CodeTile2x1<TCodes>(float* x, byte* w0, long panelBytes, long parameterOffset, int groups, float* y) where TCodes : struct, ICodePanels<TLanes>
    {
        TLanes c00 = TLanes.Zero;
        TLanes c10 = TLanes.Zero;
        byte* p0 = w0 + parameterOffset;
        long ahead = PrefetchBytes;
        for (var group = 0; group < groups; group++)
        {
            if (group == groups - PrefetchBytes / TCodes.CodeBytes)
                ahead += 1 * panelBytes - (long)groups * TCodes.CodeBytes;
            TLanes s0 = TLanes.LoadF16((ushort*)p0), m0 = TCodes.Minimum(p0, s0);
            p0 += TCodes.ParameterBytes;
            for (var word = 0; word < TCodes.CodeBytes; word += PanelLayout.WordBytes)
            {
                Prefetch(w0 + ahead);
                TLanes q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 0), s0, m0);
                var x0 = TLanes.Broadcast(x[0]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                var x1 = TLanes.Broadcast(x[1]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 1), s0, m0);
                x0 = TLanes.Broadcast(x[2]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                x1 = TLanes.Broadcast(x[3]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 2), s0, m0);
                x0 = TLanes.Broadcast(x[4]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                x1 = TLanes.Broadcast(x[5]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 3), s0, m0);
                x0 = TLanes.Broadcast(x[6]);
                c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                x1 = TLanes.Broadcast(x[7]);
                c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                if (TCodes.WordInputs == 8)
                {
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 4), s0, m0);
                    x0 = TLanes.Broadcast(x[8]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                    x1 = TLanes.Broadcast(x[9]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 5), s0, m0);
                    x0 = TLanes.Broadcast(x[10]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                    x1 = TLanes.Broadcast(x[11]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 6), s0, m0);
                    x0 = TLanes.Broadcast(x[12]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                    x1 = TLanes.Broadcast(x[13]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                    q0 = TLanes.FusedMultiplyAdd(TCodes.Code(w0, 7), s0, m0);
                    x0 = TLanes.Broadcast(x[14]);
                    c00 = TLanes.FusedMultiplyAdd(x0, q0, c00);
                    x1 = TLanes.Broadcast(x[15]);
                    c10 = TLanes.FusedMultiplyAdd(x1, q0, c10);
                }
                w0 += PanelLayout.WordBytes;
                x += TCodes.WordInputs * 2;
            }
        }
        TLanes.Store(c00, y + 0);
        TLanes.Store(c10, y + 16);
    }
}
