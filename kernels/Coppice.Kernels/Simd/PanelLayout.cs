namespace Coppice.Kernels.Simd;

/// <summary>Where the weights of a matrix lie: panels of 16 outputs, each panel one run of memory that begins on a cache line.</summary>
/// <remarks>
/// 16-bit: [panel][k / 2][16 outputs][2]; F32: [panel][k / 2][2][16 outputs]. Q8: [panel] of codes [k / 4][16 outputs][4 bytes], q + 128,
/// then
/// [group][16 outputs] scales. Q4: codes [k / 8][16 outputs][4 bytes], byte j with k + j in its lower and k + 4 + j in its upper half, then
/// [group][2][16 outputs] scales and minima. One 64-byte load gives 16 outputs at 2, 4 or 8 consecutive k. Lanes run over outputs and k is
/// sequential, which
/// is the exact order of contract C1 for one row of x as for five hundred. Outputs are padded to whole panels, inputs to whole pairs or
/// groups.
/// Example: 16-bit element (o = 20, k = 5) is panel 1, pair 2, output 4, odd: word ((1 · pairs + 2) · 16 + 4) · 2 + 1.
/// </remarks>
internal readonly struct PanelLayout
{
    /// <summary>Outputs of a panel.</summary>
    internal const int Width = 16;
    /// <summary>Bytes of one load.</summary>
    internal const int WordBytes = 64;
    /// <summary>Inputs of a group.</summary>
    internal const int Group = Numerics.QuantizedGroup.Size;
    /// <summary>Bytes of a panel's codes of one group.</summary>
    internal const int Q8CodeBytes = Width * Group, Q4CodeBytes = Width * Group / 2;
    /// <summary>Bytes of a panel's scales, and minima, of one group.</summary>
    internal const int Q8ParameterBytes = 2 * Width, Q4ParameterBytes = 4 * Width;

    internal PanelLayout(int outputs, int inputs, MatrixFormat format)
    {
        Panels = (outputs + Width - 1) / Width;
        Groups = (inputs + Group - 1) / Group;
        Inputs = format.IsQuantized() ? Groups * Group : (inputs + 1) / 2 * 2;
        CodeBytes = format switch { MatrixFormat.Q8 => Q8CodeBytes, MatrixFormat.Q4 => Q4CodeBytes, _ => 0 };
        ParameterBytes = format switch { MatrixFormat.Q8 => Q8ParameterBytes, MatrixFormat.Q4 => Q4ParameterBytes, _ => 0 };
        PairBytes = format switch { MatrixFormat.F32 => 8 * Width, MatrixFormat.F16 or MatrixFormat.BF16 => 4 * Width, _ => 0 };
        var bytes = format.IsQuantized() ? (long)Groups * (CodeBytes + ParameterBytes) : (long)Inputs / 2 * PairBytes;
        PanelBytes = (bytes + WordBytes - 1) / WordBytes * WordBytes;
    }

    internal int Panels { get; }
    /// <summary>Groups of 32 inputs.</summary>
    internal int Groups { get; }
    /// <summary>Inputs with their padding.</summary>
    internal int Inputs { get; }
    /// <summary>Bytes of 16 outputs at k and k + 1, where weights are not quantised.</summary>
    internal int PairBytes { get; }
    /// <summary>Bytes of a panel's codes of one group.</summary>
    internal int CodeBytes { get; }
    /// <summary>Bytes of a panel's scales, and minima, of one group.</summary>
    internal int ParameterBytes { get; }
    internal long PanelBytes { get; }
    /// <summary>Where a panel's parameters begin.</summary>
    internal long ParameterOffset => (long)Groups * CodeBytes;
    internal long Bytes => checked(Panels * PanelBytes);
}
