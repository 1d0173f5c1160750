using System.Runtime.CompilerServices;

namespace Coppice.Kernels.Simd;

/// <summary>
/// How the codes of a quantised panel become weights, w = scale · code + minimum in one rounding: the type parameter of the loops over
/// groups.
/// </summary>
internal unsafe interface ICodePanels<TLanes> where TLanes : struct, ILanes<TLanes>
{
    /// <summary>Bytes of the codes of 16 outputs and a group of 32 inputs.</summary>
    static abstract int CodeBytes { get; }
    /// <summary>Bytes of their scales, and minima.</summary>
    static abstract int ParameterBytes { get; }
    /// <summary>Consecutive inputs of one 64-byte word.</summary>
    static abstract int WordInputs { get; }
    /// <summary>What a code 0 stands for.</summary>
    static abstract TLanes Minimum(byte* parameters, TLanes scale);
    /// <summary>The code of input <paramref name="index"/> of a word, a number.</summary>
    static abstract TLanes Code(byte* word, int index);
}

/// <summary>q + 128 in bytes: scale · (q + 128) - 128 · scale is scale · q rounded once, because 128 · scale is exact.</summary>
internal readonly unsafe struct Q8Panels<TLanes> : ICodePanels<TLanes> where TLanes : struct, ILanes<TLanes>
{
    public static int CodeBytes => PanelLayout.Q8CodeBytes;
    public static int ParameterBytes => PanelLayout.Q8ParameterBytes;
    public static int WordInputs => 4;
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Minimum(byte* parameters, TLanes scale) => TLanes.Multiply(TLanes.Broadcast(-128f), scale);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Code(byte* word, int index) => TLanes.LoadCodes(word, 8 * index, 255);
}

/// <summary>Two codes in a byte: inputs 0 … 3 of a word in the lower halves, 4 … 7 in the upper ones.</summary>
internal readonly unsafe struct Q4Panels<TLanes> : ICodePanels<TLanes> where TLanes : struct, ILanes<TLanes>
{
    public static int CodeBytes => PanelLayout.Q4CodeBytes;
    public static int ParameterBytes => PanelLayout.Q4ParameterBytes;
    public static int WordInputs => 8;
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Minimum(byte* parameters, TLanes scale) => TLanes.LoadF16((ushort*)parameters + PanelLayout.Width);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Code(byte* word, int index) => TLanes.LoadCodes(word, 8 * (index & 3) + (index & 4), 15);
}
