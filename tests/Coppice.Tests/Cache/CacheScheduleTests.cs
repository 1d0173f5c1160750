using Coppice.Cache;
using Coppice.Execution;
using Coppice.Kernels;
using Coppice.Kernels.Memory;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Cache;

/// <summary>
/// Random schedules of caches, forks and prefixes: content, attention and page counts are those of a model that shares nothing.
/// </summary>
/// <remarks>COPPICE_SCHEDULES sets how many schedules run; without it a sample does.</remarks>
public sealed class CacheScheduleTests
{
    private const int Pages = 24, MostCaches = 6, Steps = 40;
    internal static readonly int Schedules =
        int.TryParse(Environment.GetEnvironmentVariable("COPPICE_SCHEDULES"), out var count) ? count : 60;

    [Theory, InlineData(false), InlineData(true)]
    public void Any_schedule_of_forks_keeps_content_and_counts(bool prefixes)
    {
        using var bench = new CacheBench("cpu", Pages);
        for (var seed = 0; seed < Schedules; seed++)
        {
            using var prefix = prefixes ? new PrefixCache(bench.Pool, seed % 3 == 0 ? 5 : 100) : null;
            var schedule = new Schedule(bench, prefix, seed);
            for (var step = 0; step < Steps; step++) schedule.Step();
            schedule.End();
            prefix?.Dispose();
            Assert.Equal((Pages, 0), (bench.Pool.FreePages, bench.Pool.SharedPages));
        }
    }

    private sealed class Schedule(CacheBench bench, PrefixCache? prefix, int seed)
    {
        private static readonly object[] Scopes = [new(), new()];
        private readonly Random _random = new(seed);
        private readonly List<BenchCache> _caches = [];
        private readonly Dictionary<BenchCache, object> _scopes = [];

        public void Step()
        {
            try
            {
                Change();
            }
            catch (DeviceMemoryException)
            {
                // Refused as a whole: what every cache holds is checked below. Then another one makes room.
                Check();
                Remove(_random.Next(_caches.Count));
            }
            Check();
        }

        public void End()
        {
            foreach (var cache in _caches)
            {
                cache.CheckContent();
                using var alone = bench.NewDense();
                alone.Append(cache.Tokens.ToArray());
                if (bench.Pool.FreePages >= 2) Assert.Equal(alone.Attend(9), cache.Attend(9));
            }
            while (_caches.Count > 0) Remove(0);
        }

        private void Change()
        {
            if (_caches.Count == 0 || (_caches.Count < MostCaches && _random.Next(6) == 0)) Begin();
            var cache = _caches[_random.Next(_caches.Count)];
            switch (_random.Next(8))
            {
                case 0 or 1: Append(cache, Text(cache, _random.Next(1, 100))); break;
                case 2: if (cache.Tokens.Count < 300) cache.AppendTree(_random.Next(1, 40), _random); break;
                case 3: cache.Truncate(_random.Next(cache.Tokens.Count + 1)); break;
                case 4: if (cache.Tokens.Count < 300) cache.Pass(Text(cache, _random.Next(1, 60))); break;       // and nothing is kept
                case 5: if (_caches.Count < MostCaches) Add(cache.Fork(), _scopes[cache]); break;
                case 6: if (_caches.Count > 2) Remove(_caches.IndexOf(cache)); break;
                default: prefix?.Insert(_scopes[cache], false, cache.Tokens.ToArray(), cache.Cache.WholePages); break;
            }
            if (_caches.Contains(cache)) cache.CheckContent();
        }

        /// <summary>A new sequence whose prompt may begin with pages that are kept.</summary>
        private void Begin()
        {
            var cache = bench.NewCache();
            var scope = Scopes[_random.Next(2)];
            Add(cache, scope);
            if (prefix is null) return;
            var prompt = Text(cache, _random.Next(1, 250));
            var pages = new int[8];
            var found = prefix.Match(scope, false, prompt, pages);
            Assert.InRange(64 * found, 0, prompt.Length - 1);
            cache.Cache.Adopt(pages.AsSpan(0, found), 64 * found);
            cache.Tokens.AddRange(prompt[..(64 * found)]);
            cache.CheckContent();
            Append(cache, prompt[(64 * found)..]);
            prefix.Insert(scope, false, cache.Tokens.ToArray(), cache.Cache.WholePages);
        }

        /// <summary>Tokens of one of two texts, so that sequences often begin alike.</summary>
        private int[] Text(BenchCache cache, int count)
        {
            var (first, text) = (cache.Tokens.Count, _random.Next(2));
            return [.. Enumerable.Range(first, count).Select(position => 2 + (position * (3 + 4 * text) + position / 64 * 11) % 90)];
        }

        private static void Append(BenchCache cache, int[] tokens) =>
            cache.Append(tokens.AsSpan(0, Math.Min(tokens.Length, 340 - Math.Min(340, cache.Tokens.Count))));

        private void Add(BenchCache cache, object scope)
        {
            _caches.Add(cache);
            _scopes.Add(cache, scope);
        }

        private void Remove(int index)
        {
            _caches[index].Dispose();
            _scopes.Remove(_caches[index]);
            _caches.RemoveAt(index);
        }

        /// <summary>References are those of caches and prefixes, no more and no less; what is free is what nobody holds.</summary>
        private void Check()
        {
            var held = Enumerable.Range(0, Pages).Select(bench.Pool.Holders).ToArray();       // the pool is one run: rows are page numbers
            Assert.Equal(bench.Pool.FreePages, held.Count(holders => holders == 0));
            Assert.Equal(bench.Pool.SharedPages, held.Count(holders => holders > 1));
            var table = 64;       // bytes of the table of 7 pages, rounded up
            var ofCaches = _caches.Sum(cache => (cache.Cache.BytesInUse - table) / bench.Geometry.Bytes(1));
            Assert.Equal(ofCaches + (prefix?.PagesHeld ?? 0), held.Sum());
            Assert.InRange(prefix?.PagesHeld ?? 0, 0, prefix is null ? 0 : Pages);
        }
    }
}
