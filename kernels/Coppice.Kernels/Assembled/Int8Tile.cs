using System.Runtime.InteropServices;

namespace Coppice.Kernels.Assembled;

/// <summary>
/// What a kernel of an Int8 tile reads and writes: y[r][o] = Σ_g s_w s_x Σ_k q_w q_x over all groups, ascending, Q4 also + m_w s_x Σ_k q_x.
/// One pointer to it is the kernel's only argument, so that the two calling conventions of x86-64 differ in one register.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Int8Tile
{
    /// <summary>Activation codes [group][8][rows][4].</summary>
    internal sbyte* X;
    /// <summary>Activation scales [group][rows].</summary>
    internal float* Scales;
    /// <summary>[group][rows]: scale · Σ codes for Q4, the integer -128 · Σ codes for Q8.</summary>
    internal float* Sums;
    /// <summary>Codes of the first panel.</summary>
    internal byte* Weights;
    /// <summary>Its scales, Q4 also minima, of each group.</summary>
    internal byte* Parameters;
    /// <summary>From a panel to the next.</summary>
    internal long PanelBytes;
    /// <summary>Groups of 32 inputs, at least 1.</summary>
    internal long Groups;
    /// <summary>The first line of weights to ask for.</summary>
    internal byte* Ahead;
    /// <summary>Groups before the end where what is asked for moves on to the next panels.</summary>
    internal long JumpAt;
    /// <summary>How far it moves.</summary>
    internal long Jump;
    /// <summary>Results.</summary>
    internal float* Y;
    /// <summary>Bytes from a row of results to the next.</summary>
    internal long YBytes;
    /// <summary>Bytes by which what is asked for goes on with each group.</summary>
    internal long AheadStep;
}
