namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    private sealed partial class CompressedAttentionJob
    {
        /// <summary>The keys of a block and head as bytes, where every channel has a width of its own.</summary>
        private CodeBytes UnpackByRange(in BlockPart block, in BlockPart next, byte* bytes)
        {
            var layout = block.Layout;
            var packed = block.Chunk + layout.KeyCodes + layout.Keys.BytesBefore(block.Head);
            // The next block's channels have widths of their own, but about as many bytes.
            var ahead = ReferenceEquals(layout, next.Layout)
                ? next.Chunk + layout.KeyCodes + layout.Keys.BytesBefore(next.Head) - packed : 0;
            var widths = block.Chunk + layout.KeyWidths + (long)block.Head * KvPartLayout.HeadWidthBytes(layout.HeadDim);
            var left = layout.Keys.HeadBits(block.Head);
            for (var run = 0; run < layout.HeadDim; run++)
            {
                // Chunks come from files too: whatever the widths are, nothing after the head's codes is read.
                var width = Math.Min(Math.Min(widths[run / 2] >> run % 2 * 4 & 15, 8), left);
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
            return new CodeBytes(bytes, _step);
        }
    }
}
