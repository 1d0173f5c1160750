using Coppice.Kernels;

namespace Coppice.Cli.SelfTest;

/// <summary>Ops on caches of keys and values: storing, moving, compressing, attending, merging.</summary>
internal static class CacheChecks
{
    private const int Page = KvLayout.PageSize;
    private static readonly ElementType[] Types = [ElementType.F32, ElementType.F16, ElementType.BF16];

    /// <summary>All of them.</summary>
    public static IEnumerable<SelfTestCheck> All()
    {
        foreach (var type in Types)
            foreach (var paged in (bool[])[false, true])
            {
                var name = $"{type.ToString().ToLowerInvariant()} {(paged ? "paged" : "dense")}";
                yield return new($"kv_append {name}", (on, outcome) => Append(on, outcome, type, paged));
                yield return new($"kv_move {name}", (on, outcome) => Move(on, outcome, type, paged));
                yield return new($"attention {name}", (on, outcome) => Attend(on, outcome, type, paged, inBlocks: false));
                yield return new($"attend_blocks {name}", (on, outcome) => Attend(on, outcome, type, paged, inBlocks: true));
            }
        yield return new("merge_blocks f32", Merge);
        // A code is off by half a step of its group's range: 1 / 255 and 1 / 15 of keys and values in ±1.
        yield return new("attend_blocks q8", (on, outcome) => AttendCompressed(on, outcome, KvCodec.Q8, 0.012));
        yield return new("attend_blocks q4", (on, outcome) => AttendCompressed(on, outcome, KvCodec.Q4, 0.16));
    }

    /// <summary>Rows from a slot on; every other slot keeps its bytes.</summary>
    private static void Append(Operands on, Outcome outcome, ElementType type, bool paged)
    {
        foreach (var (start, tokens, heads, dim) in (ReadOnlySpan<(int, int, int, int)>)[(0, 1, 1, 8), (62, 5, 2, 24), (64, 3, 3, 18)])
        {
            var scene = new Scene(on, start + tokens, heads, dim, type, paged, stored: start);
            var (k, v) = (scene.Rows(start, tokens, scene.K), scene.Rows(start, tokens, scene.V));
            outcome.Compare([.. scene.Image(scene.K, start + tokens, keys: true), .. scene.Image(scene.V, start + tokens, keys: false)],
                () =>
            {
                scene.Upload();
                if (paged) on.Backend.KvAppend(scene.Paged, k, v, start);
                else on.Backend.KvAppend(scene.Dense, k, v, start);
                return scene.Read();
            }, 0);
        }
    }

    /// <summary>Accepted nodes of a tree move to the slots after its root.</summary>
    private static void Move(Operands on, Outcome outcome, ElementType type, bool paged)
    {
        int[] sources = [63, 65, 68];
        const int start = 62, slots = 70;
        var scene = new Scene(on, slots, heads: 2, dim: 24, type, paged, stored: slots);
        outcome.Compare([.. Moved(scene.K, keys: true), .. Moved(scene.V, keys: false)], () =>
        {
            scene.Upload();
            if (paged) on.Backend.KvMove(scene.Paged, sources, start);
            else on.Backend.KvMove(scene.Dense, sources, start);
            return scene.Read();
        }, 0);

        double[] Moved(float[] rows, bool keys)
        {
            var moved = rows.ToArray();
            for (var i = 0; i < sources.Length; i++) rows.AsSpan(sources[i] * 48, 48).CopyTo(moved.AsSpan((start + i) * 48));
            return scene.Image(moved, slots, keys);
        }
    }

    /// <summary>
    /// softmax(c(scale · q Kᵀ)) V over what each row sees: causal rows, windows, soft caps and a token tree; NaN in the rest.
    /// </summary>
    private static void Attend(Operands on, Outcome outcome, ElementType type, bool paged, bool inBlocks)
    {
        foreach (var (start, rows, queryHeads, heads, dim, window, cap, isTree) in (ReadOnlySpan<(int, int, int, int, int, int, float,
            bool)>)
            [(0, 1, 1, 1, 8, 0, 0, false), (5, 3, 4, 2, 24, 0, 0, true), (63, 2, 2, 1, 80, 0, 30, false), (130, 4, 4, 1, 32, 0, 0, true),
            (126, 3, 3, 3, 18, 40, 0, false), (64, 1, 6, 2, 64, 0, 0, false)])
        {
            var slots = start + rows;
            var scene = new Scene(on, slots, heads, dim, type, paged, stored: slots);
            scene.Upload();
            var q = Exact.Noise(3, rows * queryHeads * dim);
            var queries = on.Place(new Shape(rows, queryHeads, dim), q);
            var y = on.Output(queries.Shape);
            var states = on.Output(new Shape(rows, queryHeads, dim + 2));
            // Every node but the root hangs below the one two before it, so that a row has a sibling that it does not see.
            var parents = Enumerable.Range(0, rows).Select(i => Math.Max(0, i - 2)).ToArray();
            var paths = Enumerable.Range(0, rows).Select(row => isTree ? Path(parents, row) : [.. Enumerable.Range(0, row + 1)]).ToArray();
            var mask = isTree ? Tree(on, start, paths) : AttentionMask.Causal(start, window);
            var scale = 1 / MathF.Sqrt(dim);
            var expected = new List<double>();
            for (var row = 0; row < rows; row++)
            {
                int[] seen = [.. Enumerable.Range(0, start), .. paths[row].Select(node => start + node)];
                if (window > 0) seen = seen[Math.Max(0, seen.Length - window)..];
                for (var head = 0; head < queryHeads; head++)
                    expected.AddRange(scene.Attend(q.AsSpan((row * queryHeads + head) * dim, dim), head * heads / queryHeads, seen,
                        scale, cap));
            }
            outcome.Compare([.. expected], () =>
            {
                on.Clear(y);
                if (!inBlocks && paged) on.Backend.Attention(queries, scene.Paged, mask, scale, cap, y);
                else if (!inBlocks) on.Backend.Attention(queries, scene.Dense, mask, scale, cap, y);
                else
                {
                    if (paged) on.Backend.AttendBlocks(queries, scene.Paged, mask, default, scale, cap, states, continues: false);
                    else on.Backend.AttendBlocks(queries, scene.Dense, mask, default, scale, cap, states, continues: false);
                    on.Backend.MergeBlocks(states, y);
                }
                return on.Floats(y);
            }, 2 * (2 * Exact.U * Math.Sqrt(dim) + cap * 4e-7 + 2e-7) + 16 * Exact.U);
        }
    }

    /// <summary>Attention on a chunk of compressed tokens and the page after it, against attention on the tokens themselves.</summary>
    private static void AttendCompressed(Operands on, Outcome outcome, KvCodec codec, double tolerance)
    {
        foreach (var (queryHeads, heads, dim) in (ReadOnlySpan<(int, int, int)>)[(2, 2, 64), (6, 2, 32)])
        {
            const int rows = 2, slots = Page + rows;
            var scene = new Scene(on, slots, heads, dim, ElementType.F32, paged: true, stored: slots);
            scene.Upload();
            var layout = codec.Layout(heads, dim, Page);
            var chunks = on.Output(new Shape(layout.Units, KvChunkLayout.Unit / sizeof(int)), ElementType.I32);
            var horizon = new KvHorizon(Page, Page, 0);
            var kv = new CompressedKv(chunks, on.Place(new Shape(1, 4), [0, 0, 0, 0]), [layout], horizon);
            var q = Exact.Noise(3, rows * queryHeads * dim);
            var queries = on.Place(new Shape(rows, queryHeads, dim), q);
            var (states, y) = (on.Output(new Shape(rows, queryHeads, dim + 2)), on.Output(queries.Shape));
            var (mask, scale) = (AttentionMask.Causal(Page), 1 / MathF.Sqrt(dim));
            var (k, v) = (scene.Rows(0, Page, scene.K), scene.Rows(0, Page, scene.V));
            var expected = new List<double>();
            for (var row = 0; row < rows; row++)
                for (var head = 0; head < queryHeads; head++)
                    expected.AddRange(scene.Attend(q.AsSpan((row * queryHeads + head) * dim, dim), head * heads / queryHeads,
                        [.. Enumerable.Range(0, Page + row + 1)], scale, 0));
            outcome.Compare([.. expected], () =>
            {
                on.Clear(y);
                on.Backend.KvCompress(k, v, layout, 0, 0, chunks, 0);
                on.Backend.AttendBlocks(queries, kv, mask, scale, 0, states);
                on.Backend.AttendBlocks(queries, scene.Paged, mask, horizon, scale, 0, states, continues: true);
                on.Backend.MergeBlocks(states, y);
                return on.Floats(y);
            }, tolerance);
        }
    }

    /// <summary>y = o / l, zeros where a row saw nothing.</summary>
    private static void Merge(Operands on, Outcome outcome)
    {
        foreach (var dim in (ReadOnlySpan<int>)[4, 18, 128])
        {
            const int rows = 2, heads = 2;
            var state = Exact.Noise(1, rows * heads * (dim + 2));
            for (var i = 0; i < rows * heads; i++) state[(i + 1) * (dim + 2) - 1] = i == 1 ? 0f : 1.5f + i;
            var states = on.Place(new Shape(rows, heads, dim + 2), state);
            var y = on.Output(new Shape(rows, heads, dim));
            outcome.Compare([.. state.Chunk(dim + 2).SelectMany(s => s[..dim].Select(o => s[^1] > 0 ? o / (double)s[^1] : 0))], () =>
            {
                on.Clear(y);
                on.Backend.MergeBlocks(states, y);
                return on.Floats(y);
            }, 0, 3 * Exact.U);
        }
    }

    private static int[] Path(int[] parents, int node) => node == 0 ? [0] : [.. Path(parents, parents[node]), node];

    private static AttentionMask Tree(Operands on, int start, int[][] paths)
    {
        var width = paths.Max(path => path.Length);
        var padded = paths.SelectMany(path => path.Concat(Enumerable.Repeat(int.MaxValue / 2, width - path.Length))).ToArray();
        return AttentionMask.Tree(start, on.Place(new Shape(paths.Length, width), padded),
            on.Place(new Shape(paths.Length), [.. paths.Select(path => path.Length - 1)]), width - 1);
    }

    /// <summary>A cache of random tokens, on the device and as numbers.</summary>
    private sealed class Scene
    {
        private readonly Operands _on;
        private readonly int _heads, _dim, _pages, _stored;
        private readonly ElementType _type;
        private readonly int[] _table;
        private readonly Tensor _keys, _values, _pageTable;

        public Scene(Operands on, int slots, int heads, int dim, ElementType type, bool paged, int stored)
        {
            (_on, _heads, _dim, _type, _stored) = (on, heads, dim, type, stored);
            _pages = KvLayout.Pages(slots) + 1;
            // The last page first, so that a page is not where its number would put it.
            _table = [.. Enumerable.Range(0, _pages).Select(page => paged ? _pages - 1 - page : page)];
            (K, V) = (Exact.Noise(11, slots * heads * dim), Exact.Noise(12, slots * heads * dim));
            _keys = on.Output(KvLayout.Keys(_pages, heads, dim), type);
            _values = on.Output(KvLayout.Values(_pages, heads, dim), type);
            _pageTable = on.Place(new Shape(_pages), _table);
        }

        /// <summary>[slots, kvHeads · headDim] before rounding.</summary>
        public float[] K { get; }
        /// <summary>As <see cref="K"/>.</summary>
        public float[] V { get; }
        public DenseKv Dense => new(_keys, _values);
        public PagedKv Paged => new(_keys, _values, _pageTable);

        /// <summary>Rows of K or V as an op gets them.</summary>
        public Tensor Rows(int first, int count, float[] rows) =>
            _on.Place(new Shape(count, _heads, _dim), rows.AsSpan(first * _heads * _dim, count * _heads * _dim));

        /// <summary>Puts the slots that are stored at the start on the device; the others are NaN.</summary>
        public void Upload()
        {
            Upload(_keys, Image(K, _stored, keys: true));
            Upload(_values, Image(V, _stored, keys: false));
        }

        /// <summary>What is on the device.</summary>
        public float[] Read() => [.. _on.Widened(_keys).Select(Known), .. _on.Widened(_values).Select(Known)];

        /// <summary>Pages with the first <paramref name="count"/> slots of <paramref name="rows"/>, by <see cref="KvLayout"/>.</summary>
        public double[] Image(float[] rows, int count, bool keys)
        {
            var image = new double[_pages * _heads * Page * _dim];
            Array.Fill(image, Unknown);
            for (var slot = 0; slot < count; slot++)
                for (var i = 0; i < _heads * _dim; i++)
                {
                    var (page, head, column, d) = (_table[slot / Page], i / _dim, slot % Page, i % _dim);
                    var at = keys ? ((page * _heads + head) * _dim + d) * Page + column : ((page * _heads + head) * Page + column) * _dim
                        + d;
                    image[at] = Exact.Rounded(rows[slot * _heads * _dim + i], _type);
                }
            return image;
        }

        /// <summary>Attention of one query over <paramref name="seen"/> slots of a head.</summary>
        public double[] Attend(ReadOnlySpan<float> query, int head, int[] seen, double scale, double cap)
        {
            var q = query.ToArray();
            var scores = Array.ConvertAll(seen, slot =>
            {
                var s = scale * q.Select((x, d) => x * Element(K, slot, head, d)).Sum();
                return cap == 0 ? s : cap * Math.Tanh(s / cap);
            });
            var largest = scores.Max();
            var weights = Array.ConvertAll(scores, s => Math.Exp(s - largest));
            var sum = weights.Sum();
            return [.. Enumerable.Range(0, _dim).Select(d => seen.Select((slot, i) => weights[i] * Element(V, slot, head, d)).Sum() / sum)];
        }

        /// <summary>Stands for NaN, which would compare with nothing.</summary>
        private const double Unknown = -7;

        private static float Known(float value) => float.IsNaN(value) ? (float)Unknown : value;

        private double Element(float[] rows, int slot, int head, int d) => Exact.Rounded(rows[(slot * _heads + head) * _dim + d], _type);

        private void Upload(Tensor pages, double[] image)
        {
            var floats = Array.ConvertAll(image, v => v == Unknown ? float.NaN : (float)v);
            if (_type == ElementType.F32) _on.Backend.Upload<float>(floats, pages);
            else if (_type == ElementType.F16)
                _on.Backend.Upload<ushort>(Array.ConvertAll(floats, v => BitConverter.HalfToUInt16Bits((Half)v)), pages);
            else _on.Backend.Upload<ushort>(Array.ConvertAll(floats, v => (ushort)(BitConverter.SingleToUInt32Bits(v) >> 16)), pages);
        }
    }
}
