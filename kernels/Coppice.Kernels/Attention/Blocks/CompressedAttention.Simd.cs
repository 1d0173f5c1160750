using System.Numerics;
using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    private CompressedAttentionJob? _attendCompressed;

    protected override void AttendBlocksCore(Tensor q, in CompressedKv kv, in AttentionMask mask, float scale, float softCap,
        Tensor states)
    {
        var job = _attendCompressed ??= new CompressedAttentionJob();
        var kvHeads = kv.Layouts[0].KvHeads;
        job.Set(q, kv, mask, scale, softCap, RowTileOf(q.Rows, kvHeads, q.Shape[1] / kvHeads, null));
        Run(job, new Purpose(default, states, kv.Horizon, false), q.Rows);
    }

    /// <summary>Attention over compressed chunks, without reconstructing them.</summary>
    /// <remarks>
    /// Scores: codes times q · scale, one chain of fused multiply-adds over the channels; plus q · minimum; plus A (Bᵀ q); plus outliers.
    /// Outputs alike, with weights for queries. The codes of a block become bytes once for all queries, in memory of the thread.
    /// </remarks>
    private sealed partial class CompressedAttentionJob : AttentionJob
    {
        private KvChunkLayout[] _layouts = [];
        private byte* _chunks;
        private int* _table;
        private int[] _chunkOf = [], _firstOf = [];     // by block: its chunk, and its first token there
        private int[] _endOf = [];                      // by chunk: the position after its last
        private int _blocks, _chunkCount, _runs, _step;

        internal void Set(in Tensor q, in CompressedKv kv, in AttentionMask mask, float scale, float softCap, int rowTile)
        {
            Set(q, kv.Layouts[0].KvHeads, mask, scale, softCap, kv.Horizon, rowTile);
            _layouts = kv.Layouts;
            _chunks = (byte*)kv.Chunks.Address;
            _table = (int*)kv.Table.Address;
            _chunkCount = kv.Table.Rows;
            // Channels or tokens; and bytes from one run of codes to the next.
            _runs = Math.Max(RoundUp(_headDim), Block);
            _step = Math.Max(_headDim, Block);
            CountBlocks();
        }

        /// <summary>Factors and sums of queries, scales, codes as bytes.</summary>
        protected override int WorkFloats => WorkOfQueries + 2 * _runs + _runs * _step / sizeof(float) + Lanes;

        protected override int FirstBlock(int position)
        {
            var seen = _mask.Window == 0 ? 0 : Math.Max(0, position - _mask.Window + 1);
            var block = 0;
            while (seen > 0 && block < _blocks && End(block) <= seen) block++;
            return block;
        }

        protected override int EndBlock(int position)
        {
            var chunks = ChunksBefore(_horizon.Of(position));
            return chunks == _chunkCount ? _blocks : BlockOf(chunks);
        }

        protected override (int Low, int High) Visible(int position, int block)
        {
            var chunk = _chunkOf[block];
            if (_endOf[chunk] > _horizon.Of(position)) return (0, 0);
            var first = _mask.Window == 0 ? 0 : position - _mask.Window + 1;
            return (Math.Max(0, first - Start(block)), Count(block));
        }

        [MethodImpl(Compiled.Alone)]
        protected override void RunBlock(int kvHead, int block, int queries, float* scratch, int nextBlock, int nextHead)
        {
            var part = View(block, kvHead);
            var next = View(nextBlock, nextHead);
            var work = scratch + (long)MostQueries * _queryFloats;
            AskFor(next);
            KeyScores(part, next, scratch, queries, work);
            var areSet = WeighAll(scratch, queries, block);
            for (var n = 0; n < queries && !areSet; n++)
            {
                var (low, high) = Visible(PositionOf(At(scratch, n)), block);
                ClearUnseen(Scores(At(scratch, n)), low, high);
            }
            ValueOutputs(part, next, scratch, queries, work);
        }

        /// <summary>Weights of groups of lanes that <see cref="AttentionJob.Weigh"/> has left alone.</summary>
        private static void ClearUnseen(float* weights, int low, int high)
        {
            for (var j = 0; j < low / Lanes * Lanes; j += Lanes) TLanes.Store(TLanes.Zero, weights + j);
            for (var j = (high + Lanes - 1) / Lanes * Lanes; j < Block; j += Lanes) TLanes.Store(TLanes.Zero, weights + j);
        }

        /// <summary>Asks for what a block has beside its codes, which the loops over codes ask for themselves.</summary>
        private static void AskFor(in BlockPart part)
        {
            var (layout, keys, values) = (part.Layout, part.Layout.Keys, part.Layout.Values);
            AskForScales(part, keys, (long)part.Head * keys.HeadScales, keys.AlongTokens ? keys.HeadScales : layout.Tokens);
            AskForScales(part, values, FirstValueScale(part), part.Count);
            if (layout.Rank > 0)
            {
                // All heads' A, then all heads' B.
                var size = layout.Codec.Factors == KvFactorType.F16 ? 2 : 1;
                int a = layout.Rank * layout.Tokens * size, b = layout.Rank * layout.HeadDim * size;
                AskFor(part.Chunk + layout.KeyFactors + (long)part.Head * a, Math.Min(a, 512));
                AskFor(part.Chunk + layout.KeyFactors + (long)layout.KvHeads * a + (long)part.Head * b, b);
                AskFor(part.Chunk + layout.ValueFactors + (long)part.Head * a, Math.Min(a, 512));
                AskFor(part.Chunk + layout.ValueFactors + (long)layout.KvHeads * a + (long)part.Head * b, b);
            }
            if (keys.Outliers > 0 && keys.AlongTokens)
            {
                var each = 4 * keys.Outliers * layout.HeadDim;
                AskFor(part.Chunk + layout.KeyOutliers + (long)part.Head * each, Math.Min(each, 512));
                AskFor(part.Chunk + layout.KeyOutliers + ((long)layout.KvHeads + part.Head) * each, Math.Min(each, 512));
            }
        }

        private static void AskForScales(in BlockPart part, KvPartLayout side, long at, int count)
        {
            var size = side.ScalesAreBytes ? 1 : 2;
            var before = side.ScalesAreBytes ? (long)part.Layout.KvHeads * KvPartLayout.BoundBytes : 0;
            var scales = StoredScales(part, side) + before + size * at;
            AskFor(scales, size * count);
            if (side.HasMinimum) AskFor(scales + (long)size * side.ScaleCount, size * count);
        }

        private static void AskFor(byte* bytes, int count)
        {
            for (var i = 0; i < count; i += 64) Prefetch(bytes + i);
        }

        private void CountBlocks()
        {
            if (_endOf.Length < _chunkCount) _endOf = new int[Math.Max(64, (int)BitOperations.RoundUpToPowerOf2((uint)_chunkCount))];
            _blocks = 0;
            for (var chunk = 0; chunk < _chunkCount; chunk++)
            {
                var tokens = Layout(chunk).Tokens;
                _endOf[chunk] = FirstPosition(chunk) + tokens;
                var blocks = (tokens + Block - 1) / Block;
                if (_chunkOf.Length < _blocks + blocks) GrowBlocks(_blocks + blocks);
                for (var i = 0; i < blocks; i++, _blocks++) (_chunkOf[_blocks], _firstOf[_blocks]) = (chunk, i * Block);
            }
        }

        private void GrowBlocks(int blocks)
        {
            var length = Math.Max(64, (int)BitOperations.RoundUpToPowerOf2((uint)blocks));
            Array.Resize(ref _chunkOf, length);
            Array.Resize(ref _firstOf, length);
        }

        private KvChunkLayout Layout(int chunk) => _layouts[_table[4 * chunk + 2]];
        private int FirstPosition(int chunk) => _table[4 * chunk + 1];
        private int Start(int block) => FirstPosition(_chunkOf[block]) + _firstOf[block];
        private int Count(int block) => Math.Min(Block, Layout(_chunkOf[block]).Tokens - _firstOf[block]);
        private int End(int block) => Start(block) + Count(block);

        /// <summary>Chunks that end at or before <paramref name="position"/>.</summary>
        private int ChunksBefore(int position)
        {
            var (low, high) = (0, _chunkCount);
            while (low < high)
            {
                var middle = (low + high) / 2;
                if (_endOf[middle] <= position) low = middle + 1;
                else high = middle;
            }
            return low;
        }

        /// <summary>The first block of a chunk.</summary>
        private int BlockOf(int chunk)
        {
            var (low, high) = (0, _blocks);
            while (low < high)
            {
                var middle = (low + high) / 2;
                if (_chunkOf[middle] < chunk) low = middle + 1;
                else high = middle;
            }
            return low;
        }

        private BlockPart View(int block, int head) =>
            new(Layout(_chunkOf[block]), _chunks + (long)_table[4 * _chunkOf[block]] * KvChunkLayout.Unit, head, _firstOf[block],
                Count(block));

        /// <summary>A block of a chunk, for one head.</summary>
        private readonly struct BlockPart(KvChunkLayout layout, byte* chunk, int head, int first, int count)
        {
            internal readonly KvChunkLayout Layout = layout;
            internal readonly byte* Chunk = chunk;
            internal readonly int Head = head, First = first, Count = count;

            /// <summary>Tokens from the block's first that are kept as they are.</summary>
            internal int Exact => Math.Clamp(Layout.Exact - First, 0, Count);
        }
    }
}
