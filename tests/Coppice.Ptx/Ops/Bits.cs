using System.Numerics;
using Coppice.Ptx.Text;

namespace Coppice.Ptx.Ops;

/// <summary>The bits of a register as numbers, and back.</summary>
internal static class Bits
{
    public static float F32(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits);
    public static double F64(ulong bits) => BitConverter.UInt64BitsToDouble(bits);
    public static float F16(ulong bits) => (float)BitConverter.UInt16BitsToHalf((ushort)bits);
    public static float BF16(ulong bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);
    public static ulong Of(float value) => BitConverter.SingleToUInt32Bits(value);
    public static ulong Of(double value) => BitConverter.DoubleToUInt64Bits(value);

    /// <summary>The nearest BF16, ties to even.</summary>
    public static ulong ToBF16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    }

    /// <summary>The low bits as a signed number.</summary>
    public static long Signed(ulong bits, int bytes) => bytes switch
    {
        1 => (sbyte)bits,
        2 => (short)bits,
        4 => (int)bits,
        _ => (long)bits,
    };

    /// <summary>A float of a type as a double, exactly.</summary>
    public static double Real(ulong bits, PtxType type) => (type.Kind, type.Bytes) switch
    {
        (TypeKind.Brain, _) => BF16(bits),
        (_, 2) => F16(bits),
        (_, 4) => F32(bits),
        _ => F64(bits),
    };

    /// <summary>The nearest number of a type.</summary>
    public static ulong Rounded(double value, PtxType type) => (type.Kind, type.Bytes) switch
    {
        (TypeKind.Brain, _) => ToBF16((float)value),
        (_, 2) => BitConverter.HalfToUInt16Bits((Half)value),
        (_, 4) => Of((float)value),
        _ => Of(value),
    };

    /// <summary>Bits with a sum taken lane by lane of bytes.</summary>
    public static ulong Dot4(ulong a, ulong b, ulong c, bool signedA, bool signedB)
    {
        var sum = (int)c;
        for (var i = 0; i < 4; i++)
        {
            var x = signedA ? (sbyte)(a >> (8 * i)) : (int)(byte)(a >> (8 * i));
            var y = signedB ? (sbyte)(b >> (8 * i)) : (int)(byte)(b >> (8 * i));
            sum += x * y;
        }
        return (uint)sum;
    }

    /// <summary>prmt.b32: four bytes chosen out of eight, each as it is or as its sign.</summary>
    public static ulong Permute(ulong a, ulong b, ulong selector)
    {
        var all = (a & 0xffffffff) | b << 32;
        var result = 0UL;
        for (var i = 0; i < 4; i++)
        {
            var choice = (int)(selector >> (4 * i)) & 15;
            var value = all >> (8 * (choice & 7)) & 0xff;
            if ((choice & 8) != 0) value = (value & 0x80) != 0 ? 0xffUL : 0;
            result |= value << (8 * i);
        }
        return result;
    }

    /// <summary>lop3.b32: the bit of the table that the three bits name.</summary>
    public static ulong Lookup(ulong a, ulong b, ulong c, int table)
    {
        var result = 0UL;
        for (var i = 0; i < 8; i++)
            if ((table >> i & 1) != 0) result |= ((i & 4) != 0 ? a : ~a) & ((i & 2) != 0 ? b : ~b) & ((i & 1) != 0 ? c : ~c);
        return result & 0xffffffff;
    }

    public static ulong LeadingZeros(ulong a, int bytes) =>
        bytes == 8 ? (ulong)BitOperations.LeadingZeroCount(a) : (ulong)BitOperations.LeadingZeroCount((uint)a);

    public static ulong Reversed(ulong a, int bits)
    {
        var result = 0UL;
        for (var i = 0; i < bits; i++) result |= (a >> i & 1) << (bits - 1 - i);
        return result;
    }

    /// <summary>bfe: <paramref name="length"/> bits from <paramref name="start"/> on.</summary>
    public static ulong Extract(ulong a, ulong start, ulong length, PtxType type)
    {
        var (from, count) = ((int)(start & 0xff), (int)(length & 0xff));
        if (count == 0) return 0;
        var field = from >= type.Bits ? 0 : a >> from;
        if (count < type.Bits) field &= (1UL << count) - 1;
        if (type.Kind != TypeKind.Signed) return field & type.Mask;
        var sign = Math.Min(from + count - 1, type.Bits - 1);
        var filled = Math.Min(count, type.Bits - from);
        return ((a >> sign & 1) != 0 && filled < type.Bits ? field | ulong.MaxValue << Math.Max(filled, 0) : field) & type.Mask;
    }
}
