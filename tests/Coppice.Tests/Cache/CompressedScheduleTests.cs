using Coppice.Cache;
using Coppice.Execution;
using Coppice.Kernels;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Cache;

/// <summary>
/// Random schedules of compressed caches that share blocks: whatever passes, trees, forks, cuts and prefixes came before, attention of
/// every row is, bit by bit, that of the text run token by token in a cache of its own (contract E3), and everything is returned.
/// </summary>
/// <remarks>COPPICE_SCHEDULES sets how many schedules run; without it a sample does.</remarks>
public sealed class CompressedScheduleTests
{
    private const int MostCaches = 5, Steps = 30, MostTokens = 330;

    public static TheoryData<string, bool, int> Kinds => new()
    {
        { "q8", true, 14 }, { "q8", false, 9 }, { "q4", false, 14 }, { "kivi4", true, 9 }, { "kv-19", true, 9 }, { "gear2", true, 14 },
        { "gearl3", false, 9 }, { "k4v2", true, 9 },
    };

    [Theory, MemberData(nameof(Kinds))]
    public void Any_schedule_gives_every_row_what_it_gives_token_by_token(string kind, bool prefixes, int exactPages)
    {
        var compression = KvCacheOptions.Named(kind).Compression!;
        using var bench = new CompressedBench(compression, new CompressedKvSize(Blocks: 16, FirstBlocks: 6, ExactPages: exactPages));
        for (var seed = 0; seed < Math.Max(CacheScheduleTests.Schedules / 6, 1); seed++)
        {
            using var prefix = prefixes ? new PrefixCache(bench.Pool, seed % 3 == 0 ? 5 : 100) : null;
            using (var schedule = new Schedule(bench, prefix, seed))
            {
                for (var step = 0; step < Steps; step++) schedule.Step();
            }
            prefix?.Dispose();
            Assert.Equal((bench.Pool.Pages, 0), (bench.Pool.FreePages, bench.Pool.SharedPages));
            Assert.Equal(exactPages, bench.Pool.Exact.FreePages);
        }
    }

    private sealed class Schedule(CompressedBench bench, PrefixCache? prefix, int seed) : IDisposable
    {
        private static readonly object Scope = new();
        private readonly Random _random = new(seed);
        private readonly List<CompressedBenchCache> _caches = [];

        public void Step()
        {
            try
            {
                Change();
            }
            catch (DeviceMemoryException)
            {
                // Refused as a whole. Then another one makes room.
                Remove(_random.Next(_caches.Count));
            }
            var held = Enumerable.Range(0, bench.Pool.Pages).Select(bench.Pool.Holders).ToArray();
            Assert.Equal(bench.Pool.FreePages, held.Count(holders => holders == 0));
            Assert.InRange(bench.Pool.Exact.FreePages + bench.Pool.EvictablePages, 0, bench.Pool.Exact.Pages);
        }

        public void Dispose()
        {
            while (_caches.Count > 0) Remove(0);
        }

        private void Change()
        {
            if (_caches.Count == 0 || (_caches.Count < MostCaches && _random.Next(6) == 0)) Begin();
            var cache = _caches[_random.Next(_caches.Count)];
            switch (_random.Next(9))
            {
                case 0 or 1: Append(cache, Text(cache, _random.Next(1, 130))); break;
                case 2: if (cache.Tokens.Count < MostTokens - 40) cache.AppendTree(_random.Next(1, 40), _random); break;
                case 3: cache.Truncate(_random.Next(cache.Tokens.Count + 1)); break;
                // and nothing is kept
                case 4: if (cache.Tokens.Count < MostTokens - 60) cache.Pass(Text(cache, _random.Next(1, 60))); break;
                case 5: if (_caches.Count < MostCaches) _caches.Add(cache.Fork()); break;
                case 6: if (_caches.Count > 2) Remove(_caches.IndexOf(cache)); break;
                case 7: ForkMeanwhile(cache); break;
                default: prefix?.Insert(Scope, false, cache.Tokens.ToArray(), cache.Cache.WholePages); break;
            }
        }

        private void ForkMeanwhile(CompressedBenchCache cache)
        {
            if (_caches.Count >= MostCaches || cache.Tokens.Count >= MostTokens - 40) return;
            var tokens = cache.Tokens.ToArray();
            cache.AppendTree(_random.Next(1, 40), _random, () => _caches.Add(cache.Fork()));
            Assert.Equal(tokens, _caches[^1].Tokens);
        }

        /// <summary>A new sequence whose prompt may begin with blocks that are kept.</summary>
        private void Begin()
        {
            var cache = bench.NewCache();
            _caches.Add(cache);
            if (prefix is null) return;
            var prompt = Text(cache, _random.Next(1, 250));
            var pages = new int[8];
            var found = prefix.Match(Scope, false, prompt, pages);
            Assert.InRange(64 * found, 0, prompt.Length - 1);
            cache.Cache.Adopt(pages.AsSpan(0, found), 64 * found);
            cache.Tokens.AddRange(prompt[..(64 * found)]);
            Append(cache, prompt[(64 * found)..]);
            prefix.Insert(Scope, false, cache.Tokens.ToArray(), cache.Cache.WholePages);
        }

        /// <summary>Tokens of one of two texts, so that sequences often begin alike.</summary>
        private int[] Text(CompressedBenchCache cache, int count)
        {
            var (first, text) = (cache.Tokens.Count, _random.Next(2));
            return [.. Enumerable.Range(first, count).Select(position => 2 + (position * (3 + 4 * text) + position / 64 * 11) % 90)];
        }

        private void Append(CompressedBenchCache cache, int[] tokens) => cache.Append(
            tokens.AsSpan(0, Math.Min(tokens.Length, MostTokens - Math.Min(MostTokens, cache.Tokens.Count))),
            _random.Next(3) == 0 ? _random.Next(1, 20) : CompressedBench.MaxRows);

        private void Remove(int index)
        {
            _caches[index].Dispose();
            _caches.RemoveAt(index);
        }
    }
}
