using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>Packed codes to bytes: once for all queries of a block.</summary>
    private sealed partial class CompressedAttentionJob
    {
        /// <summary>Codes that one step unpacks.</summary>
        private const int CodesOfStep = 32;

        /// <summary>Queries for which codes are unpacked in registers, again for each four of them, instead of once into memory.</summary>
        private const int QueriesOfPacked = 8;

        /// <summary>Codes of a block: as they are stored, or as bytes, each run <see cref="Step"/> bytes after the one before.</summary>
        private readonly struct BlockCodes
        {
            internal readonly byte* First;
            internal readonly long Step;
            internal readonly PackedCodes Packed;

            internal BlockCodes(byte* first, long step)
            {
                First = first;
                Step = step;
            }

            internal BlockCodes(in PackedCodes packed) => Packed = packed;

            internal bool ArePacked => First == null;

            /// <summary>Those from run <paramref name="run"/> on.</summary>
            internal BlockCodes From(int run) => ArePacked ? new(Packed.From(run, 0)) : new(First + run * Step, Step);
        }

        /// <summary>
        /// The codes of a block and head, as bytes where that pays. Asks ahead for the same of the next block.
        /// </summary>
        /// <param name="part">The keys or the values of the layout.</param>
        /// <param name="block">Whose codes.</param>
        /// <param name="next">The block after it.</param>
        /// <param name="queries">How many queries need them.</param>
        /// <param name="bytes">Memory for them.</param>
        private BlockCodes Unpack(KvPartLayout part, in BlockPart block, in BlockPart next, int queries, byte* bytes)
        {
            var (runs, count) = part.IsKeys ? (_headDim, block.Count) : (block.Count, _headDim);
            // A tile has 64 codes, and may read 64 bytes from where a run begins: more codes, or the scales of 64 tokens, lie there.
            var stayPacked = typeof(TLanes) == typeof(Lanes512) && CodeSpread.HasTable && queries <= QueriesOfPacked
                && block.Count == Block && count % CodeSpread.Codes == 0
                && (part.IsKeys && !part.AlongTokens || part.GroupSize % CodeSpread.Codes == 0);
            if (part.ByRange) return UnpackByRange(block, next, stayPacked, bytes);
            var isAlike = ReferenceEquals(block.Layout, next.Layout);
            var stored = PackedCodes.Alike(part.Bits);
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
                    return new BlockCodes(packed, 4L * words);
                }
                if (stayPacked) stored.Add(packed, 4L * words, shift, ahead);
                else if (32 * words == count * bits && count == _step) UnpackRun(packed, ahead, runs * count, bits, shift, bytes);
                else
                    for (var run = 0; run < runs; run++)
                        UnpackRun(packed + 4L * words * run, ahead, count, bits, shift, bytes + (long)_step * run);
                shift += bits;
                if (shift == part.Bits) return stayPacked ? new BlockCodes(stored) : new BlockCodes(bytes, _step);
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
            if (typeof(TLanes) == typeof(Lanes512) && CodeSpread.HasTable && bits < 8)
            {
                var table = CodeSpread.Table;
                for (; i <= count - CodeSpread.Codes; i += CodeSpread.Codes, packed += 8 * bits, bytes += CodeSpread.Codes)
                {
                    Prefetch(packed + ahead);
                    var codes = CodeSpread.Plane(table, packed, bits);
                    if (shift > 0) codes = (codes.AsUInt64() << shift).AsByte() | Vector512.Load(bytes);
                    codes.Store(bytes);
                }
            }
            for (; i <= count - CodesOfStep; i += CodesOfStep, packed += 4 * bits, bytes += CodesOfStep)
            {
                Prefetch(packed + ahead);
                var codes = bits switch
                {
                    4 => CodeSpread.FromNibbles(packed),
                    2 => CodeSpread.FromPairs(packed),
                    1 => CodeSpread.FromBits(packed),
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
    }
}
