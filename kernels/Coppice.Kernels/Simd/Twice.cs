using System.Runtime.CompilerServices;

namespace Coppice.Kernels.Simd;

/// <summary>Two groups of lanes as one of twice the width: 16 lanes in two 256-bit registers, or in four 128-bit ones.</summary>
internal readonly unsafe struct Twice<T>(T lower, T upper) : ILanes<Twice<T>> where T : struct, ILanes<T>
{
    private readonly T _lower = lower, _upper = upper;

    public static int Count => 2 * T.Count;
    public static Twice<T> Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(T.Zero, T.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Load(float* source) => new(T.Load(source), T.Load(source + T.Count));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Twice<T> value, float* destination)
    {
        T.Store(value._lower, destination);
        T.Store(value._upper, destination + T.Count);
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Broadcast(float value)
    {
        var half = T.Broadcast(value);
        return new(half, half);
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> FusedMultiplyAdd(Twice<T> a, Twice<T> b, Twice<T> c) =>
        new(T.FusedMultiplyAdd(a._lower, b._lower, c._lower), T.FusedMultiplyAdd(a._upper, b._upper, c._upper));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Add(Twice<T> a, Twice<T> b) => new(T.Add(a._lower, b._lower), T.Add(a._upper, b._upper));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Subtract(Twice<T> a, Twice<T> b) => new(T.Subtract(a._lower, b._lower), T.Subtract(a._upper, b._upper));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Multiply(Twice<T> a, Twice<T> b) => new(T.Multiply(a._lower, b._lower), T.Multiply(a._upper, b._upper));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Divide(Twice<T> a, Twice<T> b) => new(T.Divide(a._lower, b._lower), T.Divide(a._upper, b._upper));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Max(Twice<T> a, Twice<T> b) => new(T.Max(a._lower, b._lower), T.Max(a._upper, b._upper));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Min(Twice<T> a, Twice<T> b) => new(T.Min(a._lower, b._lower), T.Min(a._upper, b._upper));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Round(Twice<T> value) => new(T.Round(value._lower), T.Round(value._upper));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> PowerOfTwo(Twice<T> n) => new(T.PowerOfTwo(n._lower), T.PowerOfTwo(n._upper));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> AddToExponent(Twice<T> value, Twice<T> n) =>
        new(T.AddToExponent(value._lower, n._lower), T.AddToExponent(value._upper, n._upper));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> SelectLess(Twice<T> a, Twice<T> b, Twice<T> whenTrue, Twice<T> whenFalse) =>
        new(T.SelectLess(a._lower, b._lower, whenTrue._lower, whenFalse._lower),
            T.SelectLess(a._upper, b._upper, whenTrue._upper, whenFalse._upper));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> LoadBF16Even(byte* words) => new(T.LoadBF16Even(words), T.LoadBF16Even(words + 4 * T.Count));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> LoadBF16Odd(byte* words) => new(T.LoadBF16Odd(words), T.LoadBF16Odd(words + 4 * T.Count));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> LoadF16Even(byte* words) => new(T.LoadF16Even(words), T.LoadF16Even(words + 4 * T.Count));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> LoadF16Odd(byte* words) => new(T.LoadF16Odd(words), T.LoadF16Odd(words + 4 * T.Count));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> LoadBF16(ushort* source) => new(T.LoadBF16(source), T.LoadBF16(source + T.Count));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> LoadF16(ushort* source) => new(T.LoadF16(source), T.LoadF16(source + T.Count));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> LoadCodes(byte* words, int shift, int mask) =>
        new(T.LoadCodes(words, shift, mask), T.LoadCodes(words + 4 * T.Count, shift, mask));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> LoadBytes(byte* source) => new(T.LoadBytes(source), T.LoadBytes(source + T.Count));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> LoadBytes(sbyte* source) => new(T.LoadBytes(source), T.LoadBytes(source + T.Count));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> LowNibbles(byte* words) => new(T.LowNibbles(words), T.LowNibbles(words + 4 * T.Count));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> HighNibbles(byte* words) => new(T.HighNibbles(words), T.HighNibbles(words + 4 * T.Count));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> BroadcastWord(sbyte* four)
    {
        var half = T.BroadcastWord(four);
        return new(half, half);
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> AddByteProducts(Twice<T> sums, Twice<T> codes, Twice<T> bytes) =>
        new(T.AddByteProducts(sums._lower, codes._lower, bytes._lower), T.AddByteProducts(sums._upper, codes._upper, bytes._upper));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> EvenBytes(byte* words) => new(T.EvenBytes(words), T.EvenBytes(words + 4 * T.Count));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> OddBytes(byte* words) => new(T.OddBytes(words), T.OddBytes(words + 4 * T.Count));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> AddShortProducts(Twice<T> sums, Twice<T> a, Twice<T> b) =>
        new(T.AddShortProducts(sums._lower, a._lower, b._lower), T.AddShortProducts(sums._upper, a._upper, b._upper));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> SumPairs(Twice<T> shorts, short factor) =>
        new(T.SumPairs(shorts._lower, factor), T.SumPairs(shorts._upper, factor));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> AddInts(Twice<T> a, Twice<T> b) => new(T.AddInts(a._lower, b._lower), T.AddInts(a._upper, b._upper));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> BroadcastInt(int value)
    {
        var half = T.BroadcastInt(value);
        return new(half, half);
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> ToSingle(Twice<T> ints) => new(T.ToSingle(ints._lower), T.ToSingle(ints._upper));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(Twice<T> value, sbyte* destination)
    {
        T.StoreBytes(value._lower, destination);
        T.StoreBytes(value._upper, destination + T.Count);
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Twice<T> value) => T.Sum(T.Add(value._lower, value._upper));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(Twice<T> value) => T.Largest(T.Max(value._lower, value._upper));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint NotLess(Twice<T> a, Twice<T> b) => T.NotLess(a._lower, b._lower) | T.NotLess(a._upper, b._upper) << T.Count;
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Twice<T> Ramp(float first) => new(T.Ramp(first), T.Ramp(first + T.Count));
}
