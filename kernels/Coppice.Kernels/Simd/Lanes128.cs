using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Coppice.Kernels.Simd;

/// <summary>4 lanes in one 128-bit register, or in software where there is none.</summary>
internal readonly unsafe struct Lanes128(Vector128<float> value) : ILanes<Lanes128>
{
    private readonly Vector128<float> _v = value;

    public static int Count => 4;
    public static Lanes128 Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Vector128<float>.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Load(float* source) => new(Vector128.Load(source));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes128 value, float* destination) => value._v.Store(destination);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Broadcast(float value) => new(Vector128.Create(value));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 FusedMultiplyAdd(Lanes128 a, Lanes128 b, Lanes128 c) => new(Vector128.FusedMultiplyAdd(a._v, b._v, c._v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Add(Lanes128 a, Lanes128 b) => new(a._v + b._v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Subtract(Lanes128 a, Lanes128 b) => new(a._v - b._v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Multiply(Lanes128 a, Lanes128 b) => new(a._v * b._v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Divide(Lanes128 a, Lanes128 b) => new(a._v / b._v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Max(Lanes128 a, Lanes128 b) =>
        new(Sse.IsSupported ? Sse.Max(a._v, b._v) : Vector128.ConditionalSelect(Vector128.GreaterThan(a._v, b._v), a._v, b._v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Min(Lanes128 a, Lanes128 b) =>
        new(Sse.IsSupported ? Sse.Min(a._v, b._v) : Vector128.ConditionalSelect(Vector128.LessThan(a._v, b._v), a._v, b._v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Round(Lanes128 value) => new(Vector128.Round(value._v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 PowerOfTwo(Lanes128 n) => new(((Vector128.ConvertToInt32(n._v) + Vector128.Create(127)) << 23).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 AddToExponent(Lanes128 value, Lanes128 n) => new((value._v.AsInt32() + (n._v.AsInt32() << 23)).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 SelectLess(Lanes128 a, Lanes128 b, Lanes128 whenTrue, Lanes128 whenFalse) =>
        new(Vector128.ConditionalSelect(Vector128.LessThan(a._v, b._v), whenTrue._v, whenFalse._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadBF16Even(byte* words) => new((Vector128.Load((uint*)words) << 16).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadBF16Odd(byte* words) => new((Vector128.Load((uint*)words) & Vector128.Create(0xffff0000u)).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadF16Even(byte* words) => Widen(Vector128.Load((int*)words) << 16);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadF16Odd(byte* words) => Widen(Vector128.Load((int*)words));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadBF16(ushort* source) =>
        new((Vector128.WidenLower(Vector64.Load(source).ToVector128Unsafe()) << 16).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadF16(ushort* source) => Place(Vector128.WidenLower(Vector64.Load((short*)source).ToVector128Unsafe()) << 13);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadCodes(byte* words, int shift, int mask) =>
        new(Vector128.ConvertToSingle(((Vector128.Load((uint*)words) >>> shift) & Vector128.Create((uint)mask)).AsInt32()));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadBytes(byte* source) =>
        new(Vector128.ConvertToSingle(
            Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(uint*)source).AsByte())).AsInt32()));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LoadBytes(sbyte* source) =>
        new(Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(uint*)source).AsSByte()))));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 LowNibbles(byte* words) => new((Vector128.Load(words) & Vector128.Create((byte)15)).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 HighNibbles(byte* words) =>
        new(((Vector128.Load((uint*)words) >>> 4).AsByte() & Vector128.Create((byte)15)).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 BroadcastWord(sbyte* four) => new(Vector128.Create(*(int*)four).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 AddByteProducts(Lanes128 sums, Lanes128 codes, Lanes128 bytes)
    {
        var added = sums._v.AsInt16();
        if (Ssse3.IsSupported) return new((added + Ssse3.MultiplyAddAdjacent(codes._v.AsByte(), bytes._v.AsSByte())).AsSingle());
        Vector128<short> c = codes._v.AsInt16(), x = bytes._v.AsInt16();
        return new((added + (c & Vector128.Create((short)255)) * ((x << 8) >> 8) + (c >>> 8) * (x >> 8)).AsSingle());
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 EvenBytes(byte* words) => new((Vector128.Load((ushort*)words) & Vector128.Create((ushort)255)).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 OddBytes(byte* words) => new((Vector128.Load((ushort*)words) >>> 8).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 AddShortProducts(Lanes128 sums, Lanes128 a, Lanes128 b)
    {
        var added = sums._v.AsInt32();
        if (Sse2.IsSupported) return new((added + Sse2.MultiplyAddAdjacent(a._v.AsInt16(), b._v.AsInt16())).AsSingle());
        Vector128<int> c = a._v.AsInt32(), x = b._v.AsInt32();
        return new((added + ((c << 16) >> 16) * ((x << 16) >> 16) + (c >> 16) * (x >> 16)).AsSingle());
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 SumPairs(Lanes128 shorts, short factor)
    {
        if (Sse2.IsSupported) return new(Sse2.MultiplyAddAdjacent(shorts._v.AsInt16(), Vector128.Create(factor)).AsSingle());
        var v = shorts._v.AsInt32();
        return new(((((v << 16) >> 16) + (v >> 16)) * Vector128.Create((int)factor)).AsSingle());
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 AddInts(Lanes128 a, Lanes128 b) => new((a._v.AsInt32() + b._v.AsInt32()).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 BroadcastInt(int value) => new(Vector128.Create(value).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 ToSingle(Lanes128 ints) => new(Vector128.ConvertToSingle(ints._v.AsInt32()));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(Lanes128 value, sbyte* destination)
    {
        var ints = Vector128.ConvertToInt32(value._v);
        for (var i = 0; i < Count; i++) destination[i] = (sbyte)ints[i];
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes128 value) => value._v[0] + value._v[2] + (value._v[1] + value._v[3]);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(Lanes128 value)
    {
        // Without branches, which would be mispredicted every other time.
        var pairs = Max(value, new(Vector128.Shuffle(value._v, Vector128.Create(2, 3, 0, 1))));
        return Max(pairs, new(Vector128.Shuffle(pairs._v, Vector128.Create(1, 0, 3, 2))))._v.ToScalar();
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint NotLess(Lanes128 a, Lanes128 b) => Vector128.LessThan(a._v, b._v).ExtractMostSignificantBits() ^ 0xfu;
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes128 Ramp(float first) => new(Vector128.CreateSequence(0f, 1f) + Vector128.Create(first));

    /// <summary>The F16 in the upper half of each word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lanes128 Widen(Vector128<int> words) => Place(words >> 3);

    /// <summary>
    /// Exponent and mantissa of an F16 where an F32 has them, the sign above: scaled by 2^112, which is exact, subnormals included.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lanes128 Place(Vector128<int> words) =>
        new((words & Vector128.Create(unchecked((int)0x8fffe000))).AsSingle() * Vector128.Create(5.192296858534828e33f));
}
