using System.Collections.Concurrent;
using Coppice.Drafting;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Execution;

/// <summary>
/// Sessions and scorers of many threads at once, with fewer pages than they ask for: each text is the one it is alone, nothing fails, and
/// all pages come back.
/// </summary>
/// <remarks>
/// COPPICE_SCHEDULES sets how many rounds run, as in <see cref="ScheduleTests"/>; what threads do in which order is not the same twice.
/// </remarks>
public sealed class ThreadedScheduleTests : IDisposable
{
    private const int Workers = 8, Steps = 12, MostTokens = 40;

    private static readonly int Rounds =
        Math.Max(int.TryParse(Environment.GetEnvironmentVariable("COPPICE_SCHEDULES"), out var count) ? count / 20 : 6, 1);

    private static readonly string[] Drafters =
        ["none", "none", "auto:guard=false", "suffix:guard=false", "token-recycling:tree=template,guard=false", "draft"];

    private readonly TinyModel _folder = new(ScheduleTests.Config);
    private readonly TinyModel _draft = new(ScheduleTests.Config, seed: 2);
    private readonly ConcurrentDictionary<(int Seed, int Length), (int[] Ids, double[] Scores)> _alone = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _folder.Dispose();
        _draft.Dispose();
    }

    [Theory, InlineData(64), InlineData(3), InlineData(1)]
    public async Task Whatever_many_threads_do_each_text_is_the_one_it_is_alone(int places)
    {
        using var plain = _folder.Load(Options(64, 0, 96));
        for (var round = 0; round < Rounds; round++)
        {
            using var model = _folder.Load(Options(places, 64 * (7 + round % 6), round % 2 == 0 ? 1 : 200) with { MaxQueued = 1000 });
            using var scorer = new Scorer(model);
            await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Factory.StartNew(
                () => WorkAsync(model, scorer, plain, round * Workers + worker), Cancellation, TaskCreationOptions.LongRunning,
                    TaskScheduler.Default).Unwrap()));
            scorer.Dispose();
            model.Prefixes?.Clear(CacheScope.Default);
            var pages = model.Runner.SharedPages!;
            Assert.Equal((pages.Pages, 0, 0, 0), (pages.FreePages, pages.SharedPages, model.Scheduler.Load, model.Scheduler.Idle));
        }
    }

    private static ModelOptions Options(int places, int tokens, int chunk) => new()
    {
        Device = "cpu",
        Threads = 1,
        ContextLength = 300,
        MaxSequences = places,
        PrefillChunk = chunk,
        TokenDelay = TimeSpan.FromMilliseconds(chunk % 3),
        KvCache = new() { SharedTokens = tokens, PrefixHash = tokens % 128 == 0 ? static (_, _) => 7 : null },
    };

    private async Task WorkAsync(LanguageModel model, Scorer scorer, LanguageModel plain, int seed)
    {
        var random = new Random(seed);
        var idle = new List<Session>();
        for (var step = 0; step < Steps; step++)
        {
            var (text, length) = (random.Next(3), new[] { 1, 20, 63, 64, 65, 128, 140, 200 }[random.Next(8)]);
            var prompt = TinyModel.Prompt(200, text)[..length];
            var (expected, scores) = Alone(plain, text, length);
            if (random.Next(8) == 0)
            {
                Assert.Equal(scores, length < 2 ? [] : scorer.LogProbabilities(new ScoredText([], prompt), Cancellation));
                continue;
            }
            var session = idle.Count > 0 && random.Next(2) == 0 ? idle[random.Next(idle.Count)] : model.NewSession();
            if (!idle.Contains(session)) idle.Add(session);
            if (random.Next(5) == 0) await session.PrefillAsync(prompt[..random.Next(1, length + 1)], cancellationToken: Cancellation);
            var stop = random.Next(3) == 0 ? random.Next(MostTokens) : int.MaxValue;
            var name = Drafters[random.Next(Drafters.Length)];
            var options = new GenerationOptions
            {
                MaxTokens = MostTokens,
                IgnoreEos = true,
                Drafter = name == "draft" ? new DraftModelOptions { Model = _draft.Folder, Guarded = false } : DrafterOptions.Parse(name),
                Priority = random.Next(2),
            };
            var ids = await ReadAsync(session, prompt, options, random.Next(4), stop);
            Assert.Equal(expected[..ids.Count], ids);
            if (stop == int.MaxValue) Assert.Equal(MostTokens, ids.Count);
            switch (random.Next(4))
            {
                case 0:
                    session.Dispose();
                    idle.Remove(session);
                    break;
                case 1:
                    idle.Add(session.Fork());
                    break;
                case 2:
                    session.Reset();
                    break;
            }
            while (idle.Count > 3)
            {
                idle[0].Dispose();
                idle.RemoveAt(0);
            }
        }
        foreach (var session in idle) session.Dispose();
    }

    /// <summary>
    /// Reads on this thread or without one, up to <paramref name="stop"/> tokens, ending by leaving the loop or by cancellation.
    /// </summary>
    private static async Task<List<int>> ReadAsync(Session session, int[] prompt, GenerationOptions options, int way, int stop)
    {
        var ids = new List<int>();
        using var source = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        try
        {
            if (way % 2 == 0)
            {
                foreach (var piece in session.Generate(prompt, options, source.Token))
                {
                    ids.Add(piece.TokenId);
                    if (ids.Count > stop && End()) break;
                }
            }
            else
            {
                await foreach (var piece in session.GenerateAsync(prompt, options, source.Token))
                {
                    ids.Add(piece.TokenId);
                    if (ids.Count > stop && End()) break;
                }
            }
        }
        catch (OperationCanceledException) when (stop != int.MaxValue)
        {
        }
        return ids;

        bool End()
        {
            if (way < 2) return true;
            ThreadPool.UnsafeQueueUserWorkItem(static source =>
            {
                try { source.Cancel(); }
                catch (ObjectDisposedException) { }     // the text came to its end before
            }, source, preferLocal: false);
            return false;
        }
    }

    private (int[] Ids, double[] Scores) Alone(LanguageModel plain, int text, int length) => _alone.GetOrAdd((text, length), key =>
    {
        var prompt = TinyModel.Prompt(200, key.Seed)[..key.Length];
        using var session = plain.NewSession();
        using var scorer = new Scorer(plain);
        var options = new GenerationOptions { MaxTokens = MostTokens, IgnoreEos = true };
        return (session.Ids(prompt, options), key.Length < 2 ? [] : [.. scorer.LogProbabilities(new ScoredText([], prompt))]);
    });
}
