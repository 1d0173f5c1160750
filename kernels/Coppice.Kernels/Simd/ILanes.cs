namespace Coppice.Kernels.Simd;

/// <summary>A group of F32 lanes that one tier of the CPU back end computes with. Every loop is written once over 16 lanes; tiers differ in how many registers those take.</summary>
/// <remarks>Each operation rounds like the scalar one and reductions add the upper half to the lower half until one lane is left, so all tiers give equal bits.</remarks>
internal unsafe interface ILanes<T> where T : struct, ILanes<T>
{
    /// <summary>Number of lanes.</summary>
    static abstract int Count { get; }
    static abstract T Zero { get; }
    static abstract T Load(float* source);
    static abstract void Store(T value, float* destination);
    static abstract T Broadcast(float value);
    /// <summary>a · b + c, rounded once.</summary>
    static abstract T FusedMultiplyAdd(T a, T b, T c);
    static abstract T Add(T a, T b);
    static abstract T Subtract(T a, T b);
    static abstract T Multiply(T a, T b);
    static abstract T Divide(T a, T b);
    /// <summary>a where a > b, else b: NaN in a gives b.</summary>
    static abstract T Max(T a, T b);
    static abstract T Min(T a, T b);
    /// <summary>Nearest integer, ties to even.</summary>
    static abstract T Round(T value);
    /// <summary>2^n for integral n in -126 … 127.</summary>
    static abstract T PowerOfTwo(T n);
    /// <summary>whenTrue where a &lt; b, else whenFalse.</summary>
    static abstract T SelectLess(T a, T b, T whenTrue, T whenFalse);
    /// <summary>The lower halves of <see cref="Count"/> 32-bit words as BF16, widened exactly.</summary>
    static abstract T LoadBF16Even(byte* words);
    /// <summary>The upper halves.</summary>
    static abstract T LoadBF16Odd(byte* words);
    /// <summary>The lower halves of <see cref="Count"/> 32-bit words as F16, widened exactly; finite values only.</summary>
    static abstract T LoadF16Even(byte* words);
    /// <summary>The upper halves.</summary>
    static abstract T LoadF16Odd(byte* words);
    /// <summary><see cref="Count"/> consecutive BF16, widened exactly.</summary>
    static abstract T LoadBF16(ushort* source);
    /// <summary><see cref="Count"/> consecutive F16, widened exactly; finite values only.</summary>
    static abstract T LoadF16(ushort* source);
    /// <summary>Sum of all lanes: upper half added to lower half until one is left.</summary>
    static abstract float Sum(T value);
    /// <summary>Largest lane.</summary>
    static abstract float Largest(T value);
    /// <summary>first, first + 1, … in the lanes.</summary>
    static abstract T Ramp(float first);
}
