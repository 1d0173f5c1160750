using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>The parts of one attention call: a KV head and some rows, or some blocks of keys for the only row.</summary>
    private sealed partial class AttentionJob<TPages, TElement> : AttentionJob
        where TPages : struct, IHostPages where TElement : struct, IKvElement<TLanes>
    {
        private const int Block = KvLayout.PageSize;
        private const int Header = 16;

        private const int BlocksAtATime = 2;

        private SharedRanges? _blocks;
        private TPages _pages;
        private Tensor _q, _y;
        private AttentionMask _mask;
        private float _scale, _softCap;
        private int _rows, _kvHeads, _group, _headDim, _rowTile, _rowTiles;
        private bool _byBlocks, _merging;
        private int _treePages, _queryFloats;
        private float* _scratch, _states;
        private long _stride;

        /// <inheritdoc/>
        internal override int Parts => _byBlocks ? _blocks!.Count : _kvHeads * _rowTiles;
        /// <inheritdoc/>
        internal override long Work => (long)_rows * _q.Shape.RowLength * KvLayout.Pages(_mask.Start + _rows) * KvLayout.PageSize;
        /// <inheritdoc/>
        internal override long WorkerScratch => (long)MostQueries * _queryFloats * sizeof(float);
        /// <summary>Rows of one part that balance the threads.</summary>
        internal int RowTile { get; private set; }

        /// <summary>Queries that one part handles together, for the largest row tile.</summary>
        private int MostQueries => 4 * _group;
        private long StateBytes(int blocks) => (long)blocks * _q.Shape[1] * StateFloats * sizeof(float);

        internal void Set(in Tensor q, TPages pages, int kvHeads, in AttentionMask mask, float scale, float softCap, in Tensor y, int rowTile)
        {
            RowTile = rowTile;
            (_q, _pages, _kvHeads, _mask, _scale, _softCap, _y) = (q, pages, kvHeads, mask, scale, softCap, y);
            (_rows, _group, _headDim) = (q.Rows, q.Shape[1] / kvHeads, q.Shape[2]);
            _treePages = mask.Paths.IsEmpty ? 0 : (mask.Start + mask.Nodes - 1) / Block - mask.Start / Block + 1;
            // Of a query: running m, l and the block's, running output, block output, scores of a block and of the pages that hold a tree's
            // own keys.
            _queryFloats = Header + 2 * _headDim + Block + _treePages * Block;
        }

        /// <summary>Parts are some rows of a KV head; each thread has scratch memory <paramref name="stride"/> floats after the last's.</summary>
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
        /// One row over several blocks: keys are split too. Each block's state is stored, then merged in ascending order: the same operations
        /// as in one go.
        /// </summary>
        internal override bool RunAlone(SimdBackend<TLanes> backend)
        {
            var blocks = KvLayout.Pages(_mask.Start + _rows);
            if (_rows != 1 || !_mask.Paths.IsEmpty || blocks < 4) return false;
            (_byBlocks, _merging, _stride) = (true, false, WorkerScratch / sizeof(float));
            (_blocks ??= new SharedRanges(backend.Threads)).Set(Position(0) / Block + 1 - FirstBlock(Position(0)));
            _scratch = backend._scratch.Get(WorkerScratch * backend.Threads + StateBytes(blocks));
            _states = _scratch + _stride * backend.Threads;
            backend._team.Run(this, Parts);
            _merging = true;
            backend._team.Run(this, Parts);
            return true;
        }

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
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void RowRange(int kvHead, int tile, float* scratch)
        {
            var first = tile * _rowTile;
            var rows = Math.Min(_rowTile, _rows - first);
            var queries = rows * _group;
            for (var i = 0; i < queries; i++)
            {
                Begin(At(scratch, i));
                Place(At(scratch, i), first + i / _group, kvHead * _group + i % _group);
            }
            var (begin, last) = (int.MaxValue, 0);
            for (var r = first; r < first + rows; r++)
                (begin, last) = (Math.Min(begin, FirstBlock(Position(r))), Math.Max(last, Position(r) / Block));
            for (var block = begin; block <= last; block++)
            {
                if (block < TreeBlock)
                {
                    var next = Math.Min(block + 1, Math.Min(last, TreeBlock - 1));
                    SharedBlock(kvHead, block, queries, scratch, KeyPage(next, kvHead), ValuePage(next, kvHead));
                }
                else
                {
                    if (block == Math.Max(begin, TreeBlock)) TreeScoresOf(kvHead, queries, scratch);
                    BlockOfTree(kvHead, block, queries, scratch);
                }
                MergeAll(scratch, queries);
            }
            for (var i = 0; i < queries; i++)
                Finish(At(scratch, i), Row(_y, first + i / _group) + (kvHead * _group + i % _group) * _headDim);
        }

        /// <summary>
        /// The only row, some blocks, all heads, so that memory is read as it lies: the blocks' states are kept for
        /// <see cref="MergeHeads"/>.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void BlockRange(int first, int last, float* scratch)
        {
            var lastOfAll = Position(0) / Block;
            for (var i = 0; i < _group; i++) Place(At(scratch, i), 0, i);
            var queries = Source(scratch);
            for (var block = first; block < last; block++)
                for (var kvHead = 0; kvHead < _kvHeads; kvHead++)
                {
                    var (nextBlock, nextHead) = kvHead + 1 < _kvHeads ? (block, kvHead + 1) : (Math.Min(block + 1, lastOfAll), 0);
                    for (var i = 0; i < _group; i++) Source(At(scratch, i)) = queries + (kvHead * _group + i) * _headDim;
                    SharedBlock(kvHead, block, _group, scratch, KeyPage(nextBlock, nextHead), ValuePage(nextBlock, nextHead));
                    for (var i = 0; i < _group; i++)
                    {
                        float* query = At(scratch, i), state = State(block, kvHead * _group + i);
                        new ReadOnlySpan<float>(BlockOutput(query), _headDim).CopyTo(new Span<float>(state, _headDim));
                        (state[_headDim], state[_headDim + 1]) = (BlockMax(query), BlockSum(query));
                    }
                }
        }

        /// <summary>
        /// The same operations as <see cref="MergeAll"/> for some heads, block after block, sixteen blocks' exponentials at a time.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void MergeHeads(int firstHead, int endHead, float* query)
        {
            var (begin, end) = (FirstBlock(Position(0)), Position(0) / Block + 1);
            float* keep = stackalloc float[Lanes], add = stackalloc float[Lanes];
            for (var head = firstHead; head < endHead; head++)
            {
                Begin(query);
                for (var first = begin; first < end; first += Lanes)
                {
                    var count = Math.Min(Lanes, end - first);
                    new Span<float>(keep, Lanes).Clear();
                    new Span<float>(add, Lanes).Clear();
                    for (var i = 0; i < count; i++)
                    {
                        var (old, block) = (Max(query), State(first + i, head)[_headDim]);
                        Max(query) = MathF.Max(old, block);
                        (keep[i], add[i]) = (old - Max(query), block - Max(query));
                    }
                    TLanes.Store(LaneMath.ExpOfNonPositive(TLanes.Load(keep)), keep);
                    TLanes.Store(LaneMath.ExpOfNonPositive(TLanes.Load(add)), add);
                    for (var i = 0; i < count; i++)
                        Sum(query) = MathF.FusedMultiplyAdd(State(first + i, head)[_headDim + 1], add[i], Sum(query) * keep[i]);
                    MergeOutputs(State(first, head), count, keep, add, Output(query));
                }
                Finish(query, Row(_y, 0) + head * _headDim);
            }
        }

        /// <summary>
        /// output = output · keep + block · add, for the outputs of some blocks in ascending order; four chains at a time, since each waits
        /// for itself.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void MergeOutputs(float* state, int count, float* keep, float* add, float* output)
        {
            var apart = (long)_q.Shape[1] * StateFloats;
            var d = 0;
            for (; d <= _headDim - 4 * Lanes; d += 4 * Lanes)
            {
                TLanes o0 = TLanes.Load(output + d), o1 = TLanes.Load(output + d + 16), o2 = TLanes.Load(output + d + 32),
                    o3 = TLanes.Load(output + d + 48);
                for (var i = 0; i < count; i++)
                {
                    TLanes k = TLanes.Broadcast(keep[i]), a = TLanes.Broadcast(add[i]);
                    var block = state + i * apart + d;
                    o0 = TLanes.FusedMultiplyAdd(TLanes.Load(block), a, TLanes.Multiply(o0, k));
                    o1 = TLanes.FusedMultiplyAdd(TLanes.Load(block + 16), a, TLanes.Multiply(o1, k));
                    o2 = TLanes.FusedMultiplyAdd(TLanes.Load(block + 32), a, TLanes.Multiply(o2, k));
                    o3 = TLanes.FusedMultiplyAdd(TLanes.Load(block + 48), a, TLanes.Multiply(o3, k));
                }
                StoreFour(o0, o1, o2, o3, output + d);
            }
            for (; d <= _headDim - Lanes; d += Lanes)
            {
                var o = TLanes.Load(output + d);
                for (var i = 0; i < count; i++)
                    o = TLanes.FusedMultiplyAdd(TLanes.Load(state + i * apart + d), TLanes.Broadcast(add[i]),
                        TLanes.Multiply(o, TLanes.Broadcast(keep[i])));
                TLanes.Store(o, output + d);
            }
            for (; d < _headDim; d++)
                for (var i = 0; i < count; i++) output[d] = MathF.FusedMultiplyAdd(state[i * apart + d], add[i], output[d] * keep[i]);
        }

        /// <summary>Of a block and a head: its output, then m and l; whole cache lines, so that a load never touches two.</summary>
        private int StateFloats => (_headDim + 2 + Lanes - 1) / Lanes * Lanes;

        private float* State(int block, int head) => _states + ((long)block * _q.Shape[1] + head) * StateFloats;

        private static float* Output(float* query) => query + Header;
        private float* BlockOutput(float* query) => query + Header + _headDim;
        private float* Scores(float* query) => query + Header + 2 * _headDim;
        private float* TreeScores(float* query) => Scores(query) + Block;
        private static ref float Max(float* query) => ref query[0];
        private static ref float Sum(float* query) => ref query[1];
        private static ref float BlockMax(float* query) => ref query[2];
        private static ref float BlockSum(float* query) => ref query[3];
        private static ref int PositionOf(float* query) => ref ((int*)query)[4];
        private static ref int RowOf(float* query) => ref ((int*)query)[5];
        /// <summary>Where its elements lie.</summary>
        private static ref float* Source(float* query) => ref *(float**)(query + 6);

        /// <summary>The last position that a row sees: its own, or that of the last row where all see all.</summary>
        private int Position(int row)
        {
            if (_mask.IsFull) return _mask.Start + _rows - 1;
            return _mask.Start + (_mask.Depths.IsEmpty ? row : ((int*)_mask.Depths.Address)[(long)row * _mask.Depths.RowStride]);
        }

        private int FirstBlock(int position) => _mask.Window == 0 ? 0 : Math.Max(0, position - _mask.Window + 1) / Block;
        /// <summary>The first block whose keys are found through paths rather than by position.</summary>
        private int TreeBlock => _mask.Paths.IsEmpty ? int.MaxValue : _mask.Start / Block;

        private void Begin(float* query)
        {
            new Span<float>(Output(query), _headDim).Clear();
            (Max(query), Sum(query)) = (float.NegativeInfinity, 0f);
        }

        /// <summary>Notes which query of the call this is, once for all blocks.</summary>
        private void Place(float* query, int row, int head)
        {
            (RowOf(query), PositionOf(query)) = (row, Position(row));
            Source(query) = Row(_q, row) + head * _headDim;
        }

        /// <summary>The columns of <paramref name="block"/> that a row at <paramref name="position"/> sees: [low, high).</summary>
        private (int Low, int High) Visible(int position, int block) =>
            (_mask.Window == 0 ? 0 : Math.Max(0, position - _mask.Window + 1 - block * Block),
                Math.Clamp(position + 1 - block * Block, 0, Block));

        private byte* KeyPage(int block, int kvHead) =>
            _pages.Keys + ((long)_pages.Page(block) * _kvHeads + kvHead) * _headDim * Block * TElement.Size;
        private byte* ValuePage(int block, int kvHead) =>
            _pages.Values + ((long)_pages.Page(block) * _kvHeads + kvHead) * _headDim * Block * TElement.Size;

        /// <summary>A block whose slots are its positions, for several queries: they share the loads of keys.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void SharedBlock(int kvHead, int block, int queries, float* scratch, byte* nextKeys, byte* nextValues)
        {
            byte* keys = KeyPage(block, kvHead), values = ValuePage(block, kvHead);
            ScoresOf(scratch, queries, keys, nextKeys, Scores(scratch));
            // Two passes, so that the processor works on several queries while the lanes of one are being reduced.
            for (var n = 0; n < queries; n++)
            {
                var (low, high) = Visible(PositionOf(At(scratch, n)), block);
                Scale(At(scratch, n), low, high);
            }
            for (var n = 0; n < queries; n++)
            {
                var (low, high) = Visible(PositionOf(At(scratch, n)), block);
                Weigh(At(scratch, n), low, high);
            }
            AddValuesOfAll(scratch, queries, block, Block, values, nextValues);
        }

        /// <summary>Raw scores of queries with the 64 keys of a page; <paramref name="scores"/> are the first query's.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void ScoresOf(float* scratch, int queries, byte* keys, byte* nextKeys, float* scores)
        {
            var at = scores - scratch;
            var n = 0;
            if (typeof(TLanes) == typeof(Lanes512))
            {
                for (; n <= queries - 3; n += 4)
                    ScoresOf4(4, At(scratch, n), At(scratch, Math.Min(n + 3, queries - 1)), keys, nextKeys, at);
                for (; n <= queries - 2; n += 2) ScoresOf4(2, At(scratch, n), At(scratch, n + 1), keys, nextKeys, at);
            }
            // eight accumulators of 256 bits
            for (; n <= queries - 2; n += 2) Scores2x2(At(scratch, n), At(scratch, n + 1), keys, nextKeys, at);
            for (; n < queries; n++) ScoresOf4(1, At(scratch, n), At(scratch, n), keys, nextKeys, at);
        }

        /// <summary>Adds what the queries see of the first <paramref name="columns"/> columns of a block.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void AddValuesOfAll(float* scratch, int queries, int block, int columns, byte* values, byte* nextValues)
        {
            var n = 0;
            if (typeof(TLanes) == typeof(Lanes512) && _headDim % (2 * Lanes) == 0)
                for (; n <= queries - 3; n += 4)
                    AddValuesOfSeveral(scratch, n, Math.Min(4, queries - n), block, columns, values, nextValues);
            if (_headDim % (2 * Lanes) == 0)
                for (; n <= queries - 2; n += 2) AddValuesOfSeveral(scratch, n, 2, block, columns, values, nextValues);
            for (; n < queries; n++)
            {
                var query = At(scratch, n);
                var (low, high) = Visible(PositionOf(query), block);
                AddValues(Scores(query), values, low, Math.Min(high, columns), BlockOutput(query));
            }
        }

        private float* At(float* scratch, int query) => scratch + (long)query * _queryFloats;

        /// <summary>Raw scores with every page that holds keys of the tree itself.</summary>
        private void TreeScoresOf(int kvHead, int queries, float* scratch)
        {
            for (var page = 0; page < _treePages; page++)
            {
                byte* keys = KeyPage(TreeBlock + page, kvHead), next = KeyPage(TreeBlock + Math.Min(page + 1, _treePages - 1), kvHead);
                ScoresOf(scratch, queries, keys, next, TreeScores(scratch) + page * Block);
            }
        }

        /// <summary>
        /// A block that holds keys of the tree itself: position t below Start is slot t, the others are the nodes of the row's path.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void BlockOfTree(int kvHead, int block, int queries, float* scratch)
        {
            var inOrder = Math.Clamp(_mask.Start - block * Block, 0, Block);      // columns below Start
            for (var n = 0; n < queries; n++)
            {
                var query = At(scratch, n);
                float* scores = Scores(query), raw = TreeScores(query);
                var row = RowOf(query);
                var (low, high) = Visible(PositionOf(query), block);
                for (var j = low; j < Math.Min(high, inOrder); j++) scores[j] = raw[(block - TreeBlock) * Block + j];
                for (var j = Math.Max(low, inOrder); j < high; j++) scores[j] = raw[Slot(row, block * Block + j) - TreeBlock * Block];
                Scale(query, low, high);
            }
            for (var n = 0; n < queries; n++)
            {
                var (low, high) = Visible(PositionOf(At(scratch, n)), block);
                Weigh(At(scratch, n), low, high);
            }
            if (inOrder > 0) AddValuesOfAll(scratch, queries, block, inOrder, ValuePage(block, kvHead), ValuePage(block, kvHead));
            for (var n = 0; n < queries; n++)
            {
                var query = At(scratch, n);
                var row = RowOf(query);
                var (low, high) = Visible(PositionOf(query), block);
                for (var j = Math.Max(low, inOrder); j < high; j++)
                {
                    var slot = Slot(row, block * Block + j);
                    AddValues(Scores(query) + j - slot % Block, ValuePage(slot / Block, kvHead), slot % Block, slot % Block + 1,
                        BlockOutput(query));
                }
            }
        }

        /// <summary>Where the key of the node on <paramref name="row"/>'s path at position <paramref name="t"/> is kept.</summary>
        private int Slot(int row, int t) => _mask.Start + ((int*)_mask.Paths.Address)[(long)row * _mask.Paths.RowStride + t - _mask.Start];

        /// <summary>Asks for 64 elements of the next block.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void PrefetchRow(byte* elements)
        {
            Prefetch(elements);
            Prefetch(elements + 64);
            if (TElement.Size == 2) return;
            Prefetch(elements + 128);
            Prefetch(elements + 192);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void StoreFour(TLanes s0, TLanes s1, TLanes s2, TLanes s3, float* scores)
        {
            TLanes.Store(s0, scores);
            TLanes.Store(s1, scores + 16);
            TLanes.Store(s2, scores + 32);
            TLanes.Store(s3, scores + 48);
        }

        /// <summary>
        /// Raw scores to scaled ones, -∞ where a column is not seen, with the block's m; groups of lanes of which none is seen are left as
        /// they are.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Scale(float* query, int low, int high)
        {
            var scores = Scores(query);
            var largest = TLanes.Broadcast(float.MinValue);     // finite, so that s - m is never ∞ - ∞
            var (first, end) = (low / Lanes * Lanes, (high + Lanes - 1) / Lanes * Lanes);
            if (_softCap > 0f) CapScores(scores, first, end);
            var scale = TLanes.Broadcast(_softCap > 0f ? 1f : _scale);
            var hide = low > first || high < end;
            for (var i = first; i < end; i += Lanes)
            {
                var s = TLanes.Multiply(TLanes.Load(scores + i), scale);
                if (hide) s = Hide(s, i, low, high);
                TLanes.Store(s, scores + i);
                largest = TLanes.Max(s, largest);
            }
            BlockMax(query) = low < high ? TLanes.Largest(largest) : float.NegativeInfinity;
        }

        /// <summary>Scores to weights e^(s - m), 0 where a column is not seen, with the block's l; the block's o begins as zeros.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Weigh(float* query, int low, int high)
        {
            var scores = Scores(query);
            var (shift, sum) = (TLanes.Broadcast(MathF.Max(BlockMax(query), float.MinValue)), TLanes.Zero);
            for (var i = low / Lanes * Lanes; i < high; i += Lanes)
            {
                var e = LaneMath.ExpOfNonPositive(TLanes.Subtract(TLanes.Load(scores + i), shift));
                sum = TLanes.Add(sum, e);
                TLanes.Store(e, scores + i);
            }
            BlockSum(query) = TLanes.Sum(sum);
            var output = BlockOutput(query);
            var d = 0;
            for (; d <= _headDim - Lanes; d += Lanes) TLanes.Store(TLanes.Zero, output + d);
            for (; d < _headDim; d++) output[d] = 0f;
        }

        /// <summary>Raw scores to scaled and capped ones.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void CapScores(float* scores, int first, int end)
        {
            for (var i = first; i < end; i += Lanes)
                TLanes.Store(Cap(TLanes.Multiply(TLanes.Load(scores + i), TLanes.Broadcast(_scale))), scores + i);
        }

        private TLanes Cap(TLanes s) =>
            TLanes.Multiply(TLanes.Broadcast(_softCap), LaneMath.Tanh(TLanes.Divide(s, TLanes.Broadcast(_softCap))));

        /// <summary>-∞ in the columns that are not seen, whatever lies there.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static TLanes Hide(TLanes s, int first, int low, int high)
        {
            TLanes column = TLanes.Ramp(first), nothing = TLanes.Broadcast(float.NegativeInfinity);
            return TLanes.SelectLess(column, TLanes.Broadcast(high), TLanes.SelectLess(TLanes.Broadcast(low - 0.5f), column, s, nothing),
                nothing);
        }

        /// <summary>output[d] += Σ_j weights[j] v[j, d], j ascending from <paramref name="low"/> to <paramref name="high"/> - 1.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void AddValues(float* weights, byte* values, int low, int high, float* output)
        {
            if (low >= high) return;
            var d = 0;
            for (; d <= _headDim - 4 * Lanes; d += 4 * Lanes)
            {
                TLanes o0 = TLanes.Load(output + d), o1 = TLanes.Load(output + d + 16), o2 = TLanes.Load(output + d + 32),
                    o3 = TLanes.Load(output + d + 48);
                for (var j = low; j < high; j++)
                {
                    var w = TLanes.Broadcast(weights[j]);
                    var index = j * _headDim + d;
                    o0 = TLanes.FusedMultiplyAdd(w, TElement.Load(values, index), o0);
                    o1 = TLanes.FusedMultiplyAdd(w, TElement.Load(values, index + 16), o1);
                    o2 = TLanes.FusedMultiplyAdd(w, TElement.Load(values, index + 32), o2);
                    o3 = TLanes.FusedMultiplyAdd(w, TElement.Load(values, index + 48), o3);
                }
                StoreFour(o0, o1, o2, o3, output + d);
            }
            for (; d <= _headDim - Lanes; d += Lanes)
            {
                var o = TLanes.Load(output + d);
                for (var j = low; j < high; j++)
                    o = TLanes.FusedMultiplyAdd(TLanes.Broadcast(weights[j]), TElement.Load(values, j * _headDim + d), o);
                TLanes.Store(o, output + d);
            }
            for (; d < _headDim; d++)
                for (var j = low; j < high; j++)
                    output[d] = MathF.FusedMultiplyAdd(weights[j], TElement.LoadOne(values, j * _headDim + d), output[d]);
        }

        /// <summary>
        /// The same for two to four queries: where all see a value, it is loaded once; before and after, each goes alone, so that its order
        /// stays ascending.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void AddValuesOfSeveral(float* scratch, int first, int count, int block, int columns, byte* values, byte* next)
        {
            float* a = At(scratch, first), last = At(scratch, first + count - 1);
            var (low, high) = (0, columns);
            for (var n = 0; n < count; n++)
            {
                var seen = Visible(PositionOf(At(a, n)), block);
                (low, high) = (Math.Max(low, seen.Low), Math.Min(high, seen.High));
            }
            high = Math.Max(low, high);
            var apart = low > 0 || high < columns;
            for (var n = 0; apart && n < count; n++)
            {
                var seen = Visible(PositionOf(At(a, n)), block);
                AddValues(Scores(At(a, n)), values, seen.Low, Math.Min(Math.Min(low, columns), seen.High), BlockOutput(At(a, n)));
            }
            if (low < high) ValuesOf(count > 2 ? 4 : 2, a, last, values, next, low, high);
            for (var n = 0; apart && n < count; n++)
            {
                var seen = Visible(PositionOf(At(a, n)), block);
                AddValues(Scores(At(a, n)), values, high, Math.Min(columns, seen.High), BlockOutput(At(a, n)));
            }
        }

        /// <summary>
        /// (m, l, o) ⊕ the block's for every query: both shifted to the larger m. The first block meets m = -∞, whose factor is 0.
        /// </summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void MergeAll(float* scratch, int queries)
        {
            float* keep = stackalloc float[Lanes], add = stackalloc float[Lanes];
            for (var first = 0; first < queries; first += Lanes)
            {
                var count = Math.Min(Lanes, queries - first);
                new Span<float>(keep, Lanes).Clear();
                new Span<float>(add, Lanes).Clear();
                for (var i = 0; i < count; i++)
                {
                    var query = At(scratch, first + i);
                    var max = MathF.Max(Max(query), BlockMax(query));
                    if (!float.IsNegativeInfinity(max)) (keep[i], add[i]) = (Max(query) - max, BlockMax(query) - max);
                }
                // One of the two shifts is 0, and e^0 is 1.
                TLanes.Store(LaneMath.ExpOfNonPositive(TLanes.Load(keep)), keep);
                TLanes.Store(LaneMath.ExpOfNonPositive(TLanes.Load(add)), add);
                for (var i = 0; i < count; i++) Merge(At(scratch, first + i), keep[i], add[i]);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Merge(float* query, float keep, float add)
        {
            if (float.IsNegativeInfinity(BlockMax(query))) return;
            Sum(query) = MathF.FusedMultiplyAdd(BlockSum(query), add, Sum(query) * keep);
            Max(query) = MathF.Max(Max(query), BlockMax(query));
            TLanes k = TLanes.Broadcast(keep), a = TLanes.Broadcast(add);
            float* output = Output(query), block = BlockOutput(query);
            var d = 0;
            for (; d <= _headDim - Lanes; d += Lanes)
                TLanes.Store(TLanes.FusedMultiplyAdd(TLanes.Load(block + d), a, TLanes.Multiply(TLanes.Load(output + d), k)), output + d);
            for (; d < _headDim; d++) output[d] = MathF.FusedMultiplyAdd(block[d], add, output[d] * keep);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Finish(float* query, float* y)
        {
            var factor = Sum(query) > 0f ? 1f / Sum(query) : 0f;
            for (var d = 0; d < _headDim; d += Lanes)
            {
                var left = _headDim - d;
                StoreUpTo(TLanes.Multiply(LoadUpTo(Output(query) + d, left, 0f), TLanes.Broadcast(factor)), y + d, left);
            }
        }
    }
}
