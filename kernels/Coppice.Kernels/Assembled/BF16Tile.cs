using System.Runtime.InteropServices;

namespace Coppice.Kernels.Assembled;

/// <summary>
/// What a kernel of a BF16 tile reads and writes: y[r][o] = (start or 0) + Σ_k w[o, k] x[r, k] over some pairs of k, ascending.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct BF16Tile
{
    /// <summary>Activations [pair][rows][2].</summary>
    internal ushort* X;
    /// <summary>Weights of the first panel, [pair][16 outputs][2].</summary>
    internal byte* Weights;
    /// <summary>From a panel to the next.</summary>
    internal long PanelBytes;
    /// <summary>Pairs of inputs, at least 1.</summary>
    internal long Pairs;
    /// <summary>The first line of weights to ask for.</summary>
    internal byte* Ahead;
    /// <summary>Pairs before the end where what is asked for moves on to the next panels.</summary>
    internal long JumpAt;
    /// <summary>How far it moves.</summary>
    internal long Jump;
    /// <summary>Results, F32.</summary>
    internal float* Y;
    /// <summary>Bytes from a row of results to the next.</summary>
    internal long YBytes;
    /// <summary>Not 0 where sums go on from what <see cref="Y"/> holds.</summary>
    internal long Continues;
    /// <summary>Bytes by which what is asked for goes on with each pair.</summary>
    internal long AheadStep;
}
