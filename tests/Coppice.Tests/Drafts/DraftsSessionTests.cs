using Coppice.Drafting;
using Coppice.Tests.Execution;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Drafts;

/// <summary>Drafts of sessions: what they equal, alone and among others, and that nothing of them stays.</summary>
public sealed class DraftsSessionTests : IDisposable
{
    private static readonly string FiveTokens =
        TinyModel.Llama.Replace("\"vocab_size\": 96", "\"vocab_size\": 5", StringComparison.Ordinal);

    private readonly TinyModel _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Caches => ["f32", "f16", "q8", "kivi4", "gear4"];

    /// <summary>S01.</summary>
    [Theory, InlineData(1.0), InlineData(0.06)]
    public async Task One_superposed_draft_is_the_greedy_text(double temperature)
    {
        using var model = _folder.Load();
        for (var seed = 0; seed < 8; seed++)
        {
            var prompt = TinyModel.Prompt(5 + seed, seed);
            using var session = model.NewSession();
            var passes = model.Runner.Pass;
            var options = new DraftsOptions
            {
                Count = 1,
                MaxTokens = 24,
                Method = DraftsMethod.Superposed,
                Mode = DraftsMode.None,
                SuperposedTemperature = temperature,
                IgnoreEos = true,
            };
            var last = await Last(session, prompt, options);
            Assert.Equal(24, model.Runner.Pass - passes);
            using var plain = model.NewSession();
            Assert.Equal(plain.Ids(prompt, new() { MaxTokens = 24, IgnoreEos = true }), last.Drafts[0].Ids);
        }
    }

    /// <summary>Where only the end token is probable enough, nothing is left to go on with.</summary>
    [Theory, InlineData(1, 0), InlineData(3, 0), InlineData(3, 4)]
    public async Task All_drafts_may_end_in_one_step(int count, int least)
    {
        using var model = _folder.Load();
        var prompt = TinyModel.Prompt(9, 1);
        using var session = model.NewSession();
        var first = session.Ids(prompt, new() { MaxTokens = 1, IgnoreEos = true })[0];
        var options = new DraftsOptions
        {
            Count = count,
            MaxTokens = 8,
            MinTokens = least,
            Method = DraftsMethod.Superposed,
            Mode = DraftsMode.None,
            MinLogProb = 0,
            EndIds = [first],
        };
        var updates = await All(session, prompt, options);
        var last = updates[^1];
        if (least == 0)
        {
            Assert.Single(updates);
            Assert.All(last.Drafts, draft => Assert.Equal([first], draft.Ids));
        }
        Assert.NotEmpty(last.Drafts);
        Assert.All(last.Drafts, draft => Assert.True(draft.Ids.Count > least));
    }

    [Theory, MemberData(nameof(Caches))]
    public async Task Batched_drafts_are_what_forks_generate_alone(string cache)
    {
        using var model = Load(cache);
        for (var seed = 0; seed < 4; seed++)
        {
            var prompt = TinyModel.Prompt(30 + 40 * seed, seed);
            var options =
                new DraftsOptions
                {
                    Count = 5,
                    MaxTokens = 12,
                    Method = DraftsMethod.Batched,
                    Temperature = 1.2f,
                    TopP = .95f,
                    Seed = (ulong)seed * 100
                };
            using var session = model.NewSession();
            var last = await Last(session, prompt, options);
            await session.PrefillAsync(prompt, cancellationToken: Cancellation);
            var texts = new List<int[]>();
            for (var i = 0; i < 5; i++)
            {
                using var fork = session.Fork();
                texts.Add([.. fork.Ids(prompt, new() { MaxTokens = 12, Temperature = 1.2f, TopP = .95f, Seed = options.Seed + (ulong)i })]);
            }
            Assert.Equal(texts.Select(Key).Order(StringComparer.Ordinal), last.Drafts.Select(Key).Order(StringComparer.Ordinal));
        }
    }

    /// <summary>
    /// A beam's score is the sum of what a scorer says of its tokens, and no better text is missing where everything is kept.
    /// </summary>
    [Fact]
    public async Task Beams_have_the_scores_of_a_scorer_and_a_beam_of_all_finds_the_best()
    {
        using var folder = new TinyModel(FiveTokens);
        using var model = folder.Load();
        using var scorer = new Scorer(model);
        var prompt = new[] { 2, 3, 4, 2 };
        using var session = model.NewSession();
        var last = await Last(session, prompt, new() { Count = 25, MaxTokens = 3, Method = DraftsMethod.Beam, IgnoreEos = true });
        var all = Enumerable.Range(0, 125).Select(i => new[] { i / 25, i / 5 % 5, i % 5 })
            .Select(tokens => (Tokens: tokens, Score: scorer.LogProbabilities(new ScoredText(prompt, tokens), Cancellation).Sum()))
                .ToArray();
        Assert.Equal(25, last.Drafts.Count);
        Assert.All(last.Drafts, draft =>
            Assert.Equal(all.Single(item => item.Tokens.SequenceEqual(draft.Ids)).Score, draft.LogScore, 1e-9));
        Assert.Equal(all.MaxBy(item => item.Score).Tokens, last.Drafts[0].Ids);
    }

    /// <summary>Drawn without replacement: with as many drafts as there are texts nothing is missing.</summary>
    [Fact]
    public async Task Distinct_drafts_are_different()
    {
        using var folder = new TinyModel(FiveTokens);
        using var model = folder.Load();
        using var scorer = new Scorer(model);
        using var session = model.NewSession();
        var prompt = new[] { 2, 3, 4, 2 };
        var options =
            new DraftsOptions
            {
                Count = 4,
                MaxTokens = 2,
                Method = DraftsMethod.Batched,
                Distinct = true,
                Temperature = 1,
                TopP = 1,
                IgnoreEos = true
            };
        var seen = new HashSet<string>();
        for (var seed = 0ul; seed < 20; seed++)
        {
            var drafts = (await Last(session, prompt, options with { Seed = seed })).Drafts;
            Assert.Equal(4, drafts.Select(Key).Distinct().Count());
            seen.UnionWith(drafts.Select(Key));
        }
        Assert.True(seen.Count > 8, $"{seen.Count}");
        var every = (await Last(session, prompt, options with { Count = 25 })).Drafts;
        Assert.Equal(25, every.Select(Key).Distinct().Count());
        Assert.All(every, draft =>
            Assert.Equal(scorer.LogProbabilities(new ScoredText(prompt, [.. draft.Ids]), Cancellation).Sum(), draft.LogScore, 1e-9));
    }

    /// <summary>S15: after a hard reset everything is as if the chosen draft had been the prompt's end.</summary>
    [Theory, MemberData(nameof(Caches))]
    public async Task After_a_hard_reset_drafts_are_those_of_the_chosen_text(string cache)
    {
        using var model = Load(cache);
        var prompt = TinyModel.Prompt(37);
        var options = new DraftsOptions
        {
            Count = 3,
            MaxTokens = 12,
            Method = DraftsMethod.Superposed,
            Mode = DraftsMode.None,
            SuperposedTemperature = 1,
            Reset = DraftsReset.Hard,
            ResetEvery = 5,
            IgnoreEos = true,
            StopsEarly = false,
        };
        using var session = model.NewSession();
        var updates = await All(session, prompt, options);
        Assert.Equal(12, updates.Count);
        var (chosen, next) = (updates[5].Drafts[0].Ids.Take(5).ToArray(), updates[9]);
        Assert.All(updates[5].Drafts, draft => Assert.Equal(chosen, draft.Ids.Take(5)));
        using var other = model.NewSession();
        var again = await All(other, [.. prompt, .. chosen], options with { MaxTokens = 5, Reset = DraftsReset.None });
        Assert.Equal(again[4].Drafts.Select(Key), next.Drafts.Select(draft => Key(draft.Ids.Skip(5))));
        // A soft reset keeps what was computed: other keys and values, so that scores differ.
        using var third = model.NewSession();
        var soft = await All(third, prompt, options with { Reset = DraftsReset.Soft });
        Assert.Equal(updates.Take(5).Select(update => string.Join('|', update.Drafts.Select(Key))),
            soft.Take(5).Select(update => string.Join('|', update.Drafts.Select(Key))));
        Assert.NotEqual(updates[6].Drafts.Select(draft => draft.LogScore), soft[6].Drafts.Select(draft => draft.LogScore));
    }

    [Fact]
    public async Task Sampled_beginnings_have_superposed_drafts_each()
    {
        using var model = _folder.Load();
        var prompt = TinyModel.Prompt(20);
        var options =
            new DraftsOptions
            {
                Count = 2,
                Prefixes = 3,
                PrefixTokens = 4,
                MaxTokens = 9,
                Temperature = 1,
                TopP = 1,
                Seed = 5,
                IgnoreEos = true,
                StopsEarly = false
            };
        using var session = model.NewSession();
        var last = await Last(session, prompt, options);
        Assert.Equal(6, last.Drafts.Count);
        using var plain = model.NewSession();
        var beginnings = Enumerable.Range(0, 3)
            .Select(i => Key(plain.Ids(prompt, new() { MaxTokens = 4, Temperature = 1, Seed = 5 + (ulong)i, IgnoreEos = true }))).ToArray();
        Assert.Equal(beginnings.Distinct().Order(StringComparer.Ordinal),
            last.Drafts.Select(draft => Key(draft.Ids.Take(4))).Distinct().Order(StringComparer.Ordinal));
        // Each pair is what superposed drafts after that beginning are.
        var first = last.Drafts.Where(draft => Key(draft.Ids.Take(4)) == beginnings[0]).Select(draft => Key(draft.Ids.Skip(4)));
        var alone =
            await Last(plain, [.. prompt, .. beginnings[0].Split(' ').Select(int.Parse)],
            new() { Count = 2, MaxTokens = 5, Method = DraftsMethod.Superposed, IgnoreEos = true, StopsEarly = false });
        Assert.Equal(alone.Drafts.Select(Key).Order(StringComparer.Ordinal), first.Order(StringComparer.Ordinal));
    }

    /// <summary>S03: superposed drafts cost one entry and one row a step.</summary>
    [Fact]
    public async Task Passes_and_pages_of_superposed_drafts_do_not_grow_with_their_number()
    {
        using var model = _folder.Load();
        var seen = new HashSet<(long, int)>();
        foreach (var count in (int[])[1, 2, 3, 5, 10])
        {
            using var session = model.NewSession();
            var (passes, pages) = (model.Runner.Pass, int.MaxValue);
            var options = new DraftsOptions { Count = count, MaxTokens = 12, Method = DraftsMethod.Superposed, IgnoreEos = true };
            await foreach (var _ in session.GenerateDraftsAsync(TinyModel.Prompt(60), options, Cancellation))
                pages = Math.Min(pages, model.Runner.SharedPages!.FreePages);
            seen.Add((model.Runner.Pass - passes, pages));
        }
        Assert.Single(seen);
    }

    /// <summary>
    /// S11 and S12: concurrent sessions, few pages, small passes, cancellations: each has the drafts that it has alone, and all pages come
    /// back.
    /// </summary>
    [Theory, InlineData("f32", 10, 96), InlineData("f32", 14, 96), InlineData("f32", 64, 1), InlineData("f16", 11, 200),
        InlineData("kivi4", 90, 96)]
    public async Task Drafts_among_others_are_those_alone_and_all_pages_come_back(string cache, int pages, int chunk)
    {
        using var folder = new TinyModel(ScheduleTests.Config);
        var options =
            new ModelOptions
            {
                Device = "cpu",
                Threads = 1,
                ContextLength = 300,
                PrefillChunk = chunk,
                KvCache = KvCacheOptions.Named(cache)
            };
        using var plain = folder.Load(options);
        using var model =
            folder.Load(options with { KvCache = options.KvCache with { SharedTokens = 64 * pages, ExactTokens = 64 * pages / 2 } });
        var results = await Task.WhenAll(Enumerable.Range(0, 12).Select(worker => Task.Run(async () =>
        {
            var random = new Random(worker);
            var kinds = Kinds(worker);
            for (var round = 0; round < 4; round++)
            {
                var prompt = TinyModel.Prompt(200, random.Next(3))[..new[] { 1, 20, 63, 64, 65, 100 }[random.Next(6)]];
                var drafts = kinds[random.Next(kinds.Length)];
                using var session = model.NewSession();
                if (random.Next(5) == 0)
                {
                    using var source = new CancellationTokenSource();
                    await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
                    {
                        await foreach (var update in session.GenerateDraftsAsync(prompt, drafts with { MaxTokens = 60 }, source.Token))
                            if (update.Step == 3) await source.CancelAsync();
                    });
                    continue;
                }
                using var alone = plain.NewSession();
                var expected = await All(alone, prompt, drafts);
                var actual = await All(session, prompt, drafts);
                Assert.Equal(expected.Select(Shown), actual.Select(Shown));
                if (random.Next(3) == 0)
                    Assert.Equal(alone.Ids(prompt, new() { MaxTokens = 5 }), session.Ids(prompt, new() { MaxTokens = 5 }));
            }
            return worker;
        })));
        Assert.Equal(12, results.Length);
        model.Prefixes?.Clear(CacheScope.Default);
        Assert.Equal((model.Runner.SharedPages!.Pages, 0), (model.Runner.SharedPages.FreePages, model.Scheduler.Load));
    }

    [Fact]
    public async Task Disposing_a_session_or_leaving_the_loop_frees_everything()
    {
        using var model = _folder.Load();
        foreach (var drafts in Kinds(1))
        {
            foreach (var leaves in (bool[])[true, false])
            {
                var session = model.NewSession();
                await using var updates = session.GenerateDraftsAsync(TinyModel.Prompt(40), drafts with { MaxTokens = 60 }, Cancellation)
                    .GetAsyncEnumerator(Cancellation);
                for (var i = 0; i < 3; i++) Assert.True(await updates.MoveNextAsync());
                if (leaves) await updates.DisposeAsync();
                session.Dispose();
                if (!leaves) await Assert.ThrowsAsync<ObjectDisposedException>(async () => { while (await updates.MoveNextAsync()) { } });
                model.Prefixes?.Clear(CacheScope.Default);
                Assert.Equal((model.Runner.SharedPages!.Pages, 0, 0),
                    (model.Runner.SharedPages.FreePages, model.Scheduler.Load, model.Scheduler.Idle));
            }
        }
    }

    [Fact]
    public async Task A_model_may_be_disposed_while_drafts_are_made()
    {
        foreach (var drafts in Kinds(2))
        {
            var model = _folder.Load();
            using var session = model.NewSession();
            var updates = session.GenerateDraftsAsync(TinyModel.Prompt(40), drafts with { MaxTokens = 60 }, Cancellation)
                .GetAsyncEnumerator(Cancellation);
            Assert.True(await updates.MoveNextAsync());
            model.Dispose();
            await Assert.ThrowsAsync<ObjectDisposedException>(async () => { while (await updates.MoveNextAsync()) { } });
            await updates.DisposeAsync();
        }
    }

    [Fact]
    public async Task Options_that_cannot_be_met_are_refused()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        DraftsOptions[] wrong =
        [
            new() { Count = 0 }, new() { Count = 33 }, new() { MaxTokens = 0 }, new() { SuperposedTemperature = 0 },
            new() { NGramWeight = 2 }, new() { MinLogProb = 1 }, new() { ResetEvery = 0 }, new() { MinTokens = 11 },
            new() { Prefixes = 2, PrefixTokens = 10 },
        ];
        foreach (var bad in wrong)
            Assert.ThrowsAny<ArgumentException>(() => session.GenerateDraftsAsync([1, 2], bad, Cancellation));
        DraftsOptions[] wrongHere =
        [
            new() { Mode = DraftsMode.Geometric, Method = DraftsMethod.Superposed },
            new() { Candidates = 3, Method = DraftsMethod.Superposed }, new() { StopSequences = ["a"] },
        ];
        foreach (var bad in wrongHere)
            await Assert.ThrowsAnyAsync<ArgumentException>(() => Last(session, [1, 2], bad));
        await Assert.ThrowsAsync<CheckpointException>(() =>
            Last(session, [1, 2], new() { NGramFile = "missing.bin", Method = DraftsMethod.Superposed }));
        // The session is free again after each refusal.
        Assert.Equal(3, (await Last(session, [1, 2], new() { Method = DraftsMethod.Superposed })).Drafts.Count);
    }

    [Fact]
    public async Task Parents_say_which_draft_of_the_update_before_each_goes_on_from()
    {
        using var model = _folder.Load();
        foreach (var drafts in Kinds(3))
        {
            using var session = model.NewSession();
            var updates = await All(session, TinyModel.Prompt(20), drafts);
            Assert.True(updates[^1].IsLast);
            for (var i = 1; i < updates.Count - 1; i++)
            {
                Assert.All(updates[i].Drafts, draft =>
                    Assert.Equal(updates[i - 1].Drafts[draft.Parent!.Value].Ids, draft.Ids.Take(draft.Ids.Count - 1)));
            }
            Assert.All(updates[0].Drafts, draft => Assert.Null(draft.Parent));
        }
    }

    /// <summary>Every method and way, with what a test needs to be short.</summary>
    private static DraftsOptions[] Kinds(int seed)
    {
        var common =
            new DraftsOptions
            {
                Count = 4,
                MaxTokens = 9,
                Seed = (ulong)seed,
                Temperature = 1.1f,
                TopP = .9f,
                SuperposedTemperature = .5,
                Mode = DraftsMode.None
            };
        return
        [
            common with { Method = DraftsMethod.Superposed },
                common with { Method = DraftsMethod.Superposed, Diversity = true, IgnoreEos = true },
            common with { Method = DraftsMethod.Superposed, Reset = DraftsReset.Hard, ResetEvery = 3 },
            common with { Method = DraftsMethod.Superposed, Reset = DraftsReset.Soft, ResetEvery = 4 },
            common with { Method = DraftsMethod.Batched }, common with { Method = DraftsMethod.Batched, Distinct = true },
            common with { Method = DraftsMethod.Beam },
            common with { Prefixes = 3, PrefixTokens = 2 },
        ];
    }

    private LanguageModel Load(string cache) =>
        _folder.Load(new ModelOptions { Device = "cpu", ContextLength = 250, KvCache = KvCacheOptions.Named(cache) });

    private static async Task<List<DraftsUpdate>> All(Session session, int[] prompt, DraftsOptions options)
    {
        var updates = new List<DraftsUpdate>();
        await foreach (var update in session.GenerateDraftsAsync(prompt, options, Cancellation)) updates.Add(update);
        return updates;
    }

    private static async Task<DraftsUpdate> Last(Session session, int[] prompt, DraftsOptions options) =>
        (await All(session, prompt, options))[^1];

    private static string Shown(DraftsUpdate update) =>
        string.Join(" | ", update.Drafts.Concat(update.Ended).Select(draft => $"{Key(draft)} {draft.LogScore:R} {draft.Parent}"));

    private static string Key(Draft draft) => Key(draft.Ids);

    private static string Key(IEnumerable<int> ids) => string.Join(' ', ids);
}
