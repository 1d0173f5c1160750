using Coppice.Cache;
using Coppice.Kernels;
using Coppice.Kernels.Memory;
using Coppice.Loading;
using Xunit;

namespace Coppice.Tests.Models;

/// <summary>How keys and values of all layers share memory.</summary>
public sealed class KvMemoryTests : IDisposable
{
    private static readonly KvGeometry Geometry = new(Layers: 12, KvHeads: 2, HeadDim: 128, ElementType.F32);
    private readonly Backend _backend = DeviceFactory.Create("cpu", 1);

    public void Dispose() => _backend.Dispose();

    [Theory]
    [InlineData(ElementType.F32, 7, 1)]
    [InlineData(ElementType.BF16, 7, 3)]    // the last run has room to spare
    [InlineData(ElementType.F16, 6, 3)]
    [InlineData(ElementType.F32, 5, 5)]
    [InlineData(ElementType.F32, 0, 1)]
    public void Pages_of_layers_cover_the_memory_once_and_run_by_run(ElementType type, int pages, int run)
    {
        var geometry = Geometry with { Type = type };
        var runs = (pages + run - 1) / run;
        using var pool = _backend.CreatePool("kv", KvMemory.SizeInBytes(geometry, pages, run) + 64);
        using var memory = new KvMemory(pool, geometry, pages, run);
        Assert.Equal((geometry.Bytes(runs * run), 1L), (KvMemory.SizeInBytes(geometry, pages, run), pool.Statistics.Rents));
        var places = new List<long>();
        for (var page = 0; page < pages; page++)
            for (var layer = 0; layer < geometry.Layers; layer++)
                foreach (var tensor in new[] { memory.Keys(layer), memory.Values(layer) })
                {
                    var place = tensor.Slice(memory.Row(page), 1).ByteOffset;
                    Assert.Equal(page / run, place / geometry.Bytes(run));
                    places.Add(place / geometry.PageBytes);
                }
        Assert.Equal(2 * geometry.Layers * pages, places.Distinct().Count());
        Assert.All(places, place => Assert.InRange(place, 0, 2 * geometry.Layers * runs * run - 1));
        for (var page = 1; page < run; page++) Assert.Equal(memory.Row(0) + page, memory.Row(page));
        memory.Dispose();
        Assert.Equal(0, pool.Statistics.BytesInUse);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_short_text_commits_little_of_a_long_cache(bool shared)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/proc/self/pagemap"),
            "tells from /proc/self/pagemap what is committed");
        const int capacity = 8192, tokens = KvLayout.PageSize;
        using var pool = _backend.CreatePool("kv", PagedKvCache.Bytes(_backend, Geometry, capacity) + 4096);
        using var own = _backend.CreatePool("rows", 4L * (tokens * Geometry.KvHeads * Geometry.HeadDim + capacity));
        using var pages = shared ? new KvPagePool(pool, Geometry, KvLayout.Pages(capacity)) : null;
        using var cache = pages is null ? new PagedKvCache(_backend, pool, Geometry, capacity)
            : new PagedKvCache(_backend, own, pages, capacity);
        Assert.Equal(0, CommittedBytes(pool));
        var rows = own.Rent(new Shape(tokens, Geometry.KvHeads, Geometry.HeadDim));
        cache.Reserve(tokens);
        for (var layer = 0; layer < Geometry.Layers; layer++) cache.Append(layer, rows, rows);
        cache.Advance(tokens);
        // Layer by layer it would be a huge page for each of 24 tensors, 48 MiB; a run of six pages is 9 MiB, the page table is at the end.
        Assert.InRange(CommittedBytes(pool), Geometry.Bytes(1), 12 << 20);
        for (var i = 0; i < 6; i++)
        {
            cache.Reserve(tokens);
            for (var layer = 0; layer < Geometry.Layers; layer++) cache.Append(layer, rows, rows);
            cache.Advance(tokens);
        }
        Assert.InRange(CommittedBytes(pool), Geometry.Bytes(7), 24 << 20);
    }

    /// <summary>The run after the one in use is there before its first page is taken, by equal parts, and what it holds stays.</summary>
    [Fact]
    public void The_next_run_is_committed_before_it_begins()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/proc/self/pagemap"),
            "tells from /proc/self/pagemap what is committed");
        // More than 32 MB: up to that, the C library may hand out memory that another pool has written and returned.
        const int count = 36;
        using var pool = _backend.CreatePool("kv", KvPagePool.Bytes(_backend, Geometry, count) + 4096);
        using var pages = new KvPagePool(pool, Geometry, count);
        var run = (int)((384 << 10) / Geometry.PageBytes);
        Assert.Equal(6, run);
        var taken = new int[1];
        var committed = new List<long>();
        for (var page = 0; page < count; page++)
        {
            pages.Take(taken);
            committed.Add(CommittedBytes(pool));
        }
        Assert.Equal(0, committed[run / 2 - 1]);        // the first half asks for nothing
        Assert.InRange(committed[run - 1], Geometry.Bytes(run) - (2 << 20), Geometry.Bytes(run) + (4 << 20));
        for (var page = 1; page < run; page++)
            Assert.InRange(committed[run + page] - committed[run + page - 1], 0, Geometry.Bytes(run) / (run / 2) + (2 << 20));

        var bytes = new byte[2 * Geometry.PageBytes];
        var expected = Enumerable.Range(0, bytes.Length).Select(i => (byte)(i * 7)).ToArray();
        using var order = _backend.CreatePool("order", KvPagePool.Bytes(_backend, Geometry, 12) + 4096);
        using var turned = new KvPagePool(order, Geometry, 12, [6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5]);
        var later = new int[6];
        turned.Take(later);
        foreach (var page in later) turned.WritePage(3, page, expected);
        turned.Take(new int[6]);        // the run before those: asks for what is in use
        foreach (var page in later)
        {
            turned.ReadPage(3, page, bytes);
            Assert.Equal(expected, bytes);
        }
    }

    /// <summary>Bytes of a pool's slab that are in memory or swapped out: bits 63 and 62 of a page's entry (proc_pid_pagemap(5)).</summary>
    private static long CommittedBytes(MemoryPool pool)
    {
        var page = Environment.SystemPageSize;
        var (first, end) = (pool.Slab / page, (pool.Slab + pool.Capacity + page - 1) / page);
        using var map = File.OpenRead("/proc/self/pagemap");
        map.Position = first * sizeof(ulong);
        var entries = new byte[(end - first) * sizeof(ulong)];
        map.ReadExactly(entries);
        return Enumerable.Range(0, (int)(end - first)).Count(i => BitConverter.ToUInt64(entries,
            i * sizeof(ulong)) >> 62 != 0) * (long)page;
    }
}
