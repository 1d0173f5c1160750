using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

/// <summary>The inner loops over quantised weights with F32 activations: w = scale · code + minimum, then the same chain over k as for every other format.</summary>
internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>One row by 4 panels: y[16 · 4] for x [32 · groups]. Lines are asked for ahead as in <see cref="Row1x4"/>.</summary>
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

    /// <summary>One row by 1 panel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CodeRow1x1<TCodes>(float* x, byte* w, long parameterOffset, int groups, float* y) where TCodes : struct, ICodePanels<TLanes>
    {
        var c = TLanes.Zero;
        var parameters = w + parameterOffset;
        for (var group = 0; group < groups; group++)
        {
            var scale = TLanes.LoadF16((ushort*)parameters);
            var minimum = TCodes.Minimum(parameters, scale);
            for (var word = 0; word < TCodes.CodeBytes; word += PanelLayout.WordBytes)
            {
                c = MultiplyWord<TCodes>(w, x, scale, minimum, c);
                w += PanelLayout.WordBytes;
                x += TCodes.WordInputs;
            }
            parameters += TCodes.ParameterBytes;
        }
        TLanes.Store(c, y);
    }

    /// <summary>sum + Σ_k x[k] w[k] over the inputs of a word, k ascending.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes MultiplyWord<TCodes>(byte* word, float* x, TLanes scale, TLanes minimum, TLanes sum) where TCodes : struct, ICodePanels<TLanes>
    {
        sum = MultiplyCode<TCodes>(word, 0, x, scale, minimum, sum);
        sum = MultiplyCode<TCodes>(word, 1, x, scale, minimum, sum);
        sum = MultiplyCode<TCodes>(word, 2, x, scale, minimum, sum);
        sum = MultiplyCode<TCodes>(word, 3, x, scale, minimum, sum);
        if (TCodes.WordInputs == 4) return sum;
        sum = MultiplyCode<TCodes>(word, 4, x, scale, minimum, sum);
        sum = MultiplyCode<TCodes>(word, 5, x, scale, minimum, sum);
        sum = MultiplyCode<TCodes>(word, 6, x, scale, minimum, sum);
        return MultiplyCode<TCodes>(word, 7, x, scale, minimum, sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TLanes MultiplyCode<TCodes>(byte* word, int index, float* x, TLanes scale, TLanes minimum, TLanes sum) where TCodes : struct, ICodePanels<TLanes> =>
        TLanes.FusedMultiplyAdd(TLanes.Broadcast(x[index]), TLanes.FusedMultiplyAdd(TCodes.Code(word, index), scale, minimum), sum);

    /// <summary>Groups of a panel as [32 · groups][16] F32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ExpandCodes<TCodes>(byte* word, byte* parameters, int groups, float* destination) where TCodes : struct, ICodePanels<TLanes>
    {
        for (var group = 0; group < groups; group++)
        {
            var scale = TLanes.LoadF16((ushort*)parameters);
            var minimum = TCodes.Minimum(parameters, scale);
            for (var end = word + TCodes.CodeBytes; word < end; word += PanelLayout.WordBytes)
            {
                ExpandCode<TCodes>(word, 0, scale, minimum, destination);
                ExpandCode<TCodes>(word, 1, scale, minimum, destination);
                ExpandCode<TCodes>(word, 2, scale, minimum, destination);
                ExpandCode<TCodes>(word, 3, scale, minimum, destination);
                if (TCodes.WordInputs == 8)
                {
                    ExpandCode<TCodes>(word, 4, scale, minimum, destination);
                    ExpandCode<TCodes>(word, 5, scale, minimum, destination);
                    ExpandCode<TCodes>(word, 6, scale, minimum, destination);
                    ExpandCode<TCodes>(word, 7, scale, minimum, destination);
                }
                destination += TCodes.WordInputs * Lanes;
            }
            parameters += TCodes.ParameterBytes;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void ExpandCode<TCodes>(byte* word, int index, TLanes scale, TLanes minimum, float* destination) where TCodes : struct, ICodePanels<TLanes> =>
        TLanes.Store(TLanes.FusedMultiplyAdd(TCodes.Code(word, index), scale, minimum), destination + index * Lanes);
}
