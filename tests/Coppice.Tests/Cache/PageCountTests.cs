using Coppice.Cache;
using Coppice.Kernels;
using Coppice.Kernels.Memory;
using Coppice.Loading;
using Xunit;

namespace Coppice.Tests.Cache;

/// <summary>Who holds which page: exact counts of a pool, with and without a holder that can give pages up.</summary>
public sealed class PageCountTests : IDisposable
{
    private static readonly KvGeometry Geometry = new(Layers: 2, KvHeads: 1, HeadDim: 4, ElementType.F16);
    private readonly Backend _backend = DeviceFactory.Create("cpu", 1);
    private readonly MemoryPool _memory;
    private readonly KvPagePool _pool;

    public PageCountTests()
    {
        _memory = _backend.CreatePool("kv", KvPagePool.Bytes(_backend, Geometry, 6) + 512);
        _pool = new KvPagePool(_memory, Geometry, 6);
    }

    public void Dispose()
    {
        _pool.Dispose();
        Assert.Equal(0, _memory.Statistics.BytesInUse);
        _memory.Dispose();
        _backend.Dispose();
    }

    [Fact]
    public void A_page_is_free_when_its_last_holder_returns_it()
    {
        var pages = new int[3];
        _pool.Take(pages);
        Assert.Equal((3, 0), (_pool.FreePages, _pool.SharedPages));
        _pool.AddReference(pages.AsSpan(1));
        _pool.AddReference(pages.AsSpan(2));
        Assert.Equal([1, 2, 3], pages.Select(_pool.Holders));
        Assert.Equal((3, 2), (_pool.FreePages, _pool.SharedPages));
        _pool.Return(pages);
        Assert.Equal((4, 1), (_pool.FreePages, _pool.SharedPages));
        _pool.Return(pages.AsSpan(1));
        Assert.Equal((5, 0), (_pool.FreePages, _pool.SharedPages));
        _pool.Return(pages.AsSpan(2));
        Assert.Equal((6, 0), (_pool.FreePages, _pool.SharedPages));
    }

    [Fact]
    public void Too_many_pages_are_refused_before_anything_changes()
    {
        var held = new int[4];
        _pool.Take(held);
        var more = new[] { -1, -1, -1 };
        Assert.Contains("2 of 6", Assert.Throws<DeviceMemoryException>(() => _pool.Take(more)).Message, StringComparison.Ordinal);
        Assert.Equal([-1, -1, -1], more);
        Assert.Equal(2, _pool.FreePages);
        _pool.Take(more.AsSpan(0, 2));
        Assert.Equal(6, held.Concat(more.Take(2)).Distinct().Count());
    }

    [Fact]
    public void Whoever_holds_pages_for_nobody_is_asked_before_a_refusal()
    {
        var kept = new int[4];
        _pool.Take(kept);
        var holder = new Keeper(_pool, kept);
        _pool.Holder = holder;
        _pool.Take(new int[2]);
        Assert.Equal(0, holder.Asked);
        _pool.Take(new int[3]);
        Assert.Equal((1, 0), (holder.Asked, _pool.FreePages));
        Assert.Throws<DeviceMemoryException>(() => _pool.Take(new int[2]));
        Assert.Equal((2, 0, 1), (holder.Asked, _pool.FreePages, _pool.Holders(kept[3])));
    }

    [Fact]
    public void After_its_end_a_pool_gives_nothing_and_takes_anything()
    {
        using var cache = new PagedKvCache(_backend, _memory, _pool, 200);
        cache.Reserve(100);
        var fork = cache.Fork();
        _pool.Dispose();
        _pool.Dispose();
        Assert.Throws<ObjectDisposedException>(() => _pool.Take(new int[1]));
        Assert.Throws<ObjectDisposedException>(() => cache.Reserve(150));
        cache.Advance(50);
        Assert.Throws<ObjectDisposedException>(cache.Fork);
        cache.Truncate(0);
        cache.Dispose();
        Assert.Throws<ObjectDisposedException>(() => cache.Reserve(1));
        fork.Dispose();
    }

    [Fact]
    public void Threads_take_share_and_return_without_losing_a_page()
    {
        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, seed =>
        {
            var random = new Random(seed);
            for (var i = 0; i < 2000; i++)
            {
                var pages = new int[random.Next(1, 3)];
                try { _pool.Take(pages); }
                catch (DeviceMemoryException) { continue; }
                _pool.AddReference(pages);
                _pool.Return(pages);
                Assert.All(pages, page => Assert.Equal(1, _pool.Holders(page)));
                _pool.Return(pages);
            }
        });
        Assert.Equal((6, 0), (_pool.FreePages, _pool.SharedPages));
    }

    /// <summary>Holds pages and gives up as many as are asked for, or none.</summary>
    private sealed class Keeper(KvPagePool pool, int[] pages) : IPageHolder
    {
        private int _given;

        public int Asked { get; private set; }
        public int EvictablePages => pages.Length - _given;


        public int GiveUp(int count)
        {
            Asked++;
            if (count > pages.Length - _given) return 0;
            pool.Return(pages.AsSpan(_given, count));
            _given += count;
            return count;
        }
    }
}
