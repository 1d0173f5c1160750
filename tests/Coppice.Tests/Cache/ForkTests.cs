using Coppice.Cache;
using Coppice.Kernels;
using Coppice.Kernels.Memory;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Cache;

/// <summary>Forks: what they share, when a page is copied, and that no cache sees what another appends.</summary>
public sealed class ForkTests
{
    public static TheoryData<string, ElementType> Devices => new()
    {
        { "cpu", ElementType.F32 }, { "cpu", ElementType.F16 }, { "ilgpu-cpu", ElementType.F32 }, { "ilgpu-cpu", ElementType.BF16 },
    };

    [Theory, InlineData("cpu"), InlineData("ilgpu-cpu")]
    public void Whole_pages_are_shared_and_the_last_is_copied_when_either_writes(string device)
    {
        using var bench = new CacheBench(device, 20);
        using var parent = bench.NewCache();
        parent.Append(150, seed: 1);
        Assert.Equal((17, 0), (bench.Pool.FreePages, bench.Pool.SharedPages));
        using var child = parent.Fork();
        using var second = child.Fork();
        Assert.Equal((17, 3), (bench.Pool.FreePages, bench.Pool.SharedPages));
        child.Append(1, seed: 2);       // copies the third page; two others still hold the old one
        Assert.Equal((16, 3), (bench.Pool.FreePages, bench.Pool.SharedPages));
        child.Append(100, seed: 3);     // 251 tokens: one page more, nothing to copy
        Assert.Equal((15, 3), (bench.Pool.FreePages, bench.Pool.SharedPages));
        parent.Append(1, seed: 4);
        Assert.Equal((14, 2), (bench.Pool.FreePages, bench.Pool.SharedPages));
        second.Append(1, seed: 5);      // nobody else holds the page any more: nothing is copied
        Assert.Equal((14, 2), (bench.Pool.FreePages, bench.Pool.SharedPages));
        foreach (var cache in (BenchCache[])[parent, child, second]) cache.CheckContent();
        second.Dispose();
        Assert.Equal((15, 2), (bench.Pool.FreePages, bench.Pool.SharedPages));
        child.Dispose();
        Assert.Equal((17, 0), (bench.Pool.FreePages, bench.Pool.SharedPages));
    }

    [Fact]
    public void A_fork_at_a_page_border_copies_nothing()
    {
        using var bench = new CacheBench("cpu", 8);
        using var parent = bench.NewCache();
        parent.Append(128, seed: 1);
        using var child = parent.Fork();
        child.Append(1, seed: 2);
        parent.Append(1, seed: 3);
        Assert.Equal((4, 2), (bench.Pool.FreePages, bench.Pool.SharedPages));
        Assert.Equal(2, parent.Cache.WholePages.Length);
        Assert.Equal(parent.Cache.WholePages, child.Cache.WholePages);
    }

    [Fact]
    public void A_whole_page_that_is_shared_is_copied_before_it_is_written_again()
    {
        using var bench = new CacheBench("cpu", 8);
        using var parent = bench.NewCache();
        parent.Append(130, seed: 1);
        using var child = parent.Fork();
        child.Truncate(70);
        Assert.Equal((5, 2), (bench.Pool.FreePages, bench.Pool.SharedPages));
        child.Append(20, seed: 2);
        Assert.Equal((4, 1), (bench.Pool.FreePages, bench.Pool.SharedPages));
        parent.CheckContent();
        child.CheckContent();
    }

    [Fact]
    public void A_fork_between_pass_and_commit_has_the_committed_tokens_alone()
    {
        using var bench = new CacheBench("cpu", 8);
        using var parent = bench.NewCache();
        parent.Append(62, seed: 1);
        BenchCache? child = null;
        parent.AppendTree(20, new Random(3), between: () => child = parent.Fork());
        using (child)
        {
            Assert.Equal(62, child!.Cache.Length);
            parent.CheckContent();
            child.CheckContent();
            child.Append(5, seed: 2);
            parent.Append(5, seed: 4);
            parent.CheckContent();
            child.CheckContent();
        }
    }

    [Fact]
    public void A_copy_that_finds_no_page_changes_nothing()
    {
        using var bench = new CacheBench("cpu", 2);
        using var parent = bench.NewCache();
        parent.Append(100, seed: 1);
        using var child = parent.Fork();
        Assert.Throws<DeviceMemoryException>(() => child.Append(1, seed: 2));
        Assert.Equal((0, 2), (bench.Pool.FreePages, bench.Pool.SharedPages));
        parent.CheckContent();
        parent.Dispose();
        child.Append(1, seed: 2);
        child.CheckContent();
    }

    [Theory, MemberData(nameof(Devices))]
    public void Attention_after_a_fork_equals_attention_alone(string device, ElementType type)
    {
        using var bench = new CacheBench(device, 12, type);
        using var parent = bench.NewCache();
        parent.Append(100, seed: 1);
        using var child = parent.Fork();
        child.Append(40, seed: 2);
        parent.Append(3, seed: 3);
        foreach (var cache in (BenchCache[])[parent, child])
        {
            using var alone = bench.NewDense();
            alone.Append(cache.Tokens.ToArray());
            Assert.Equal(alone.Attend(9), cache.Attend(9));
        }
    }

    [Theory, InlineData("cpu"), InlineData("ilgpu-cpu")]
    public void A_cache_that_shares_nothing_is_copied(string device)
    {
        using var bench = new CacheBench(device, 1);
        using var parent = bench.NewDense();
        parent.Append(150, seed: 1);
        Assert.False(parent.Cache.SharesPages);
        Assert.True(parent.Cache.WholePages.IsEmpty);
        Assert.Throws<NotSupportedException>(() => parent.Cache.Adopt([], 0));
        using var child = parent.Fork();
        parent.Truncate(20);
        parent.Append(50, seed: 2);
        child.Append(50, seed: 3);
        parent.CheckContent();
        child.CheckContent();
    }

    [Fact]
    public void Adopted_pages_belong_to_the_cache()
    {
        using var bench = new CacheBench("cpu", 8);
        using var parent = bench.NewCache();
        parent.Append(140, seed: 1);
        var pages = parent.Cache.WholePages.ToArray();
        using var cache = bench.NewCache();
        Assert.Throws<ArgumentException>(() => cache.Cache.Adopt(pages, 129));
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Cache.Adopt(pages, CacheBench.Capacity + 1));
        bench.Pool.AddReference(pages);
        cache.Cache.Adopt(pages, 128);
        cache.Tokens.AddRange(parent.Tokens[..128]);
        Assert.Throws<InvalidOperationException>(() => cache.Cache.Adopt(pages, 128));
        cache.CheckContent();
        cache.Append(10, seed: 2);
        cache.CheckContent();
        parent.CheckContent();
        Assert.Equal((4, 2), (bench.Pool.FreePages, bench.Pool.SharedPages));
    }

    [Fact]
    public void A_cache_that_is_forgotten_returns_its_pages()
    {
        using var bench = new CacheBench("cpu", 8);
        using var kept = bench.NewCache();
        kept.Append(100, seed: 1);
        Forget(kept);       // its copy of the second page, and a third
        Assert.Equal((4, 1), (bench.Pool.FreePages, bench.Pool.SharedPages));
        for (var i = 0; i < 20 && bench.Pool.ForgottenCaches == 0; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        Assert.Equal((6, 0, 1L), (bench.Pool.FreePages, bench.Pool.SharedPages, bench.Pool.ForgottenCaches));
        kept.CheckContent();

        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        static void Forget(BenchCache kept)
        {
            var fork = kept.Fork();
            fork.Append(80, seed: 2);
        }
    }

    [Fact]
    public void A_cache_costs_less_than_four_kilobytes_besides_its_pages()
    {
        using var bench = new CacheBench("cpu", 130);
        var source = new KvSource(bench.Backend, bench.Geometry, bench.Pool);
        var caches = new List<KvCache>(100);
        caches.Add(KvCacheKind.Create(source, 8192));
        var device = bench.Backend.Memory.BytesInUse;
        var host = Allocated(() => caches.Add(KvCacheKind.Create(source, 8192)));
        var garbage = Allocated(() => _ = bench.Backend.AvailableBytes);       // the one thing that is asked for and not kept
        device = (bench.Backend.Memory.BytesInUse - device) / 50;
        Assert.Equal(512, device);
        Assert.InRange(host - garbage + device, 1024, 4095);
        foreach (var cache in caches) cache.Dispose();
    }

    private static long Allocated(Action action)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 50; i++) action();
        return (GC.GetAllocatedBytesForCurrentThread() - before) / 50;
    }

    [Fact]
    public void Every_kind_returns_the_memory_it_took()
    {
        using var bench = new CacheBench("cpu", 20);
        var source = new KvSource(bench.Backend, bench.Geometry, bench.Pool);
        var plain = KvCacheKind.All.Where(kind => !kind.Name.StartsWith("compressed", StringComparison.Ordinal)).ToList();
        Assert.Equal(["shared pages", "own pages", "dense"], plain.Select(kind => kind.Name));
        Assert.Equal("shared pages", KvCacheKind.Of(source).Name);
        Assert.Equal("own pages", KvCacheKind.Of(source with { Pages = null }).Name);
        using (var warm = bench.NewDense()) warm.Attend(5);
        var before = bench.Backend.Memory.BytesInUse;
        foreach (var kind in plain)
        {
            var bytes = kind.SequenceBytes(source, 200);
            using (var cache = KvCache.WithOwnMemory(bench.Backend, bytes, pool => kind.CreateIn(source, pool, 200)))
            {
                Assert.InRange(bench.Backend.Memory.BytesInUse - before, bytes - 256, bytes + 192);
                cache.Reserve(130);
                cache.Advance(130);
                using var fork = cache.Fork();
                Assert.Equal((130, 200, kind.Name == "shared pages"), (fork.Length, fork.Capacity, fork.SharesPages));
            }
            Assert.Equal(before, bench.Backend.Memory.BytesInUse);
        }
    }
}
