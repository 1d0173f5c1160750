using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

/// <summary>The inner loops over quantised weights with F32 activations: w = scale · code + minimum, then the usual chain over k.</summary>
/// <remarks>The tiles themselves are in the folder Tiles, written by eng/Coppice.Kernels.Tiles.</remarks>
internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>One row by 1 panel.</summary>
    [MethodImpl(Compiled.Alone)]
    private static void CodeRow1x1<TCodes>(float* x, byte* w, long parameterOffset, int groups, float* y)
        where TCodes : struct, ICodePanels<TLanes>
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
    private static TLanes MultiplyWord<TCodes>(byte* word, float* x, TLanes scale, TLanes minimum, TLanes sum)
        where TCodes : struct, ICodePanels<TLanes>
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
    private static TLanes MultiplyCode<TCodes>(byte* word, int index, float* x, TLanes scale, TLanes minimum, TLanes sum)
        where TCodes : struct, ICodePanels<TLanes> =>
        TLanes.FusedMultiplyAdd(TLanes.Broadcast(x[index]), TLanes.FusedMultiplyAdd(TCodes.Code(word, index), scale, minimum), sum);

    /// <summary>Groups of a panel as [32 · groups][16] F32.</summary>
    [MethodImpl(Compiled.Alone)]
    private static void ExpandCodes<TCodes>(byte* word, byte* parameters, int groups, float* destination)
        where TCodes : struct, ICodePanels<TLanes>
    {
        for (var group = 0; group < groups; group++)
        {
            var scale = TLanes.LoadF16((ushort*)parameters);
            var minimum = TCodes.Minimum(parameters, scale);
            for (var end = word + TCodes.CodeBytes; word < end; word += PanelLayout.WordBytes)
            {
                Prefetch(word + PrefetchBytes);
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
    private static void ExpandCode<TCodes>(byte* word, int index, TLanes scale, TLanes minimum, float* destination)
        where TCodes : struct, ICodePanels<TLanes> =>
        TLanes.Store(TLanes.FusedMultiplyAdd(TCodes.Code(word, index), scale, minimum), destination + index * Lanes);
}
