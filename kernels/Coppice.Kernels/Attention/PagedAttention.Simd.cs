using System.Runtime.CompilerServices;
using Coppice.Kernels.Assembled;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels;

internal sealed unsafe partial class SimdBackend<TLanes>
{
    /// <summary>Attention over keys and values in pages.</summary>
    private sealed partial class AttentionJob<TPages, TElement> : AttentionJob
        where TPages : struct, IHostPages where TElement : struct, IKvElement<TLanes>
    {
        private TileKernels? _kernels;
        private TPages _pages;
        private int _treePages;

        internal void Set(TileKernels? kernels, in Tensor q, TPages pages, int kvHeads, in AttentionMask mask, float scale, float softCap,
            in KvHorizon from, int rowTile)
        {
            Set(q, kvHeads, mask, scale, softCap, from, rowTile);
            _kernels = kernels;
            _pages = pages;
            _treePages = mask.Paths.IsEmpty ? 0 : (mask.Start + mask.Nodes - 1) / Block - mask.Start / Block + 1;
            // Scores of the pages that hold a tree's own keys.
            _queryFloats += _treePages * Block;
        }

        /// <summary>The first block whose keys are found through paths rather than by position.</summary>
        private int TreeBlock => _mask.Paths.IsEmpty ? int.MaxValue : _mask.Start / Block;
        private float* TreeScores(float* query) => Scores(query) + Block;

        /// <summary>The first position that a row at <paramref name="position"/> sees.</summary>
        private int FirstSeen(int position) =>
            Math.Max(_horizon.Of(position), _mask.Window == 0 ? 0 : position - _mask.Window + 1);

        protected override int FirstBlock(int position) => FirstSeen(position) / Block;
        protected override int EndBlock(int position) => position / Block + 1;
        protected override (int Low, int High) Visible(int position, int block) =>
            (Math.Max(0, FirstSeen(position) - block * Block), Math.Clamp(position + 1 - block * Block, 0, Block));

        protected override void BeginRows(int kvHead, int queries, float* scratch) => TreeScoresOf(kvHead, queries, scratch);

        protected override void RunBlock(int kvHead, int block, int queries, float* scratch, int nextBlock, int nextHead)
        {
            if (block >= TreeBlock)
            {
                BlockOfTree(kvHead, block, queries, scratch);
                return;
            }
            var next = Math.Min(nextBlock, TreeBlock - 1);
            SharedBlock(kvHead, block, queries, scratch, KeyPage(next, nextHead), ValuePage(next, nextHead));
        }

        private byte* KeyPage(int block, int kvHead) =>
            _pages.Keys + ((long)_pages.Page(block) * _kvHeads + kvHead) * _headDim * Block * TElement.Size;
        private byte* ValuePage(int block, int kvHead) =>
            _pages.Values + ((long)_pages.Page(block) * _kvHeads + kvHead) * _headDim * Block * TElement.Size;

        /// <summary>A block whose slots are its positions, for several queries: they share the loads of keys.</summary>
        [MethodImpl(Compiled.Alone)]
        private void SharedBlock(int kvHead, int block, int queries, float* scratch, byte* nextKeys, byte* nextValues)
        {
            byte* keys = KeyPage(block, kvHead), values = ValuePage(block, kvHead);
            ScoresOf(scratch, queries, keys, nextKeys, Scores(scratch));
            WeighAll(scratch, queries, block);
            AddValuesOfAll(scratch, queries, block, Block, values, nextValues);
        }

        /// <summary>Raw scores of queries with the 64 keys of a page; <paramref name="scores"/> are the first query's.</summary>
        [MethodImpl(Compiled.Alone)]
        private void ScoresOf(float* scratch, int queries, byte* keys, byte* nextKeys, float* scores)
        {
            var at = scores - scratch;
            if (_kernels is { } kernels)
            {
                AssembledScores(kernels, scratch, queries, keys, nextKeys, at);
                return;
            }
            var n = 0;
            if (typeof(TLanes) == typeof(Lanes512))
            {
                for (; n <= queries - 3; n += 4)
                    ScoresOf4(4, At(scratch, n), At(scratch, Math.Min(n + 3, queries - 1)), keys, nextKeys, at);
                for (; n <= queries - 2; n += 2) ScoresOf4(2, At(scratch, n), At(scratch, n + 1), keys, nextKeys, at);
            }
            for (int rows; (rows = NarrowTile(queries - n)) > 0; n += rows)
                ScoresOf1(rows, At(scratch, n), At(scratch, n + rows - 1), keys, nextKeys, at);
            // eight accumulators of 256 bits
            for (; n <= queries - 2; n += 2) Scores2x2(At(scratch, n), At(scratch, n + 1), keys, nextKeys, at);
            for (; n < queries; n++) ScoresOf4(1, At(scratch, n), At(scratch, n), keys, nextKeys, at);
        }

        /// <summary>
        /// Queries of the next tile of 16 keys or elements, where registers have 256 bits and <paramref name="left"/> are left; 0 where
        /// fewer queries go by more keys.
        /// </summary>
        private static int NarrowTile(int left) => QueryTile < 6 || left < 4 ? 0 : left < 6 ? 4 : 6;

        /// <summary>Adds what the queries see of the first <paramref name="columns"/> columns of a block.</summary>
        [MethodImpl(Compiled.Alone)]
        private void AddValuesOfAll(float* scratch, int queries, int block, int columns, byte* values, byte* nextValues)
        {
            var n = 0;
            for (int rows; _kernels is not null && n < queries; n += rows)
            {
                rows = _kernels.Height(queries - n);
                AddValuesOfSeveral(scratch, n, rows, block, columns, values, nextValues);
            }
            if (typeof(TLanes) == typeof(Lanes512) && _headDim % (2 * Lanes) == 0)
                for (; n <= queries - 3; n += 4)
                    AddValuesOfSeveral(scratch, n, Math.Min(4, queries - n), block, columns, values, nextValues);
            for (int rows; _headDim % Lanes == 0 && (rows = NarrowTile(queries - n)) > 0; n += rows)
                AddValuesOfSeveral(scratch, n, rows, block, columns, values, nextValues);
            if (_headDim % (2 * Lanes) == 0)
                for (; n <= queries - 2; n += 2) AddValuesOfSeveral(scratch, n, 2, block, columns, values, nextValues);
            for (; n < queries; n++)
            {
                var query = At(scratch, n);
                var (low, high) = Visible(PositionOf(query), block);
                AddValues(Scores(query), values, low, Math.Min(high, columns), BlockOutput(query));
            }
        }

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
        [MethodImpl(Compiled.Alone)]
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

        /// <summary>Raw scores, as <see cref="ScoresOf"/>; the first tile asks for the next page.</summary>
        private void AssembledScores(TileKernels kernels, float* scratch, int queries, byte* keys, byte* nextKeys, long at)
        {
            var step = Block * TElement.Size;
            var tile = new KvTile { B = keys, Step = step, Count = _headDim, Ahead = nextKeys, AheadStep = step };
            for (int n = 0, rows; n < queries; n += rows, tile.Ahead = keys)
            {
                rows = kernels.Height(queries - n);
                for (var r = 0; r < rows; r++)
                {
                    var query = At(scratch, n + r);
                    (tile.A[r], tile.C[r]) = ((nint)Source(query), (nint)(query + at));
                }
                kernels.Run(rows, 4, tile);
            }
        }

        /// <summary>What <paramref name="count"/> queries take of values that all of them see.</summary>
        private void AssembledValues(TileKernels kernels, float* first, int count, byte* values, byte* next, int low, int high)
        {
            var step = _headDim * TElement.Size;
            for (int d = 0, panels; d < _headDim; d += panels * Lanes)
            {
                panels = _headDim - d >= 4 * Lanes ? 4 : _headDim - d >= 2 * Lanes ? 2 : 1;
                var at = low * step + d * TElement.Size;
                var tile = new KvTile
                {
                    B = values + at,
                    Step = step,
                    Count = high - low,
                    Ahead = next + at,
                    AheadStep = step,
                    Continues = 1,
                };
                for (var r = 0; r < count; r++)
                {
                    var query = At(first, r);
                    (tile.A[r], tile.C[r]) = ((nint)(Scores(query) + low), (nint)(BlockOutput(query) + d));
                }
                kernels.Run(count, panels, tile);
            }
        }

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

        /// <summary>output[d] += Σ_j weights[j] v[j, d], j ascending from <paramref name="low"/> to <paramref name="high"/> - 1.</summary>
        [MethodImpl(Compiled.Alone)]
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
        /// The same for several queries: where all see a value, it is loaded once; before and after, each goes alone, so that its order
        /// stays ascending.
        /// </summary>
        [MethodImpl(Compiled.Alone)]
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
            if (low < high)
            {
                if (_kernels is { } kernels) AssembledValues(kernels, a, count, values, next, low, high);
                else if (NarrowTile(count) > 0) ValuesOf1(count, a, last, values, next, low, high);
                else ValuesOf4(count > 2 ? 4 : 2, a, last, values, next, low, high);
            }
            for (var n = 0; apart && n < count; n++)
            {
                var seen = Visible(PositionOf(At(a, n)), block);
                AddValues(Scores(At(a, n)), values, high, Math.Min(columns, seen.High), BlockOutput(At(a, n)));
            }
        }
    }
}
