using System.Runtime.CompilerServices;
using Coppice.Cache;
using Coppice.Execution;
using Coppice.Kernels;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Cache;

/// <summary>What the tree of prefixes finds, keeps and gives up.</summary>
public sealed class PrefixCacheTests : IDisposable
{
    private readonly CacheBench _bench = new("cpu", 16);
    private readonly object _scope = new();
    private readonly int[] _pages = new int[16];

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData(200, 3)]
    [InlineData(193, 3)]
    [InlineData(192, 2)]    // the last token of a prompt is always computed
    [InlineData(64, 0)]
    [InlineData(1, 0)]
    [InlineData(0, 0)]
    public void The_longest_prefix_of_whole_blocks_is_found_without_the_last_token(int length, int found)
    {
        using var prefix = new PrefixCache(_bench.Pool, 16);
        var text = TinyModel.Prompt(200);
        using (var cache = _bench.NewCache())
        {
            cache.Append(text);
            prefix.Insert(_scope, false, text, cache.Cache.WholePages);
        }
        Assert.Equal((13, 3), (_bench.Pool.FreePages, prefix.PagesHeld));
        Assert.Equal(found, prefix.Match(_scope, false, text.AsSpan(0, length), _pages));
        Assert.Equal((found, 1L, 64L * found), (_bench.Pool.SharedPages, prefix.Lookups, prefix.HitTokens));
        using var reader = Adopted(text, found);
        reader.CheckContent();
    }

    [Fact]
    public void Other_tokens_scopes_and_factors_find_nothing()
    {
        using var prefix = new PrefixCache(_bench.Pool, 16);
        var text = TinyModel.Prompt(200);
        Keep(prefix, _scope, text);
        var second = (int[])text.Clone();
        second[100]++;
        Assert.Equal(0, prefix.Match(new object(), false, text, _pages));
        Assert.Equal(0, prefix.Match(_scope, true, text, _pages));
        Assert.Equal(1, prefix.Match(_scope, false, second, _pages));
        _bench.Pool.Return(_pages.AsSpan(0, 1));
        second[5]++;
        Assert.Equal(0, prefix.Match(_scope, false, second, _pages));
        Assert.Equal(0, prefix.Match(_scope, false, text.AsSpan(64), _pages));       // a block is found only after the blocks before it
        Keep(prefix, _scope, text, beyond: true);
        Assert.Equal(6, prefix.PagesHeld);
        Assert.Equal(2, prefix.Match(_scope, true, text, _pages.AsSpan(0, 2)));
        _bench.Pool.Return(_pages.AsSpan(0, 2));
    }

    [Fact]
    public void Blocks_with_equal_hashes_are_told_apart_by_their_tokens()
    {
        using var prefix = new PrefixCache(_bench.Pool, 16, (_, _) => 7);
        var texts = Enumerable.Range(0, 5).Select(seed => TinyModel.Prompt(seed < 3 ? 140 : 70, seed)).ToArray();
        for (var i = 1; i < 3; i++) texts[0].AsSpan(64, 64).CopyTo(texts[i].AsSpan(64));     // one second block after different first ones
        foreach (var text in texts) Keep(prefix, _scope, text);
        Assert.Equal(8, prefix.PagesHeld);
        foreach (var text in texts)
        {
            Assert.Equal(text.Length / 64, prefix.Match(_scope, false, text, _pages));
            using var cache = Adopted(text, text.Length / 64);
            cache.CheckContent();
        }
        while (prefix.PagesHeld > 0) Assert.Equal(1, prefix.GiveUp(1));
        foreach (var text in texts) Assert.Equal(0, prefix.Match(_scope, false, text, _pages));
    }

    [Fact]
    public void A_block_that_is_known_keeps_its_page()
    {
        using var prefix = new PrefixCache(_bench.Pool, 16);
        var text = TinyModel.Prompt(140);
        using var first = _bench.NewCache();
        using var second = _bench.NewCache();
        first.Append(text);
        second.Append(text);
        for (var i = 0; i < 3; i++)
        {
            prefix.Insert(_scope, false, text, first.Cache.WholePages);
            prefix.Insert(_scope, false, text, second.Cache.WholePages);
        }
        Assert.Equal((2, 2), (prefix.PagesHeld, _bench.Pool.SharedPages));
        Assert.Equal(2, prefix.Match(_scope, false, text, _pages));
        Assert.Equal(first.Cache.WholePages, _pages.AsSpan(0, 2));
        _bench.Pool.Return(_pages.AsSpan(0, 2));
    }

    [Fact]
    public void The_least_recently_used_leaf_goes_first_and_no_block_before_those_below_it()
    {
        using var prefix = new PrefixCache(_bench.Pool, 5);
        var (a, b, c) = (TinyModel.Prompt(200, 1), TinyModel.Prompt(140, 2), TinyModel.Prompt(70, 3));
        Keep(prefix, _scope, a);        // three blocks
        Keep(prefix, _scope, b);        // two
        Assert.Equal(3, Find(prefix, a));
        Keep(prefix, _scope, c);        // b's second block goes
        Assert.Equal((3, 1, 1), (Find(prefix, a), Find(prefix, b), Find(prefix, c)));
        Assert.Equal((5, 1L), (prefix.PagesHeld, prefix.Evictions));
        Assert.Equal(2, prefix.GiveUp(2));      // a's third and second: used before b and c
        Assert.Equal((1, 1, 1), (Find(prefix, a), Find(prefix, b), Find(prefix, c)));
        Assert.Equal(0, prefix.GiveUp(4));      // all or nothing
        Assert.Equal((3, 3, 3L), (prefix.PagesHeld, prefix.EvictablePages, prefix.Evictions));
    }

    [Fact]
    public void What_a_sequence_holds_stays()
    {
        using var prefix = new PrefixCache(_bench.Pool, 4);
        var (a, b) = (TinyModel.Prompt(140, 1), TinyModel.Prompt(140, 2));
        using var reader = _bench.NewCache();
        reader.Append(a);
        prefix.Insert(_scope, false, a, reader.Cache.WholePages);
        Keep(prefix, _scope, b);
        Assert.Equal((4, 2, 2), (prefix.PagesHeld, prefix.EvictablePages, _bench.Pool.SharedPages));
        Assert.Equal(0, prefix.GiveUp(3));
        Keep(prefix, _scope, TinyModel.Prompt(400, 3));     // two of its six blocks find room
        Assert.Equal((4, 2, 2, 0), (prefix.PagesHeld, Find(prefix, TinyModel.Prompt(400, 3)), Find(prefix, a), Find(prefix, b)));
        reader.Truncate(64);        // holds the first block still, so only the second can go
        Assert.Equal(3, prefix.EvictablePages);
    }

    [Fact]
    public void A_block_in_use_below_keeps_those_above_it()
    {
        using var prefix = new PrefixCache(_bench.Pool, 8);
        var text = TinyModel.Prompt(140);
        Keep(prefix, _scope, text[..64]);
        using var second = _bench.NewCache();
        second.Append(text);        // with a first page of its own
        prefix.Insert(_scope, false, text, second.Cache.WholePages);
        Assert.Equal((2, 1, 0), (prefix.PagesHeld, _bench.Pool.SharedPages, prefix.EvictablePages));
        Assert.Equal(0, prefix.GiveUp(1));
        second.Dispose();
        Assert.Equal(2, prefix.GiveUp(2));
    }

    [Fact]
    public void A_pool_that_runs_out_takes_pages_from_prefixes()
    {
        using var prefix = new PrefixCache(_bench.Pool, 16);
        Keep(prefix, _scope, TinyModel.Prompt(400, 1));
        Keep(prefix, _scope, TinyModel.Prompt(400, 2));
        Assert.Equal((4, 12), (_bench.Pool.FreePages, prefix.PagesHeld));
        using var first = _bench.NewCache();
        using var second = _bench.NewCache();
        first.Append(400, seed: 3);
        second.Append(400, seed: 4);
        Assert.Equal((0, 2, 10L), (_bench.Pool.FreePages, prefix.PagesHeld, prefix.Evictions));
        using var third = _bench.NewCache();
        Assert.Throws<DeviceMemoryException>(() => third.Cache.Reserve(150));
        Assert.Equal((0, 2, 10L), (_bench.Pool.FreePages, prefix.PagesHeld, prefix.Evictions));
        first.CheckContent();
        second.CheckContent();
    }

    [Fact]
    public void Scopes_end_when_they_are_cleared_or_forgotten()
    {
        using var prefix = new PrefixCache(_bench.Pool, 16);
        Keep(prefix, _scope, TinyModel.Prompt(200));
        Forget(prefix);
        Assert.Equal(6, prefix.PagesHeld);
        for (var i = 0; i < 20 && prefix.PagesHeld > 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        Assert.Equal((3, 3, 13), (prefix.PagesHeld, Find(prefix, TinyModel.Prompt(200)), _bench.Pool.FreePages));
        prefix.Clear(new object());
        prefix.Clear(_scope);
        Assert.Equal((0, 0, 16, 0L), (prefix.PagesHeld, Find(prefix, TinyModel.Prompt(200)), _bench.Pool.FreePages, prefix.Evictions));
        Keep(prefix, _scope, TinyModel.Prompt(200));
        Assert.Equal(3, Find(prefix, TinyModel.Prompt(200)));
    }

    [Fact]
    public void Pages_of_a_forgotten_scope_go_to_whoever_needs_some()
    {
        using var prefix = new PrefixCache(_bench.Pool, 16);
        for (var seed = 1; seed < 5; seed++) Forget(prefix, seed);
        Collect();
        Assert.True(_bench.Pool.CanTake(10));
        for (var seed = 1; seed < 5; seed++) Forget(prefix, seed);
        Collect();
        Keep(prefix, _scope, TinyModel.Prompt(70));
        for (var seed = 1; seed < 5; seed++) Forget(prefix, seed);
        Collect();      // the tree finds out as it is asked for pages
        using var cache = _bench.NewCache();
        cache.Append(400, seed: 9);
        cache.CheckContent();
        Assert.Equal((1, 0L), (prefix.PagesHeld, prefix.Evictions));

        static void Collect()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            GC.Collect();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Forget(PrefixCache prefix, int seed) => Keep(prefix, new object(), TinyModel.Prompt(200, seed));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Forget(PrefixCache prefix) => Keep(prefix, new object(), TinyModel.Prompt(200));

    [Fact]
    public void A_lookup_allocates_nothing()
    {
        using var prefix = new PrefixCache(_bench.Pool, 16);
        var (text, other) = (TinyModel.Prompt(200, 1), TinyModel.Prompt(200, 2));
        Keep(prefix, _scope, text);
        for (var i = 0; i < 2; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var found = prefix.Match(_scope, false, other, _pages) + prefix.Match(_scope, false, text, _pages);
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.Equal(3, found);
            _bench.Pool.Return(_pages.AsSpan(0, 3));
            if (i > 0) Assert.Equal(0, allocated);
        }
    }

    [Fact]
    public void Threads_keep_find_and_evict_at_once()
    {
        using var prefix = new PrefixCache(_bench.Pool, 6);
        Parallel.For(0, 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, worker =>
        {
            var random = new Random(worker);
            var found = new int[8];
            for (var i = 0; i < 1500; i++)
            {
                var text = TinyModel.Prompt(130, random.Next(6));
                var count = prefix.Match(_scope, false, text, found);
                _bench.Pool.Return(found.AsSpan(0, count));
                var pages = new int[2];
                try { _bench.Pool.Take(pages); }
                catch (DeviceMemoryException) { continue; }
                prefix.Insert(_scope, false, text, pages);
                _bench.Pool.Return(pages);
                if (random.Next(20) == 0) prefix.Clear(_scope);
            }
        });
        Assert.Equal((16 - prefix.PagesHeld, 0), (_bench.Pool.FreePages, _bench.Pool.SharedPages));
        Assert.Equal(prefix.PagesHeld, prefix.EvictablePages);
    }

    [Fact]
    public void After_its_end_it_keeps_nothing()
    {
        var prefix = new PrefixCache(_bench.Pool, 16);
        var text = TinyModel.Prompt(200);
        Keep(prefix, _scope, text);
        prefix.Dispose();
        prefix.Dispose();
        Assert.Equal((16, 0), (_bench.Pool.FreePages, Find(prefix, text)));
        Keep(prefix, _scope, text);
        Assert.Equal((16, 0, 0), (_bench.Pool.FreePages, prefix.PagesHeld, prefix.GiveUp(1)));
        Assert.Null(_bench.Pool.Holder);
    }

    /// <summary>Commits a text and keeps its pages.</summary>
    private void Keep(PrefixCache prefix, object scope, int[] text, bool beyond = false)
    {
        using var cache = _bench.NewCache();
        cache.Append(text);
        prefix.Insert(scope, beyond, text, cache.Cache.WholePages);
    }

    /// <summary>Blocks that are found of a text and what follows.</summary>
    private int Find(PrefixCache prefix, int[] text)
    {
        var found = prefix.Match(_scope, false, text, _pages);
        _bench.Pool.Return(_pages.AsSpan(0, found));
        return found;
    }

    private BenchCache Adopted(int[] text, int pages)
    {
        var cache = _bench.NewCache();
        cache.Cache.Adopt(_pages.AsSpan(0, pages), pages * KvLayout.PageSize);
        cache.Tokens.AddRange(text[..(pages * KvLayout.PageSize)]);
        return cache;
    }
}
