using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>
    /// The parts of one attention call: a KV head and some rows, or some blocks of keys for the only row. Where keys lie, and what a block
    /// gives, is for the subclass to say.
    /// </summary>
    private abstract partial class AttentionJob : KeptJob
    {
        protected const int Block = KvLayout.PageSize;
        protected const int Header = 16;

        private const int BlocksAtATime = 2;

        private SharedRanges? _blocks;
        private int _rowTile, _rowTiles, _firstState;
        private bool _byBlocks, _merging, _continues;
        private float* _scratch, _states;
        private long _stride;
        private Tensor _y, _kept;
        protected Tensor _q;
        protected AttentionMask _mask;
        protected KvHorizon _horizon;
        protected float _scale, _softCap;
        protected int _rows, _kvHeads, _group, _headDim, _queryFloats;

        /// <inheritdoc/>
        internal override int Parts => _byBlocks ? _blocks!.Count : _kvHeads * _rowTiles;
        /// <inheritdoc/>
        internal override long Work => (long)_rows * _q.Shape.RowLength * MostBlocks * Block;
        /// <inheritdoc/>
        internal override long WorkerScratch => ((long)MostQueries * _queryFloats + WorkFloats) * sizeof(float);
        /// <summary>Rows of one part that balance the threads.</summary>
        internal int RowTile { get; private set; }

        /// <summary>Queries that one part handles together, for the largest row tile.</summary>
        protected int MostQueries => 4 * _group;
        /// <summary>Floats that a thread needs beside its queries'.</summary>
        protected virtual int WorkFloats => 0;
        private long StateBytes(int blocks) => (long)blocks * _q.Shape[1] * StateFloats * sizeof(float);

        /// <summary>What the next run is about.</summary>
        protected void Set(in Tensor q, int kvHeads, in AttentionMask mask, float scale, float softCap, in KvHorizon horizon,
            int rowTile)
        {
            RowTile = rowTile;
            (_q, _kvHeads, _mask, _scale, _softCap, _horizon) = (q, kvHeads, mask, scale, softCap, horizon);
            (_rows, _group, _headDim) = (q.Rows, q.Shape[1] / kvHeads, q.Shape[2]);
            _queryFloats = Header + 2 * _headDim + Block;
        }

        /// <summary>Where the result goes.</summary>
        internal void For(in Purpose purpose) => (_y, _kept, _continues) = (purpose.Y, purpose.States, purpose.Continues);

        /// <summary>Blocks that some row may see.</summary>
        internal int MostBlocks => Math.Max(0, EndBlock(LastPosition) - FirstBlock(_mask.Start));
        private int LastPosition => _mask.Start + (_mask.Paths.IsEmpty ? _rows - 1 : _mask.Deepest);

        /// <summary>
        /// Parts are some rows of a KV head; each thread has scratch memory <paramref name="stride"/> floats after the last's.
        /// </summary>
        internal void Rows(int tile, float* scratch, long stride)
        {
            (_rowTile, _rowTiles, _byBlocks, _merging) = (tile, (_rows + tile - 1) / tile, false, false);
            _scratch = scratch;
            _stride = stride;
        }

        /// <inheritdoc/>
        internal override int Prepare(float* scratch, long stride)
        {
            Rows(RowTile, scratch, stride);
            return Parts;
        }

        /// <summary>
        /// One row over several blocks: keys are split too. Each block's state is stored, then merged in ascending order: the same
        /// operations as in one go.
        /// </summary>
        internal override bool RunAlone(SimdBackend<TLanes> backend)
        {
            var blocks = MostBlocks;
            if (_rows != 1 || !_mask.Paths.IsEmpty || blocks < 4) return false;
            (_byBlocks, _merging, _stride) = (true, false, WorkerScratch / sizeof(float));
            _firstState = FirstBlock(Position(0));
            (_blocks ??= new SharedRanges(backend.Threads)).Set(EndBlock(Position(0)) - _firstState);
            _scratch = backend._scratch.Get(WorkerScratch * backend.Threads + StateBytes(blocks));
            _states = _scratch + _stride * backend.Threads;
            backend._team.Run(this, Parts);
            _merging = true;
            backend._team.Run(this, Parts);
            return true;
        }

        /// <summary>The first block of which a row at <paramref name="position"/> may see something.</summary>
        protected abstract int FirstBlock(int position);
        /// <summary>One past the last such block.</summary>
        protected abstract int EndBlock(int position);
        /// <summary>The columns of <paramref name="block"/> that a row at <paramref name="position"/> sees: [low, high).</summary>
        protected abstract (int Low, int High) Visible(int position, int block);
        /// <summary>Called once for some queries before their blocks.</summary>
        protected virtual void BeginRows(int kvHead, int queries, float* scratch) { }
        /// <summary>
        /// m, l and o of a block for some queries, of which the first is at <paramref name="scratch"/>; may ask ahead for the next block.
        /// </summary>
        protected abstract void RunBlock(int kvHead, int block, int queries, float* scratch, int nextBlock, int nextHead);

        internal override void Execute(int part, int worker)
        {
            var scratch = _scratch + worker * _stride;
            if (_merging) MergeHeads(_q.Shape[1] * part / Parts, _q.Shape[1] * (part + 1) / Parts, scratch);
            else if (_byBlocks)
                while (_blocks!.TryTake(part, BlocksAtATime, out var first, out var end))
                    BlockRange(FirstBlock(Position(0)) + first, FirstBlock(Position(0)) + end, scratch);
            else RowRange(part % _kvHeads, part / _kvHeads, scratch);
        }

        /// <summary>Some rows, all their heads of one KV head, all blocks.</summary>
        [MethodImpl(Compiled.Alone)]
        private void RowRange(int kvHead, int tile, float* scratch)
        {
            var first = tile * _rowTile;
            var rows = Math.Min(_rowTile, _rows - first);
            var queries = rows * _group;
            for (var i = 0; i < queries; i++)
            {
                Begin(At(scratch, i), first + i / _group, kvHead * _group + i % _group);
                Place(At(scratch, i), first + i / _group, kvHead * _group + i % _group);
            }
            var (begin, end) = (int.MaxValue, 0);
            for (var r = first; r < first + rows; r++)
                (begin, end) = (Math.Min(begin, FirstBlock(Position(r))), Math.Max(end, EndBlock(Position(r))));
            BeginRows(kvHead, queries, scratch);
            for (var block = begin; block < end; block++)
            {
                RunBlock(kvHead, block, queries, scratch, Math.Min(block + 1, end - 1), kvHead);
                MergeAll(scratch, queries);
            }
            for (var i = 0; i < queries; i++) Finish(At(scratch, i), first + i / _group, kvHead * _group + i % _group);
        }

        /// <summary>
        /// The only row, some blocks, all heads, so that memory is read as it lies: the blocks' states are kept for
        /// <see cref="MergeHeads"/>.
        /// </summary>
        [MethodImpl(Compiled.Alone)]
        private void BlockRange(int first, int last, float* scratch)
        {
            var lastOfAll = EndBlock(Position(0)) - 1;
            for (var i = 0; i < _group; i++) Place(At(scratch, i), 0, i);
            var queries = Source(scratch);
            for (var block = first; block < last; block++)
                for (var kvHead = 0; kvHead < _kvHeads; kvHead++)
                {
                    var (nextBlock, nextHead) = kvHead + 1 < _kvHeads ? (block, kvHead + 1) : (Math.Min(block + 1, lastOfAll), 0);
                    for (var i = 0; i < _group; i++) Source(At(scratch, i)) = queries + (kvHead * _group + i) * _headDim;
                    RunBlock(kvHead, block, _group, scratch, nextBlock, nextHead);
                    for (var i = 0; i < _group; i++)
                    {
                        float* query = At(scratch, i), state = State(block, kvHead * _group + i);
                        new ReadOnlySpan<float>(BlockOutput(query), _headDim).CopyTo(new Span<float>(state, _headDim));
                        (state[_headDim], state[_headDim + 1]) = (BlockMax(query), BlockSum(query));
                    }
                }
        }

        private float* State(int block, int head) => _states + ((long)(block - _firstState) * _q.Shape[1] + head) * StateFloats;

        /// <summary>Of a block and a head: its output, then m and l; whole cache lines, so that a load never touches two.</summary>
        private int StateFloats => (_headDim + 2 + Lanes - 1) / Lanes * Lanes;

        protected static float* Output(float* query) => query + Header;
        protected float* BlockOutput(float* query) => query + Header + _headDim;
        protected float* Scores(float* query) => query + Header + 2 * _headDim;
        protected static ref float Max(float* query) => ref query[0];
        protected static ref float Sum(float* query) => ref query[1];
        protected static ref float BlockMax(float* query) => ref query[2];
        protected static ref float BlockSum(float* query) => ref query[3];
        protected static ref int PositionOf(float* query) => ref ((int*)query)[4];
        protected static ref int RowOf(float* query) => ref ((int*)query)[5];
        /// <summary>Where its elements lie.</summary>
        protected static ref float* Source(float* query) => ref *(float**)(query + 6);

        /// <summary>The last position that a row sees: its own, or that of the last row where all see all.</summary>
        protected int Position(int row)
        {
            if (_mask.IsFull) return _mask.Start + _rows - 1;
            return _mask.Start + (_mask.Depths.IsEmpty ? row : ((int*)_mask.Depths.Address)[(long)row * _mask.Depths.RowStride]);
        }

        /// <summary>Nothing seen yet, or what earlier blocks gave.</summary>
        private void Begin(float* query, int row, int head)
        {
            var output = new Span<float>(Output(query), _headDim);
            if (_continues)
            {
                var state = Kept(row, head);
                new ReadOnlySpan<float>(state, _headDim).CopyTo(output);
                (Max(query), Sum(query)) = (state[_headDim], state[_headDim + 1]);
                return;
            }
            output.Clear();
            (Max(query), Sum(query)) = (float.NegativeInfinity, 0f);
        }

        private float* Kept(int row, int head) => Row(_kept, row) + head * (_headDim + 2);

        /// <summary>Notes which query of the call this is, once for all blocks.</summary>
        private void Place(float* query, int row, int head)
        {
            (RowOf(query), PositionOf(query)) = (row, Position(row));
            Source(query) = Row(_q, row) + head * _headDim;
        }

        protected float* At(float* scratch, int query) => scratch + (long)query * _queryFloats;
    }
}
