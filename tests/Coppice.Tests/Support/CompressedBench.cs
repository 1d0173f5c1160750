using Coppice.Cache;
using Coppice.Kernels;
using Coppice.Kernels.Memory;
using Coppice.Loading;
using Xunit;

namespace Coppice.Tests.Support;

/// <summary>
/// A pool of compressed blocks on a small device, caches over it, and what attention gives at every position of a text that is run token by
/// token through a cache that shares nothing.
/// </summary>
internal sealed class CompressedBench : IDisposable
{
    public const int MaxRows = 128;
    private const int QueryHeads = 4;

    private readonly MemoryPool _memory;
    private readonly KvSource _source;
    private readonly int _capacity;
    private readonly Dictionary<string, float[]> _alone = [];      // by the tokens up to and with the row

    public CompressedBench(KvCompression compression, CompressedKvSize size, string device = "cpu", int threads = 1, int capacity = 400)
    {
        _capacity = capacity;
        Backend = DeviceFactory.Create(device, threads);
        Geometry = new KvGeometry(Layers: 3, KvHeads: 2, HeadDim: 16, ElementType.F16);
        Format = new KvChunkFormat(compression, Geometry, MaxRows);
        var states = new Shape(MaxRows, QueryHeads, Geometry.HeadDim + KvChunkFormat.StateScalars);
        var (queries, keys) = (new Shape(MaxRows, QueryHeads, Geometry.HeadDim), new Shape(MaxRows, Geometry.KvHeads, Geometry.HeadDim));
        var floats = states.Count + 2 * queries.Count + 2 * keys.Count + 4 * MaxRows * (KvChunkFormat.Delay + 1);
        _memory = Backend.CreatePool("kv", CompressedKvPool.Bytes(Backend, Format, size) + 4 * floats + 8192);
        States = _memory.Rent(states);
        (Q, Y, K, V) = (_memory.Rent(queries), _memory.Rent(queries), _memory.Rent(keys), _memory.Rent(keys));
        Depths = _memory.Rent(new Shape(MaxRows), ElementType.I32);
        Paths = _memory.Rent(new Shape(MaxRows, KvChunkFormat.Delay), ElementType.I32);
        Pool = new CompressedKvPool(_memory, Format, size);
        _source = new KvSource(Backend, Geometry, Pool, Format, States);
    }

    public Backend Backend { get; }
    public KvGeometry Geometry { get; }
    public KvChunkFormat Format { get; }
    public CompressedKvPool Pool { get; }
    public Tensor States { get; }
    public Tensor K { get; }
    public Tensor V { get; }
    public Tensor Q { get; }
    public Tensor Y { get; }
    public Tensor Depths { get; }
    public Tensor Paths { get; }

    /// <summary>An empty cache over the shared blocks.</summary>
    public CompressedBenchCache NewCache() => new(this, KvCacheKind.Create(_source, _capacity), []);

    /// <summary>An empty cache with memory of its own.</summary>
    public CompressedBenchCache NewOwn() => new(this, KvCacheKind.Create(_source with { Pages = null }, _capacity), []);

    /// <summary>What the last row of <paramref name="tokens"/> gives where each token is a pass of its own, in all layers.</summary>
    public float[] Alone(IReadOnlyList<int> tokens)
    {
        if (_alone.TryGetValue(Key(tokens, tokens.Count), out var known)) return known;
        using var cache = NewOwn();
        foreach (var token in tokens)
        {
            var y = cache.Pass([token]);
            cache.Keep(1, [token]);
            _alone[Key(tokens, cache.Tokens.Count)] = y[0];
        }
        return _alone[Key(tokens, tokens.Count)];
    }

    private static string Key(IEnumerable<int> tokens, int count) => string.Concat(tokens.Take(count).Select(token => (char)token));

    public void Dispose()
    {
        Assert.Equal((Pool.Pages, 0), (Pool.FreePages, Pool.SharedPages));
        Assert.Equal((Pool.Exact.Pages, 0), (Pool.Exact.FreePages, Pool.EvictablePages));
        Pool.Dispose();
        foreach (var tensor in (Tensor[])[States, K, V, Q, Y, Depths, Paths]) tensor.Buffer.Dispose();
        Assert.Equal(0, _memory.Statistics.BytesInUse);
        _memory.Dispose();
        Backend.Dispose();
    }
}

/// <summary>
/// A compressed cache and the tokens committed in it. Keys, values and queries of a position are made from the tokens up to it.
/// </summary>
internal sealed class CompressedBenchCache(CompressedBench bench, KvCache cache, IEnumerable<int> tokens) : IDisposable
{
    public KvCache Cache => cache;
    public List<int> Tokens { get; } = [.. tokens];

    /// <summary>A pass over rows, none of which is kept yet; gives attention of every row in all layers.</summary>
    /// <param name="rows">Tokens.</param>
    /// <param name="parents">Row before each row; null for consecutive positions.</param>
    /// <param name="reserve">Whether room is made first.</param>
    public float[][] Pass(ReadOnlySpan<int> rows, int[]? parents = null, bool reserve = true)
    {
        if (reserve) cache.Reserve(rows.Length);
        var (hashes, depths) = (new int[rows.Length], new int[rows.Length]);
        var start = Hash(Tokens);
        for (var j = 0; j < rows.Length; j++)
        {
            var parent = parents is null ? j - 1 : parents[j];
            hashes[j] = Next(parent < 0 ? start : hashes[parent], rows[j]);
            depths[j] = parent < 0 ? 0 : depths[parent] + 1;
        }
        var mask = parents is null ? AttentionMask.Causal(cache.Length) : Tree(parents, depths);
        var results = hashes.Select(_ => new List<float>()).ToArray();
        for (var layer = 0; layer < bench.Geometry.Layers; layer++)
        {
            Upload(bench.K, hashes, layer, 0);
            Upload(bench.V, hashes, layer, 1);
            Upload(bench.Q, hashes, layer, 2);
            cache.Append(layer, bench.K.Slice(0, rows.Length), bench.V.Slice(0, rows.Length));
            var y = bench.Y.Slice(0, rows.Length);
            cache.Attend(layer, bench.Q.Slice(0, rows.Length), mask, 0.3f, 0, y);
            var values = new float[y.Shape.Count];
            bench.Backend.Download(y, values.AsSpan());
            for (var j = 0; j < rows.Length; j++) results[j].AddRange(values.AsSpan(j * y.Shape.RowLength, y.Shape.RowLength));
        }
        return [.. results.Select(row => row.ToArray())];
    }

    /// <summary>Keeps the first <paramref name="count"/> rows of the last pass.</summary>
    public void Keep(int count, ReadOnlySpan<int> rows)
    {
        cache.Advance(count);
        Tokens.AddRange(rows[..count]);
    }

    /// <summary>
    /// Appends tokens in passes of at most <paramref name="most"/> rows, and compares what each gives with the text run alone.
    /// </summary>
    public void Append(ReadOnlySpan<int> added, int most = CompressedBench.MaxRows)
    {
        for (var first = 0; first < added.Length; first += most)
        {
            var part = added[first..Math.Min(first + most, added.Length)];
            var y = Pass(part);
            Keep(part.Length, part);
            for (var j = 0; j < part.Length; j++) Check(Tokens[..(Tokens.Count - part.Length + j + 1)], y[j]);
        }
    }

    /// <summary>
    /// A pass over a random tree of which a random path is kept; compares the path, and one leaf, with the text run alone.
    /// </summary>
    public void AppendTree(int nodes, Random random, Action? between = null)
    {
        var (parents, depths) = (new int[nodes], new int[nodes]);
        for (var node = 0; node < nodes; node++)
        {
            var parent = node == 0 ? -1 : random.Next(Math.Max(0, node - 3), node);
            if (parent >= 0 && depths[parent] >= KvChunkFormat.Delay - 1) parent = -1;
            (parents[node], depths[node]) = (parent, parent < 0 ? 0 : depths[parent] + 1);
        }
        var rows = parents.Select(_ => random.Next(2, 96)).ToArray();
        var y = Pass(rows, parents);
        between?.Invoke();
        var leaf = PathTo(nodes - 1, parents);
        Check([.. Tokens, .. leaf.Select(node => rows[node])], y[nodes - 1]);
        var path = PathTo(random.Next(-1, nodes), parents);
        cache.Commit(path);
        foreach (var node in path)
        {
            Tokens.Add(rows[node]);
            Check(Tokens, y[node]);
        }
    }

    public void Truncate(int length)
    {
        cache.Truncate(length);
        Assert.InRange(cache.Length, 0, length);
        Tokens.RemoveRange(cache.Length, Tokens.Count - cache.Length);
    }

    public CompressedBenchCache Fork() => new(bench, cache.Fork(), Tokens);

    public void Dispose() => cache.Dispose();

    private static int Hash(IEnumerable<int> tokens) => tokens.Aggregate(17, Next);

    private void Check(List<int> tokens, float[] y)
    {
        var alone = bench.Alone(tokens);
        if (alone.AsSpan().SequenceEqual(y)) return;
        Assert.Fail($"the row at {tokens.Count - 1} of {cache.Length} differs in {alone.Zip(y).Count(pair => pair.First != pair.Second)} "
            + $"of {y.Length} numbers");
    }

    private static int[] PathTo(int node, int[] parents)
    {
        var path = new List<int>();
        for (; node >= 0; node = parents[node]) path.Insert(0, node);
        return [.. path];
    }

    private AttentionMask Tree(int[] parents, int[] depths)
    {
        var width = bench.Paths.Last;
        var paths = new int[parents.Length * width];
        for (var row = 0; row < parents.Length; row++) PathTo(row, parents).CopyTo(paths, row * width);
        var (pathTensor, depthTensor) = (bench.Paths.Slice(0, parents.Length), bench.Depths.Slice(0, parents.Length));
        bench.Backend.Upload<int>(paths, pathTensor);
        bench.Backend.Upload<int>(depths, depthTensor);
        return AttentionMask.Tree(cache.Length, pathTensor, depthTensor, depths.Max());
    }

    private void Upload(Tensor tensor, int[] hashes, int layer, int what)
    {
        var values = new List<float>();
        foreach (var hash in hashes)
        {
            var state = unchecked((uint)(hash * 31 + layer * 3 + what) | 1);
            for (var i = 0; i < tensor.Shape.RowLength; i++)
            {
                state = unchecked(state * 1664525 + 1013904223);
                values.Add(((int)(state >> 24) - 128) / 37f);
            }
        }
        bench.Backend.Upload<float>(values.ToArray(), tensor.Slice(0, hashes.Length));
    }

    private static int Next(int hash, int token) => unchecked((hash ^ token) * 16777619 + 0x5bd1e995);
}
