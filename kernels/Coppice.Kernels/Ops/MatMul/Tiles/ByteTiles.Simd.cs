// Written by kernels/Coppice.Kernels.Tiles.
using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

/// <summary>Int8 rows by Q8 panels: see the remarks of the integer products.</summary>
internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>Q8: 1 row by 1 panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Bytes1x1(sbyte* x, float* scales, float* sums, byte* w0, long panelBytes, long parameterOffset, int groups, float* c)
    {
        byte* p0 = w0 + parameterOffset;
        TLanes c0 = TLanes.Zero;
        for (var group = 0; group < groups; group++)
        {
            TLanes il00 = TLanes.Zero;
            TLanes ih00 = TLanes.Zero;
            for (var word = 0; word < PanelLayout.Q8CodeBytes; word += PanelLayout.WordBytes)
            {
                TLanes l0 = TLanes.LowNibbles(w0), h0 = TLanes.HighNibbles(w0);
                var x0 = TLanes.BroadcastWord(x + 0);
                il00 = TLanes.AddShorts(il00, TLanes.MultiplyPairs(l0, x0));
                ih00 = TLanes.AddShorts(ih00, TLanes.MultiplyPairs(h0, x0));
                w0 += PanelLayout.WordBytes;
                x += 4;
            }
            TLanes s0 = TLanes.LoadF16((ushort*)p0);
            c0 = AddBytes(il00, ih00, s0, scales[0], sums[0], c0);
            scales += 1;
            sums += 1;
            p0 += PanelLayout.Q8ParameterBytes;
        }
        TLanes.Store(c0, c + 0);
    }

    /// <summary>Q8: 1 row by 4 panels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Bytes1x4(sbyte* x, float* scales, float* sums, byte* w0, long panelBytes, long parameterOffset, int groups, float* c)
    {
        var w1 = w0 + panelBytes;
        var w2 = w1 + panelBytes;
        var w3 = w2 + panelBytes;
        byte* p0 = w0 + parameterOffset, p1 = w1 + parameterOffset, p2 = w2 + parameterOffset, p3 = w3 + parameterOffset;
        TLanes c0 = TLanes.Zero, c1 = TLanes.Zero, c2 = TLanes.Zero, c3 = TLanes.Zero;
        long ahead = PrefetchBytes, ahead2 = PrefetchBytes / PanelLayout.Q8CodeBytes * PanelLayout.Q8ParameterBytes;
        for (var group = 0; group < groups; group++)
        {
            if (group == groups - PrefetchBytes / PanelLayout.Q8CodeBytes)
            {
                ahead += 4 * panelBytes - (long)groups * PanelLayout.Q8CodeBytes;
                ahead2 += 4 * panelBytes - (long)groups * PanelLayout.Q8ParameterBytes;
            }
            Prefetch(p0 + ahead2);
            Prefetch(p1 + ahead2);
            Prefetch(p2 + ahead2);
            Prefetch(p3 + ahead2);
            TLanes il00 = TLanes.Zero, il01 = TLanes.Zero, il02 = TLanes.Zero, il03 = TLanes.Zero;
            TLanes ih00 = TLanes.Zero, ih01 = TLanes.Zero, ih02 = TLanes.Zero, ih03 = TLanes.Zero;
            for (var word = 0; word < PanelLayout.Q8CodeBytes; word += PanelLayout.WordBytes)
            {
                Prefetch(w0 + ahead);
                Prefetch(w1 + ahead);
                Prefetch(w2 + ahead);
                Prefetch(w3 + ahead);
                TLanes l0 = TLanes.LowNibbles(w0), h0 = TLanes.HighNibbles(w0), l1 = TLanes.LowNibbles(w1), h1 = TLanes.HighNibbles(w1), l2 = TLanes.LowNibbles(w2), h2 = TLanes.HighNibbles(w2), l3 = TLanes.LowNibbles(w3), h3 = TLanes.HighNibbles(w3);
                var x0 = TLanes.BroadcastWord(x + 0);
                il00 = TLanes.AddShorts(il00, TLanes.MultiplyPairs(l0, x0));
                ih00 = TLanes.AddShorts(ih00, TLanes.MultiplyPairs(h0, x0));
                il01 = TLanes.AddShorts(il01, TLanes.MultiplyPairs(l1, x0));
                ih01 = TLanes.AddShorts(ih01, TLanes.MultiplyPairs(h1, x0));
                il02 = TLanes.AddShorts(il02, TLanes.MultiplyPairs(l2, x0));
                ih02 = TLanes.AddShorts(ih02, TLanes.MultiplyPairs(h2, x0));
                il03 = TLanes.AddShorts(il03, TLanes.MultiplyPairs(l3, x0));
                ih03 = TLanes.AddShorts(ih03, TLanes.MultiplyPairs(h3, x0));
                w0 += PanelLayout.WordBytes;
                w1 += PanelLayout.WordBytes;
                w2 += PanelLayout.WordBytes;
                w3 += PanelLayout.WordBytes;
                x += 4;
            }
            TLanes s0 = TLanes.LoadF16((ushort*)p0), s1 = TLanes.LoadF16((ushort*)p1), s2 = TLanes.LoadF16((ushort*)p2), s3 = TLanes.LoadF16((ushort*)p3);
            c0 = AddBytes(il00, ih00, s0, scales[0], sums[0], c0);
            c1 = AddBytes(il01, ih01, s1, scales[0], sums[0], c1);
            c2 = AddBytes(il02, ih02, s2, scales[0], sums[0], c2);
            c3 = AddBytes(il03, ih03, s3, scales[0], sums[0], c3);
            scales += 1;
            sums += 1;
            p0 += PanelLayout.Q8ParameterBytes;
            p1 += PanelLayout.Q8ParameterBytes;
            p2 += PanelLayout.Q8ParameterBytes;
            p3 += PanelLayout.Q8ParameterBytes;
        }
        TLanes.Store(c0, c + 0);
        TLanes.Store(c1, c + 16);
        TLanes.Store(c2, c + 32);
        TLanes.Store(c3, c + 48);
    }

    /// <summary>Q8: 2 rows by 1 panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Bytes2x1(sbyte* x, float* scales, float* sums, byte* w0, long panelBytes, long parameterOffset, int groups, float* c)
    {
        byte* p0 = w0 + parameterOffset;
        long ahead = PrefetchBytes;
        for (var group = 0; group < groups; group++)
        {
            if (group == groups - PrefetchBytes / PanelLayout.Q8CodeBytes)
                ahead += 1 * panelBytes - (long)groups * PanelLayout.Q8CodeBytes;
            TLanes il00 = TLanes.Zero;
            TLanes ih00 = TLanes.Zero;
            TLanes il10 = TLanes.Zero;
            TLanes ih10 = TLanes.Zero;
            for (var word = 0; word < PanelLayout.Q8CodeBytes; word += PanelLayout.WordBytes)
            {
                Prefetch(w0 + ahead);
                TLanes l0 = TLanes.LowNibbles(w0), h0 = TLanes.HighNibbles(w0);
                var x0 = TLanes.BroadcastWord(x + 0);
                il00 = TLanes.AddShorts(il00, TLanes.MultiplyPairs(l0, x0));
                ih00 = TLanes.AddShorts(ih00, TLanes.MultiplyPairs(h0, x0));
                var x1 = TLanes.BroadcastWord(x + 4);
                il10 = TLanes.AddShorts(il10, TLanes.MultiplyPairs(l0, x1));
                ih10 = TLanes.AddShorts(ih10, TLanes.MultiplyPairs(h0, x1));
                w0 += PanelLayout.WordBytes;
                x += 8;
            }
            TLanes s0 = TLanes.LoadF16((ushort*)p0);
            TLanes.Store(AddBytes(il00, ih00, s0, scales[0], sums[0], TLanes.Load(c + 0)), c + 0);
            TLanes.Store(AddBytes(il10, ih10, s0, scales[1], sums[1], TLanes.Load(c + 16)), c + 16);
            scales += 2;
            sums += 2;
            p0 += PanelLayout.Q8ParameterBytes;
        }
    }

    /// <summary>Q8: 4 rows by 1 panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Bytes4x1(sbyte* x, float* scales, float* sums, byte* w0, long panelBytes, long parameterOffset, int groups, float* c)
    {
        byte* p0 = w0 + parameterOffset;
        long ahead = PrefetchBytes;
        for (var group = 0; group < groups; group++)
        {
            if (group == groups - PrefetchBytes / PanelLayout.Q8CodeBytes)
                ahead += 1 * panelBytes - (long)groups * PanelLayout.Q8CodeBytes;
            TLanes il00 = TLanes.Zero;
            TLanes ih00 = TLanes.Zero;
            TLanes il10 = TLanes.Zero;
            TLanes ih10 = TLanes.Zero;
            TLanes il20 = TLanes.Zero;
            TLanes ih20 = TLanes.Zero;
            TLanes il30 = TLanes.Zero;
            TLanes ih30 = TLanes.Zero;
            for (var word = 0; word < PanelLayout.Q8CodeBytes; word += PanelLayout.WordBytes)
            {
                Prefetch(w0 + ahead);
                TLanes l0 = TLanes.LowNibbles(w0), h0 = TLanes.HighNibbles(w0);
                var x0 = TLanes.BroadcastWord(x + 0);
                il00 = TLanes.AddShorts(il00, TLanes.MultiplyPairs(l0, x0));
                ih00 = TLanes.AddShorts(ih00, TLanes.MultiplyPairs(h0, x0));
                var x1 = TLanes.BroadcastWord(x + 4);
                il10 = TLanes.AddShorts(il10, TLanes.MultiplyPairs(l0, x1));
                ih10 = TLanes.AddShorts(ih10, TLanes.MultiplyPairs(h0, x1));
                var x2 = TLanes.BroadcastWord(x + 8);
                il20 = TLanes.AddShorts(il20, TLanes.MultiplyPairs(l0, x2));
                ih20 = TLanes.AddShorts(ih20, TLanes.MultiplyPairs(h0, x2));
                var x3 = TLanes.BroadcastWord(x + 12);
                il30 = TLanes.AddShorts(il30, TLanes.MultiplyPairs(l0, x3));
                ih30 = TLanes.AddShorts(ih30, TLanes.MultiplyPairs(h0, x3));
                w0 += PanelLayout.WordBytes;
                x += 16;
            }
            TLanes s0 = TLanes.LoadF16((ushort*)p0);
            TLanes.Store(AddBytes(il00, ih00, s0, scales[0], sums[0], TLanes.Load(c + 0)), c + 0);
            TLanes.Store(AddBytes(il10, ih10, s0, scales[1], sums[1], TLanes.Load(c + 16)), c + 16);
            TLanes.Store(AddBytes(il20, ih20, s0, scales[2], sums[2], TLanes.Load(c + 32)), c + 32);
            TLanes.Store(AddBytes(il30, ih30, s0, scales[3], sums[3], TLanes.Load(c + 48)), c + 48);
            scales += 4;
            sums += 4;
            p0 += PanelLayout.Q8ParameterBytes;
        }
    }

    /// <summary>Q8: 8 rows by 1 panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Bytes8x1(sbyte* x, float* scales, float* sums, byte* w0, long panelBytes, long parameterOffset, int groups, float* c)
    {
        byte* p0 = w0 + parameterOffset;
        long ahead = PrefetchBytes;
        for (var group = 0; group < groups; group++)
        {
            if (group == groups - PrefetchBytes / PanelLayout.Q8CodeBytes)
                ahead += 1 * panelBytes - (long)groups * PanelLayout.Q8CodeBytes;
            TLanes il00 = TLanes.Zero;
            TLanes ih00 = TLanes.Zero;
            TLanes il10 = TLanes.Zero;
            TLanes ih10 = TLanes.Zero;
            TLanes il20 = TLanes.Zero;
            TLanes ih20 = TLanes.Zero;
            TLanes il30 = TLanes.Zero;
            TLanes ih30 = TLanes.Zero;
            TLanes il40 = TLanes.Zero;
            TLanes ih40 = TLanes.Zero;
            TLanes il50 = TLanes.Zero;
            TLanes ih50 = TLanes.Zero;
            TLanes il60 = TLanes.Zero;
            TLanes ih60 = TLanes.Zero;
            TLanes il70 = TLanes.Zero;
            TLanes ih70 = TLanes.Zero;
            for (var word = 0; word < PanelLayout.Q8CodeBytes; word += PanelLayout.WordBytes)
            {
                Prefetch(w0 + ahead);
                TLanes l0 = TLanes.LowNibbles(w0), h0 = TLanes.HighNibbles(w0);
                var x0 = TLanes.BroadcastWord(x + 0);
                il00 = TLanes.AddShorts(il00, TLanes.MultiplyPairs(l0, x0));
                ih00 = TLanes.AddShorts(ih00, TLanes.MultiplyPairs(h0, x0));
                var x1 = TLanes.BroadcastWord(x + 4);
                il10 = TLanes.AddShorts(il10, TLanes.MultiplyPairs(l0, x1));
                ih10 = TLanes.AddShorts(ih10, TLanes.MultiplyPairs(h0, x1));
                var x2 = TLanes.BroadcastWord(x + 8);
                il20 = TLanes.AddShorts(il20, TLanes.MultiplyPairs(l0, x2));
                ih20 = TLanes.AddShorts(ih20, TLanes.MultiplyPairs(h0, x2));
                var x3 = TLanes.BroadcastWord(x + 12);
                il30 = TLanes.AddShorts(il30, TLanes.MultiplyPairs(l0, x3));
                ih30 = TLanes.AddShorts(ih30, TLanes.MultiplyPairs(h0, x3));
                var x4 = TLanes.BroadcastWord(x + 16);
                il40 = TLanes.AddShorts(il40, TLanes.MultiplyPairs(l0, x4));
                ih40 = TLanes.AddShorts(ih40, TLanes.MultiplyPairs(h0, x4));
                var x5 = TLanes.BroadcastWord(x + 20);
                il50 = TLanes.AddShorts(il50, TLanes.MultiplyPairs(l0, x5));
                ih50 = TLanes.AddShorts(ih50, TLanes.MultiplyPairs(h0, x5));
                var x6 = TLanes.BroadcastWord(x + 24);
                il60 = TLanes.AddShorts(il60, TLanes.MultiplyPairs(l0, x6));
                ih60 = TLanes.AddShorts(ih60, TLanes.MultiplyPairs(h0, x6));
                var x7 = TLanes.BroadcastWord(x + 28);
                il70 = TLanes.AddShorts(il70, TLanes.MultiplyPairs(l0, x7));
                ih70 = TLanes.AddShorts(ih70, TLanes.MultiplyPairs(h0, x7));
                w0 += PanelLayout.WordBytes;
                x += 32;
            }
            TLanes s0 = TLanes.LoadF16((ushort*)p0);
            TLanes.Store(AddBytes(il00, ih00, s0, scales[0], sums[0], TLanes.Load(c + 0)), c + 0);
            TLanes.Store(AddBytes(il10, ih10, s0, scales[1], sums[1], TLanes.Load(c + 16)), c + 16);
            TLanes.Store(AddBytes(il20, ih20, s0, scales[2], sums[2], TLanes.Load(c + 32)), c + 32);
            TLanes.Store(AddBytes(il30, ih30, s0, scales[3], sums[3], TLanes.Load(c + 48)), c + 48);
            TLanes.Store(AddBytes(il40, ih40, s0, scales[4], sums[4], TLanes.Load(c + 64)), c + 64);
            TLanes.Store(AddBytes(il50, ih50, s0, scales[5], sums[5], TLanes.Load(c + 80)), c + 80);
            TLanes.Store(AddBytes(il60, ih60, s0, scales[6], sums[6], TLanes.Load(c + 96)), c + 96);
            TLanes.Store(AddBytes(il70, ih70, s0, scales[7], sums[7], TLanes.Load(c + 112)), c + 112);
            scales += 8;
            sums += 8;
            p0 += PanelLayout.Q8ParameterBytes;
        }
    }
}
