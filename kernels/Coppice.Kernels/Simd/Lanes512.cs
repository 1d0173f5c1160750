using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Coppice.Kernels.Simd;

/// <summary>16 lanes in one 512-bit register.</summary>
internal readonly unsafe struct Lanes512(Vector512<float> value) : ILanes<Lanes512>
{
    private readonly Vector512<float> _v = value;

    public static int Count => 16;
    public static Lanes512 Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Vector512<float>.Zero);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Load(float* source) => new(Vector512.Load(source));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Lanes512 value, float* destination) => value._v.Store(destination);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Broadcast(float value) => new(Vector512.Create(value));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 FusedMultiplyAdd(Lanes512 a, Lanes512 b, Lanes512 c) => new(Vector512.FusedMultiplyAdd(a._v, b._v, c._v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Add(Lanes512 a, Lanes512 b) => new(a._v + b._v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Subtract(Lanes512 a, Lanes512 b) => new(a._v - b._v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Multiply(Lanes512 a, Lanes512 b) => new(a._v * b._v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Divide(Lanes512 a, Lanes512 b) => new(a._v / b._v);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Max(Lanes512 a, Lanes512 b) =>
        new(Avx512F.IsSupported ? Avx512F.Max(a._v, b._v) : Vector512.ConditionalSelect(Vector512.GreaterThan(a._v, b._v), a._v, b._v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Min(Lanes512 a, Lanes512 b) =>
        new(Avx512F.IsSupported ? Avx512F.Min(a._v, b._v) : Vector512.ConditionalSelect(Vector512.LessThan(a._v, b._v), a._v, b._v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Round(Lanes512 value) => new(Vector512.Round(value._v));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 PowerOfTwo(Lanes512 n) => new(((Vector512.ConvertToInt32(n._v) + Vector512.Create(127)) << 23).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 AddToExponent(Lanes512 value, Lanes512 n) => new((value._v.AsInt32() + (n._v.AsInt32() << 23)).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 SelectLess(Lanes512 a, Lanes512 b, Lanes512 whenTrue, Lanes512 whenFalse) =>
        new(Vector512.ConditionalSelect(Vector512.LessThan(a._v, b._v), whenTrue._v, whenFalse._v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadBF16Even(byte* words) => new((Vector512.Load((uint*)words) << 16).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadBF16Odd(byte* words) => new((Vector512.Load((uint*)words) & Vector512.Create(0xffff0000u)).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadF16Even(byte* words) => Widen(Vector512.Load((int*)words) << 16);
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadF16Odd(byte* words) => Widen(Vector512.Load((int*)words));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadBF16(ushort* source) =>
        new((Vector512.WidenLower(Vector256.Load(source).ToVector512Unsafe()) << 16).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadF16(ushort* source) => Place(Vector512.WidenLower(Vector256.Load((short*)source).ToVector512Unsafe()) << 13);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadCodes(byte* words, int shift, int mask) =>
        new(Vector512.ConvertToSingle(((Vector512.Load((uint*)words) >>> shift) & Vector512.Create((uint)mask)).AsInt32()));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadBytes(byte* source) =>
        new(Vector512.ConvertToSingle(Avx512F.IsSupported ? Avx512F.ConvertToVector512Int32(Vector128.Load(source))
            : Vector512.WidenLower(Vector256.WidenLower(Vector128.Load(source).ToVector256Unsafe()).ToVector512Unsafe()).AsInt32()));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LoadBytes(sbyte* source) =>
        new(Vector512.ConvertToSingle(Avx512F.IsSupported ? Avx512F.ConvertToVector512Int32(Vector128.Load(source))
            : Vector512.WidenLower(Vector256.WidenLower(Vector128.Load(source).ToVector256Unsafe()).ToVector512Unsafe())));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 LowNibbles(byte* words) => new((Vector512.Load(words) & Vector512.Create((byte)15)).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 HighNibbles(byte* words) =>
        new(((Vector512.Load((uint*)words) >>> 4).AsByte() & Vector512.Create((byte)15)).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 BroadcastWord(sbyte* four) => new(Vector512.Create(*(int*)four).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 AddByteProducts(Lanes512 sums, Lanes512 codes, Lanes512 bytes)
    {
        var added = sums._v.AsInt16();
        if (Avx512BW.IsSupported) return new((added + Avx512BW.MultiplyAddAdjacent(codes._v.AsByte(), bytes._v.AsSByte())).AsSingle());
        Vector512<short> c = codes._v.AsInt16(), x = bytes._v.AsInt16();
        return new((added + (c & Vector512.Create((short)255)) * ((x << 8) >> 8) + (c >>> 8) * (x >> 8)).AsSingle());
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 EvenBytes(byte* words) => new((Vector512.Load((ushort*)words) & Vector512.Create((ushort)255)).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 OddBytes(byte* words) => new((Vector512.Load((ushort*)words) >>> 8).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 AddShortProducts(Lanes512 sums, Lanes512 a, Lanes512 b)
    {
        var added = sums._v.AsInt32();
        if (Avx512BW.IsSupported) return new((added + Avx512BW.MultiplyAddAdjacent(a._v.AsInt16(), b._v.AsInt16())).AsSingle());
        Vector512<int> c = a._v.AsInt32(), x = b._v.AsInt32();
        return new((added + ((c << 16) >> 16) * ((x << 16) >> 16) + (c >> 16) * (x >> 16)).AsSingle());
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 SumPairs(Lanes512 shorts, short factor)
    {
        if (Avx512BW.IsSupported) return new(Avx512BW.MultiplyAddAdjacent(shorts._v.AsInt16(), Vector512.Create(factor)).AsSingle());
        var v = shorts._v.AsInt32();
        return new(((((v << 16) >> 16) + (v >> 16)) * Vector512.Create((int)factor)).AsSingle());
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 AddInts(Lanes512 a, Lanes512 b) => new((a._v.AsInt32() + b._v.AsInt32()).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 BroadcastInt(int value) => new(Vector512.Create(value).AsSingle());
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 ToSingle(Lanes512 ints) => new(Vector512.ConvertToSingle(ints._v.AsInt32()));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBytes(Lanes512 value, sbyte* destination)
    {
        var ints = Vector512.ConvertToInt32(value._v);
        if (Avx512F.IsSupported) Avx512F.ConvertToVector128SByte(ints).Store(destination);
        else
            for (var i = 0; i < Count; i++) destination[i] = (sbyte)ints[i];
    }
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Lanes512 value) => Lanes256.Sum(new Lanes256(value._v.GetLower() + value._v.GetUpper()));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Largest(Lanes512 value) =>
        Lanes256.Largest(Lanes256.Max(new Lanes256(value._v.GetLower()), new Lanes256(value._v.GetUpper())));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint NotLess(Lanes512 a, Lanes512 b) => (uint)Vector512.LessThan(a._v, b._v).ExtractMostSignificantBits() ^ 0xffffu;
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Lanes512 Ramp(float first) => new(Vector512.CreateSequence(0f, 1f) + Vector512.Create(first));

    /// <summary>The F16 in the upper half of each word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lanes512 Widen(Vector512<int> words) => Place(words >> 3);

    /// <summary>
    /// Exponent and mantissa of an F16 where an F32 has them, the sign above: scaled by 2^112, which is exact, subnormals included.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Lanes512 Place(Vector512<int> words) =>
        new((words & Vector512.Create(unchecked((int)0x8fffe000))).AsSingle() * Vector512.Create(5.192296858534828e33f));
}
