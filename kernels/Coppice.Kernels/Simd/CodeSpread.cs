using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Coppice.Kernels.Simd;

/// <summary>Packed codes to bytes, 64 codes at a time: no branch depends on their width, which may change from run to run.</summary>
/// <remarks>
/// 64 codes of w bits are planes of 4, 2 and 1 bits, the low bits first, each of 8 bytes a bit (see <see cref="KvChunkLayout"/>). So eight
/// codes are w bytes: with VBMI one shuffle brings those into the eight bytes that the codes will be, and for each plane one multishift
/// takes every code's bits to their place. Elsewhere each plane is spread as if it were there, and masked.
/// </remarks>
internal static unsafe class CodeSpread
{
    /// <summary>Codes of one call.</summary>
    internal const int Codes = 64;

    private const int MostBits = 8, Planes = 3;

    /// <summary>Bytes of the table for a width: a shuffle, then for each plane a control, a mask, and which bytes it has.</summary>
    internal const int Entry = Codes * (1 + 3 * Planes);

    /// <summary>What the methods with a table look up, for width 0 first; to be read once before a loop.</summary>
    internal static readonly byte* Table = NewTable();

    /// <summary>Whether the processor has what the methods with a table need.</summary>
    internal static bool HasTable => Avx512Vbmi.IsSupported;

    /// <summary>64 codes as bytes, of planes that lie one after another; more than they need may lie after them.</summary>
    /// <param name="entry">Of the codes' width in <see cref="Table"/>.</param>
    /// <param name="packed">The codes.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<byte> Spread(byte* entry, Vector512<byte> packed)
    {
        var x = Avx512Vbmi.PermuteVar64x8(packed, Vector512.Load(entry)).AsUInt64();
        return Avx512Vbmi.MultiShift(Vector512.Load(entry + 1 * Codes), x) & Vector512.Load(entry + 2 * Codes)
            | Avx512Vbmi.MultiShift(Vector512.Load(entry + 3 * Codes), x) & Vector512.Load(entry + 4 * Codes)
            | Avx512Vbmi.MultiShift(Vector512.Load(entry + 5 * Codes), x) & Vector512.Load(entry + 6 * Codes);
    }

    /// <summary>The same of a width that is one plane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<byte> SpreadPlane(byte* entry, Vector512<byte> packed)
    {
        var x = Avx512Vbmi.PermuteVar64x8(packed, Vector512.Load(entry)).AsUInt64();
        return Avx512Vbmi.MultiShift(Vector512.Load(entry + 1 * Codes), x) & Vector512.Load(entry + 2 * Codes);
    }

    /// <summary>All bits of the bytes that plane 0, 1 or 2 has of 64 codes, where planes lie one after another.</summary>
    internal static byte* BytesOf(byte* entry, int plane) => entry + (1 + 2 * Planes + plane) * Codes;

    /// <summary>64 codes of one plane of <paramref name="bits"/> bits, 1, 2 or 4; reads no more than those.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<byte> Plane(byte* table, byte* packed, int bits) => SpreadPlane(table + bits * Entry, bits switch
    {
        4 => Vector256.Load(packed).ToVector512Unsafe(),
        2 => Vector128.Load(packed).ToVector256Unsafe().ToVector512Unsafe(),
        _ => Vector512.CreateScalarUnsafe(*(ulong*)packed).AsByte(),
    });

    /// <summary>The width of a run among half bytes that may come from a file: at most 8, and <paramref name="left"/> in all.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int WidthOf(byte* widths, int run, int left) =>
        Math.Min(Math.Min(widths[run / 2] >> run % 2 * 4 & 15, MostBits), left);

    /// <summary>64 codes of <paramref name="width"/> bits, 0 to 8, in planes one after another; may read 64 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Run(byte* packed, int width, byte* bytes)
    {
        if (width == MostBits)
        {
            Buffer.MemoryCopy(packed, bytes, Codes, Codes);
            return;
        }
        // Bits of the planes before a plane: as many times 8 bytes come before it, and so far to the left its codes go.
        int beforePairs = width & 4, beforeBits = width & 6;
        byte* pairs = packed + 8 * beforePairs, bits = packed + 8 * beforeBits;
        Vector256<byte> hasNibbles = Vector256.Create((byte)-(width >> 2 & 1)), hasPairs = Vector256.Create((byte)-(width >> 1 & 1)),
            hasBits = Vector256.Create((byte)-(width & 1));
        for (var half = 0; half < 2; half++)
        {
            var codes = FromNibbles(packed + 16 * half) & hasNibbles
                | ((FromPairs(pairs + 8 * half) & hasPairs).AsUInt64() << beforePairs).AsByte()
                | ((FromBits(bits + 4 * half) & hasBits).AsUInt64() << beforeBits).AsByte();
            codes.Store(bytes + 32 * half);
        }
    }

    // A byte is spread so that every code begins one of the bytes that it will be: halves, then halves of those.

    /// <summary>32 codes of 4 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<byte> FromNibbles(byte* packed)
    {
        var x = Avx2.IsSupported ? Avx2.ConvertToVector256Int16(packed).AsUInt16() : Widen(Vector128.Load(packed));
        return ((x | x << 4) & Vector256.Create((ushort)0x0f0f)).AsByte();
    }

    /// <summary>32 codes of 2 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<byte> FromPairs(byte* packed)
    {
        var x = Avx2.IsSupported ? Avx2.ConvertToVector256Int32(packed).AsUInt32() : Widen(Widen(Vector64.Load(packed)));
        x = (x | x << 12) & Vector256.Create(0x000f000fu);
        return ((x | x << 6) & Vector256.Create(0x03030303u)).AsByte();
    }

    /// <summary>32 codes of 1 bit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<byte> FromBits(byte* packed)
    {
        var x = Avx2.IsSupported ? Avx2.ConvertToVector256Int64(packed).AsUInt64()
            : Vector256.Create(packed[0], packed[1], packed[2], (ulong)packed[3]);
        x = (x | x << 28) & Vector256.Create(0x0000000f0000000ful);
        x = (x | x << 14) & Vector256.Create(0x0003000300030003ul);
        return ((x | x << 7) & Vector256.Create(0x0101010101010101ul)).AsByte();
    }

    private static Vector256<ushort> Widen(Vector128<byte> bytes) =>
        Vector256.Create(Vector128.WidenLower(bytes), Vector128.WidenUpper(bytes));

    private static Vector256<uint> Widen(Vector128<ushort> shorts) =>
        Vector256.Create(Vector128.WidenLower(shorts), Vector128.WidenUpper(shorts));

    private static Vector128<ushort> Widen(Vector64<byte> bytes) => Vector128.WidenLower(bytes.ToVector128());

    /// <summary>
    /// For every width a shuffle, and for every plane where each code's bits come from, less where they go, and which they are.
    /// </summary>
    private static byte* NewTable()
    {
        // Whole cache lines, for as long as the process lives.
        var table = (byte*)NativeMemory.AlignedAlloc((MostBits + 1) * Entry, Codes);
        new Span<byte>(table, (MostBits + 1) * Entry).Clear();
        for (var width = 0; width <= MostBits; width++)
        {
            var entry = new Span<byte>(table + width * Entry, Entry);
            for (int plane = 0, before = 0; before < width; plane++)
            {
                var bits = KvChunkLayout.PlaneBits(width, plane);
                for (var code = 0; code < Codes; code++)
                {
                    var (eight, place) = (code / 8, code % 8);
                    if (place < bits) entry[8 * eight + before + place] = (byte)(8 * before + eight * bits + place);
                    entry[(1 + 2 * plane) * Codes + code] = (byte)(7 * before + place * bits);
                    entry[(2 + 2 * plane) * Codes + code] = (byte)((1 << bits) - 1 << before);
                }
                entry.Slice((1 + 2 * Planes + plane) * Codes + 8 * before, 8 * bits).Fill(255);
                before += bits;
            }
        }
        return table;
    }
}
