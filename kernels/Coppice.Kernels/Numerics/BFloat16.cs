using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels.Numerics;

/// <summary>The upper half of a binary32: 8 exponent bits, 7 mantissa bits.</summary>
public static class BFloat16
{
    /// <summary>Widens exactly.</summary>
    public static float ToSingle(ushort bits) => BitConverter.Int32BitsToSingle(bits << 16);

    /// <summary>Rounds to nearest, ties to even; NaN stays NaN.</summary>
    public static ushort FromSingle(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value)) return (ushort)((bits >> 16) | 0x40);
        return (ushort)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
    }

    /// <summary>Rounds <paramref name="count"/> numbers in place, as <see cref="FromSingle"/> does.</summary>
    [MethodImpl(Compiled.Alone)]
    internal static unsafe void Round(float* values, int count)
    {
        var i = 0;
        for (; i <= count - Vector256<float>.Count; i += Vector256<float>.Count)
            (RoundedBits(Vector256.Load(values + i)) & Vector256.Create(0xffff0000)).AsSingle().Store(values + i);
        for (; i < count; i++) values[i] = ToSingle(FromSingle(values[i]));
    }

    /// <summary>Rounds <paramref name="count"/> numbers, as <see cref="FromSingle"/> does; an odd last one is followed by a zero.</summary>
    [MethodImpl(Compiled.Alone)]
    internal static unsafe void Round(float* values, int count, ushort* rounded)
    {
        var i = 0;
        for (; i <= count - 2 * Vector256<float>.Count; i += 2 * Vector256<float>.Count)
        {
            Vector256<uint> low = RoundedBits(Vector256.Load(values + i)) >>> 16,
                high = RoundedBits(Vector256.Load(values + i + Vector256<float>.Count)) >>> 16;
            Vector256.Narrow(low, high).Store(rounded + i);
        }
        for (; i < count; i++) rounded[i] = FromSingle(values[i]);
        if (count % 2 != 0) rounded[count] = 0;
    }

    /// <summary>The result is in the upper halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> RoundedBits(Vector256<float> values)
    {
        var bits = values.AsUInt32();
        var rounded = bits + Vector256.Create(0x7fffu) + ((bits >>> 16) & Vector256<uint>.One);
        return Vector256.ConditionalSelect(Vector256.Equals(values, values).AsUInt32(), rounded, bits | Vector256.Create(0x400000u));
    }
}
