using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Coppice.Kernels.Simd;

/// <summary>8 lanes in one 256-bit register.</summary>
internal readonly unsafe struct Lanes256(Vector256<float> value) : ILanes<Lanes256>
{
    private readonly Vector256<float> _v = value;

    public static int Count => 8;
    public static Lanes256 Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Vector256<float>.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Load(float* source) => new(Vector256.Load(source));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes256 value, float* destination) => value._v.Store(destination);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Broadcast(float value) => new(Vector256.Create(value));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 FusedMultiplyAdd(Lanes256 a, Lanes256 b, Lanes256 c) => new(Vector256.FusedMultiplyAdd(a._v, b._v, c._v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Add(Lanes256 a, Lanes256 b) => new(a._v + b._v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Subtract(Lanes256 a, Lanes256 b) => new(a._v - b._v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Multiply(Lanes256 a, Lanes256 b) => new(a._v * b._v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Divide(Lanes256 a, Lanes256 b) => new(a._v / b._v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Max(Lanes256 a, Lanes256 b) =>
        new(Avx.IsSupported ? Avx.Max(a._v, b._v) : Vector256.ConditionalSelect(Vector256.GreaterThan(a._v, b._v), a._v, b._v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Min(Lanes256 a, Lanes256 b) =>
        new(Avx.IsSupported ? Avx.Min(a._v, b._v) : Vector256.ConditionalSelect(Vector256.LessThan(a._v, b._v), a._v, b._v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Round(Lanes256 value) => new(Vector256.Round(value._v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 PowerOfTwo(Lanes256 n) => new(((Vector256.ConvertToInt32(n._v) + Vector256.Create(127)) << 23).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 AddToExponent(Lanes256 value, Lanes256 n) => new((value._v.AsInt32() + (n._v.AsInt32() << 23)).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 SelectLess(Lanes256 a, Lanes256 b, Lanes256 whenTrue, Lanes256 whenFalse) =>
        new(Vector256.ConditionalSelect(Vector256.LessThan(a._v, b._v), whenTrue._v, whenFalse._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadBF16Even(byte* words) => new((Vector256.Load((uint*)words) << 16).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadBF16Odd(byte* words) => new((Vector256.Load((uint*)words) & Vector256.Create(0xffff0000u)).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadF16Even(byte* words) => Widen(Vector256.Load((int*)words) << 16);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadF16Odd(byte* words) => Widen(Vector256.Load((int*)words));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadBF16(ushort* source) =>
        new((Vector256.WidenLower(Vector128.Load(source).ToVector256Unsafe()) << 16).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadF16(ushort* source) => Place(Vector256.WidenLower(Vector128.Load((short*)source).ToVector256Unsafe()) << 13);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadCodes(byte* words, int shift, int mask) =>
        new(Vector256.ConvertToSingle(((Vector256.Load((uint*)words) >>> shift) & Vector256.Create((uint)mask)).AsInt32()));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadBytes(byte* source) =>
        new(Vector256.ConvertToSingle(Avx2.IsSupported ? Avx2.ConvertToVector256Int32(source)
            : Vector256.WidenLower(Vector128.WidenLower(Vector64.Load(source).ToVector128Unsafe()).ToVector256Unsafe()).AsInt32()));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LoadBytes(sbyte* source) =>
        new(Vector256.ConvertToSingle(Avx2.IsSupported ? Avx2.ConvertToVector256Int32(source)
            : Vector256.WidenLower(Vector128.WidenLower(Vector64.Load(source).ToVector128Unsafe()).ToVector256Unsafe())));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 LowNibbles(byte* words) => new((Vector256.Load(words) & Vector256.Create((byte)15)).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 HighNibbles(byte* words) =>
        new(((Vector256.Load((uint*)words) >>> 4).AsByte() & Vector256.Create((byte)15)).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 BroadcastWord(sbyte* four) => new(Vector256.Create(*(int*)four).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 AddByteProducts(Lanes256 sums, Lanes256 codes, Lanes256 bytes)
    {
        var added = sums._v.AsInt16();
        if (Avx2.IsSupported) return new((added + Avx2.MultiplyAddAdjacent(codes._v.AsByte(), bytes._v.AsSByte())).AsSingle());
        Vector256<short> c = codes._v.AsInt16(), x = bytes._v.AsInt16();
        return new((added + (c & Vector256.Create((short)255)) * ((x << 8) >> 8) + (c >>> 8) * (x >> 8)).AsSingle());
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 EvenBytes(byte* words) => new((Vector256.Load((ushort*)words) & Vector256.Create((ushort)255)).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 OddBytes(byte* words) => new((Vector256.Load((ushort*)words) >>> 8).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 AddShortProducts(Lanes256 sums, Lanes256 a, Lanes256 b)
    {
        var added = sums._v.AsInt32();
        if (Avx2.IsSupported) return new((added + Avx2.MultiplyAddAdjacent(a._v.AsInt16(), b._v.AsInt16())).AsSingle());
        Vector256<int> c = a._v.AsInt32(), x = b._v.AsInt32();
        return new((added + ((c << 16) >> 16) * ((x << 16) >> 16) + (c >> 16) * (x >> 16)).AsSingle());
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 SumPairs(Lanes256 shorts, short factor)
    {
        if (Avx2.IsSupported) return new(Avx2.MultiplyAddAdjacent(shorts._v.AsInt16(), Vector256.Create(factor)).AsSingle());
        var v = shorts._v.AsInt32();
        return new(((((v << 16) >> 16) + (v >> 16)) * Vector256.Create((int)factor)).AsSingle());
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 AddInts(Lanes256 a, Lanes256 b) => new((a._v.AsInt32() + b._v.AsInt32()).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 BroadcastInt(int value) => new(Vector256.Create(value).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 ToSingle(Lanes256 ints) => new(Vector256.ConvertToSingle(ints._v.AsInt32()));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(Lanes256 value, sbyte* destination)
    {
        var ints = Vector256.ConvertToInt32(value._v);
        for (var i = 0; i < Count; i++) destination[i] = (sbyte)ints[i];
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes256 value) => Lanes128.Sum(new Lanes128(value._v.GetLower() + value._v.GetUpper()));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(Lanes256 value) =>
        Lanes128.Largest(Lanes128.Max(new Lanes128(value._v.GetLower()), new Lanes128(value._v.GetUpper())));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint NotLess(Lanes256 a, Lanes256 b) => Vector256.LessThan(a._v, b._v).ExtractMostSignificantBits() ^ 0xffu;
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes256 Ramp(float first) => new(Vector256.CreateSequence(0f, 1f) + Vector256.Create(first));

    /// <summary>The F16 in the upper half of each word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lanes256 Widen(Vector256<int> words) => Place(words >> 3);

    /// <summary>
    /// Exponent and mantissa of an F16 where an F32 has them, the sign above: scaled by 2^112, which is exact, subnormals included.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lanes256 Place(Vector256<int> words) =>
        new((words & Vector256.Create(unchecked((int)0x8fffe000))).AsSingle() * Vector256.Create(5.192296858534828e33f));
}
