using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    private sealed partial class CompressedAttentionJob
    {
        /// <summary>The keys of a block and head as bytes, where every channel has a width of its own.</summary>
        private BlockCodes UnpackByRange(in BlockPart block, in BlockPart next, bool stayPacked, byte* bytes)
        {
            var layout = block.Layout;
            var packed = block.Chunk + layout.KeyCodes + layout.Keys.BytesBefore(block.Head);
            // The next block's channels have widths of their own, but about as many bytes.
            var ahead = ReferenceEquals(layout, next.Layout)
                ? next.Chunk + layout.KeyCodes + layout.Keys.BytesBefore(next.Head) - packed : 0;
            var widths = block.Chunk + layout.KeyWidths + (long)block.Head * KvPartLayout.HeadWidthBytes(layout.HeadDim);
            // Chunks come from files too: whatever the widths are, nothing after the head's codes counts.
            var left = layout.Keys.HeadBits(block.Head);
            if (layout.Tokens == CodeSpread.Codes)
            {
                if (stayPacked) return new BlockCodes(PackedCodes.OfWidths(packed, widths, left, ahead));
                SpreadRuns(packed, ahead, widths, left, layout.HeadDim, _step, bytes);
                return new BlockCodes(bytes, _step);
            }
            for (var run = 0; run < layout.HeadDim; run++)
            {
                var width = CodeSpread.WidthOf(widths, run, left);
                left -= width;
                if (width == 0) new Span<byte>(bytes + (long)_step * run, block.Count).Clear();
                for (int plane = 0, shift = 0; shift < width; plane++)
                {
                    var bits = KvChunkLayout.PlaneBits(width, plane);
                    UnpackRun(packed + block.First * bits / 8, ahead, block.Count, bits, shift, bytes + (long)_step * run);
                    packed += layout.Tokens * bits / 8;
                    shift += bits;
                }
            }
            return new BlockCodes(bytes, _step);
        }

        /// <summary>Runs of 64 codes. After keys a chunk has the codes of values, which have more bytes than a run reads.</summary>
        [MethodImpl(Compiled.Alone)]
        private static void SpreadRuns(byte* packed, long ahead, byte* widths, int left, int runs, long step, byte* bytes)
        {
            var byTable = typeof(TLanes) == typeof(Lanes512) && CodeSpread.HasTable;
            var table = byTable ? CodeSpread.Table : null;
            for (var run = 0; run < runs; run++, bytes += step)
            {
                var width = CodeSpread.WidthOf(widths, run, left);
                left -= width;
                Prefetch(packed + ahead);
                if (byTable) CodeSpread.Spread(table + width * CodeSpread.Entry, Vector512.Load(packed)).Store(bytes);
                else CodeSpread.Run(packed, width, bytes);
                packed += CodeSpread.Codes / 8 * width;
            }
        }
    }
}
