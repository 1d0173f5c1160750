using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>Packed codes to bytes: once for all queries of a block.</summary>
    private sealed partial class CompressedAttentionJob
    {
        /// <summary>Codes that one step unpacks.</summary>
        private const int CodesOfStep = 32;

        /// <summary>Codes of a block as bytes: some runs, each <paramref name="step"/> bytes after the one before.</summary>
        private readonly struct CodeBytes(byte* first, long step)
        {
            internal readonly byte* First = first;
            internal readonly long Step = step;
        }

        /// <summary>
        /// The codes of a block and head as bytes. Asks ahead for the same of the next block.
        /// </summary>
        /// <param name="part">The keys or the values of the layout.</param>
        /// <param name="block">Whose codes.</param>
        /// <param name="next">The block after it.</param>
        /// <param name="bytes">Memory for them.</param>
        private CodeBytes Unpack(KvPartLayout part, in BlockPart block, in BlockPart next, byte* bytes)
        {
            if (part.ByRange) return UnpackByRange(block, next, bytes);
            var (runs, count) = part.IsKeys ? (_headDim, block.Count) : (block.Count, _headDim);
            var isAlike = ReferenceEquals(block.Layout, next.Layout);
            for (int plane = 0, shift = 0; ; plane++)
            {
                var (start, words, bits) = Plane(part, block.Layout.KvHeads, plane);
                var packed = Codes(part, block, start, words, bits);
                var ahead = isAlike ? Codes(part, next, start, words, bits) - packed : 0;
                if (bits == 8 && count % Lanes == 0 && part.GroupSize % Lanes == 0)
                {
                    // Whole vectors of them can be read where they are.
                    for (var run = 0; run < runs; run++)
                        for (var i = 0; i < count; i += 64) Prefetch(packed + 4L * words * run + i + ahead);
                    return new CodeBytes(packed, 4L * words);
                }
                if (32 * words == count * bits && count == _step) UnpackRun(packed, ahead, runs * count, bits, shift, bytes);
                else
                    for (var run = 0; run < runs; run++)
                        UnpackRun(packed + 4L * words * run, ahead, count, bits, shift, bytes + (long)_step * run);
                shift += bits;
                if (shift == part.Bits) return new CodeBytes(bytes, _step);
            }
        }

        /// <summary>The words of the plane that begins at <paramref name="start"/>, for the block's head and first token.</summary>
        private static byte* Codes(KvPartLayout part, in BlockPart block, long start, int words, int bits)
        {
            var layout = block.Layout;
            return part.IsKeys
                ? block.Chunk + layout.KeyCodes + start + 4L * ((long)block.Head * layout.HeadDim * words + block.First * bits / 32)
                : block.Chunk + layout.ValueCodes + start + 4L * ((long)block.Head * layout.Tokens + block.First) * words;
        }

        /// <summary>Where a plane begins in the codes, the words of its runs, and its width.</summary>
        private static (long Start, int Words, int Bits) Plane(KvPartLayout part, int kvHeads, int plane)
        {
            var start = 0L;
            for (var i = 0; ; i++)
            {
                var bits = KvChunkLayout.PlaneBits(part.Bits, i);
                var words = KvChunkLayout.Words(part.RunLength, bits);
                if (i == plane) return (start, words, bits);
                start += 4L * kvHeads * part.Runs * words;
            }
        }

        /// <summary>
        /// Codes of <paramref name="bits"/> bits, 1, 2, 4 or 8, moved to the left by <paramref name="shift"/>, into bytes that hold lower
        /// bits already where that is not 0.
        /// </summary>
        [MethodImpl(Compiled.Alone)]
        private static void UnpackRun(byte* packed, long ahead, int count, int bits, int shift, byte* bytes)
        {
            var i = 0;
            for (; i <= count - CodesOfStep; i += CodesOfStep, packed += 4 * bits, bytes += CodesOfStep)
            {
                Prefetch(packed + ahead);
                var codes = bits switch
                {
                    4 => FromNibbles(packed),
                    2 => FromPairs(packed),
                    1 => FromBits(packed),
                    _ => Vector256.Load(packed),
                };
                if (shift > 0) codes = (codes.AsUInt64() << shift).AsByte() | Vector256.Load(bytes);
                codes.Store(bytes);
            }
            for (var code = 0; i < count; i++, code++)
            {
                var at = code * bits;
                var value = packed[at / 8] >> at % 8 & (1 << bits) - 1;
                bytes[code] = (byte)(shift > 0 ? bytes[code] | value << shift : value);
            }
        }

        // A byte is spread so that every code begins one of the bytes that it will be: halves, then halves of those.

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<byte> FromNibbles(byte* packed)
        {
            var x = Avx2.IsSupported ? Avx2.ConvertToVector256Int16(packed).AsUInt16() : Widen(Vector128.Load(packed));
            return ((x | x << 4) & Vector256.Create((ushort)0x0f0f)).AsByte();
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<byte> FromPairs(byte* packed)
        {
            var x = Avx2.IsSupported ? Avx2.ConvertToVector256Int32(packed).AsUInt32() : Widen(Widen(Vector64.Load(packed)));
            x = (x | x << 12) & Vector256.Create(0x000f000fu);
            return ((x | x << 6) & Vector256.Create(0x03030303u)).AsByte();
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<byte> FromBits(byte* packed)
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
    }
}
