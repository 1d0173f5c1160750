namespace Coppice.Kernels.Simd;

/// <summary>
/// A group of F32 lanes that one tier of the CPU back end computes with. Every loop is written once over 16 lanes; tiers differ in how many
/// registers those take.
/// </summary>
/// <remarks>
/// Each operation rounds like the scalar one and reductions add the upper half to the lower half until one lane is left, so all tiers give
/// equal bits.
/// </remarks>
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
    /// <summary>a where a > b, else b: NaN in either gives b.</summary>
    static abstract T Max(T a, T b);
    static abstract T Min(T a, T b);
    /// <summary>Nearest integer, ties to even.</summary>
    static abstract T Round(T value);
    /// <summary>2^n for integral n in -126 … 127.</summary>
    static abstract T PowerOfTwo(T n);
    /// <summary>value · 2^k where k is the integer in the lowest nine bits of n, and value and result are normal.</summary>
    static abstract T AddToExponent(T value, T n);
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
    /// <summary>(word >> shift) &amp; mask of <see cref="Count"/> 32-bit words, as numbers.</summary>
    static abstract T LoadCodes(byte* words, int shift, int mask);
    /// <summary><see cref="Count"/> consecutive bytes, as numbers.</summary>
    static abstract T LoadBytes(byte* source);
    /// <summary><see cref="Count"/> consecutive signed bytes, as numbers.</summary>
    static abstract T LoadBytes(sbyte* source);

    // Integers, in the same registers: a lane is four bytes, two 16-bit or one 32-bit integer.

    /// <summary>The lower half of every byte.</summary>
    static abstract T LowNibbles(byte* words);
    /// <summary>The upper half of every byte.</summary>
    static abstract T HighNibbles(byte* words);
    /// <summary>Four bytes in every lane.</summary>
    static abstract T BroadcastWord(sbyte* four);
    /// <summary>
    /// 16-bit sums + unsigned times signed bytes, neighbours added. Exact where codes are below 128 and the sums have room.
    /// </summary>
    static abstract T AddByteProducts(T sums, T codes, T bytes);
    /// <summary>Bytes 0 and 2 of every lane as 16-bit integers.</summary>
    static abstract T EvenBytes(byte* words);
    /// <summary>Bytes 1 and 3 of every lane as 16-bit integers.</summary>
    static abstract T OddBytes(byte* words);
    /// <summary>32-bit sums + products of signed 16-bit integers, neighbours added.</summary>
    static abstract T AddShortProducts(T sums, T a, T b);
    /// <summary>factor · (the sum of two neighbouring 16-bit integers), a 32-bit integer.</summary>
    static abstract T SumPairs(T shorts, short factor);
    /// <summary>a + b of 32-bit integers.</summary>
    static abstract T AddInts(T a, T b);
    static abstract T BroadcastInt(int value);
    /// <summary>32-bit integers as numbers; exact below 2^24.</summary>
    static abstract T ToSingle(T ints);
    /// <summary>Integral numbers in -128 … 127 as <see cref="Count"/> bytes.</summary>
    static abstract void StoreBytes(T value, sbyte* destination);
    /// <summary>Sum of all lanes: upper half added to lower half until one is left.</summary>
    static abstract float Sum(T value);
    /// <summary>Largest lane.</summary>
    static abstract float Largest(T value);
    /// <summary>Bit i is set where lane i of a is not less than that of b, as NaN never is.</summary>
    static abstract uint NotLess(T a, T b);
    /// <summary>first, first + 1, … in the lanes.</summary>
    static abstract T Ramp(float first);
}
