using System.Runtime.InteropServices;
using Coppice.Cache;
using Coppice.Kernels;
using Coppice.Kernels.Memory;
using Coppice.Loading;
using Xunit;

namespace Coppice.Tests.Support;

/// <summary>A pool of pages on a small device, and caches over it whose content is known: see <see cref="BenchCache"/>.</summary>
internal sealed class CacheBench : IDisposable
{
    public const int MaxRows = 128, Capacity = 400;
    private readonly MemoryPool _memory;

    public CacheBench(string device, int pages, ElementType type = ElementType.F32, int seed = 1)
    {
        Backend = DeviceFactory.Create(device, 1);
        Geometry = new KvGeometry(Layers: 2, KvHeads: 2, HeadDim: 8, type);
        var rows = new Shape(MaxRows, Geometry.KvHeads, Geometry.HeadDim);
        _memory = Backend.CreatePool("kv", KvPagePool.Bytes(Backend, Geometry, pages) + 4 * 4 * rows.Count + 4096);
        K = _memory.Rent(rows);
        V = _memory.Rent(rows);
        Q = _memory.Rent(rows);
        Y = _memory.Rent(rows);
        var order = Enumerable.Range(0, pages).ToArray();
        new Random(seed).Shuffle(order);
        Pool = new KvPagePool(_memory, Geometry, pages, order);
    }

    public Backend Backend { get; }
    public KvGeometry Geometry { get; }
    public KvPagePool Pool { get; }
    public Tensor K { get; }
    public Tensor V { get; }
    public Tensor Q { get; }
    public Tensor Y { get; }

    /// <summary>An empty cache over the shared pages.</summary>
    public BenchCache NewCache() => new(this, KvCacheKind.Create(new KvSource(Backend, Geometry, Pool), Capacity), []);

    /// <summary>An empty cache that shares nothing.</summary>
    public BenchCache NewDense() => new(this, KvCacheKind.Create(new KvSource(Backend, Geometry, null), Capacity), []);

    public void Dispose()
    {
        Assert.Equal((Pool.Pages, 0), (Pool.FreePages, Pool.SharedPages));
        Pool.Dispose();
        foreach (var tensor in (Tensor[])[K, V, Q, Y]) tensor.Buffer.Dispose();
        Assert.Equal(0, _memory.Statistics.BytesInUse);
        _memory.Dispose();
        Backend.Dispose();
    }
}

/// <summary>
/// A cache and the tokens that are committed in it. Keys and values of a position are made from the tokens up to it, as a model's are.
/// </summary>
internal sealed class BenchCache(CacheBench bench, KvCache cache, IEnumerable<int> tokens) : IDisposable
{
    public KvCache Cache => cache;
    public List<int> Tokens { get; } = [.. tokens];

    /// <summary>
    /// Reserves and stores <paramref name="rows"/> rows of tokens without keeping them; row j is the position after the rows that
    /// <paramref name="parents"/> lead to.
    /// </summary>
    public void Pass(ReadOnlySpan<int> rows, int[]? parents = null, int earlier = 0)
    {
        cache.Reserve(rows.Length, earlier);
        var hashes = new int[rows.Length];
        var start = Hashes(Tokens).LastOrDefault(17);
        for (var j = 0; j < rows.Length; j++)
        {
            var parent = parents is null ? j - 1 : parents[j];
            hashes[j] = Next(parent < 0 ? start : hashes[parent], rows[j]);
        }
        for (var layer = 0; layer < bench.Geometry.Layers; layer++)
        {
            var k = hashes.SelectMany(hash => Row(hash, layer, 0)).ToArray();
            var v = hashes.SelectMany(hash => Row(hash, layer, 1)).ToArray();
            bench.Backend.Upload<float>(k, bench.K.Slice(0, rows.Length));
            bench.Backend.Upload<float>(v, bench.V.Slice(0, rows.Length));
            cache.Append(layer, bench.K.Slice(0, rows.Length), bench.V.Slice(0, rows.Length));
        }
    }

    /// <summary>Appends and keeps random tokens.</summary>
    public void Append(int count, int seed) => Append(TinyModel.Prompt(count, seed));

    /// <summary>Appends and keeps tokens.</summary>
    public void Append(ReadOnlySpan<int> added)
    {
        for (var first = 0; first < added.Length; first += CacheBench.MaxRows)
        {
            var part = added[first..Math.Min(first + CacheBench.MaxRows, added.Length)];
            Pass(part);
            cache.Advance(part.Length);
            Tokens.AddRange(part);
        }
    }

    /// <summary>A pass over a random tree, of which a random path is kept.</summary>
    public void AppendTree(int nodes, Random random, Action? between = null)
    {
        var parents = new int[nodes];
        for (var node = 0; node < nodes; node++) parents[node] = node == 0 ? -1 : random.Next(Math.Max(0, node - 4), node);
        var rows = parents.Select(_ => random.Next(2, 96)).ToArray();
        Pass(rows, parents);
        between?.Invoke();
        var path = new List<int>();
        for (var node = random.Next(-1, nodes); node >= 0; node = parents[node]) path.Insert(0, node);
        cache.Commit(path.ToArray());
        Tokens.AddRange(path.Select(node => rows[node]));
    }

    public void Truncate(int length)
    {
        cache.Truncate(length);
        Tokens.RemoveRange(length, Tokens.Count - length);
    }

    public BenchCache Fork() => new(bench, cache.Fork(), Tokens);

    /// <summary>Every committed position holds, bit for bit, what its tokens say.</summary>
    public void CheckContent()
    {
        Assert.Equal(Tokens.Count, cache.Length);
        var (heads, dim) = (bench.Geometry.KvHeads, bench.Geometry.HeadDim);
        var hashes = Hashes(Tokens).ToArray();
        var block = new float[2 * KvLayout.PageSize * heads * dim];
        for (var layer = 0; layer < bench.Geometry.Layers; layer++)
        {
            for (var position = 0; position < hashes.Length; position++)
            {
                var column = position % KvLayout.PageSize;
                if (column == 0) cache.ReadBlock(layer, position / KvLayout.PageSize, MemoryMarshal.AsBytes(block.AsSpan()));
                var (k, v) = (Row(hashes[position], layer, 0), Row(hashes[position], layer, 1));
                for (var i = 0; i < k.Length; i++)
                {
                    Assert.Equal(k[i], block[i * KvLayout.PageSize + column]);
                    Assert.Equal(v[i], block[block.Length / 2 + (i / dim * KvLayout.PageSize + column) * dim + i % dim]);
                }
            }
        }
    }

    /// <summary>Attention of one more row, which is not kept, in all layers.</summary>
    public float[] Attend(int token)
    {
        Pass([token]);
        var y = new List<float>();
        for (var layer = 0; layer < bench.Geometry.Layers; layer++)
        {
            bench.Backend.Upload<float>(Row(token, layer, 2), bench.Q.Slice(0, 1));
            cache.Attend(layer, bench.Q.Slice(0, 1), AttentionMask.Causal(cache.Length), 0.3f, 0, bench.Y.Slice(0, 1));
            var row = new float[bench.Geometry.KvHeads * bench.Geometry.HeadDim];
            bench.Backend.Download(bench.Y.Slice(0, 1), row.AsSpan());
            y.AddRange(row);
        }
        return [.. y];
    }

    public void Dispose() => cache.Dispose();

    private static IEnumerable<int> Hashes(IEnumerable<int> tokens)
    {
        var hash = 17;
        foreach (var token in tokens) yield return hash = Next(hash, token);
    }

    private static int Next(int hash, int token) => unchecked((hash ^ token) * 16777619 + 0x5bd1e995);

    /// <summary>Keys (0), values (1) or queries (2) of a position: sixteenths, so that every element type holds them exactly.</summary>
    private float[] Row(int hash, int layer, int what)
    {
        var row = new float[bench.Geometry.KvHeads * bench.Geometry.HeadDim];
        var state = unchecked((uint)(hash * 31 + layer * 3 + what) | 1);
        for (var i = 0; i < row.Length; i++)
        {
            state = unchecked(state * 1664525 + 1013904223);
            row[i] = ((int)(state >> 24) - 128) / 16f;
        }
        return row;
    }
}
