using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Execution;

/// <summary>Requests that begin alike and run at once: what they have in common is computed once, and changes no token.</summary>
public sealed class SharedPromptTests : IDisposable
{
    private readonly TinyModel _folder = new(ScheduleTests.Config);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory, InlineData(1), InlineData(3), InlineData(8)]
    public async Task Requests_that_come_together_compute_their_common_blocks_once(int requests)
    {
        using var model = Load();
        var prompts = Enumerable.Range(0, requests).Select(i => After(TinyModel.Prompt(200), i)).ToArray();
        var expected = prompts.Select(Alone).ToArray();
        var results = await Together(model, prompts.Select(prompt => (prompt, 0)).ToArray());
        Assert.Equal(expected, results.Select(result => result.Ids));
        // 200 tokens are three whole blocks of 64.
        Assert.Equal(192 * (requests - 1), results.Sum(result => result.ReusedTokens));
        Assert.Equal(1, results.Count(result => result.ReusedTokens == 0));
    }

    [Fact]
    public async Task A_request_joins_one_that_is_in_the_midst_of_its_prompt()
    {
        using var model = Load();
        using var first = model.NewSession();
        using var second = model.NewSession();
        var prompt = TinyModel.Prompt(290);
        var expected = Alone(prompt);
        Task<GenerationResult>? joined = null;
        var progress = new Direct(done =>
        {
            if (done >= 96 && joined is null) joined = Generate(second, prompt);
        });
        await first.PrefillAsync(prompt, progress, Cancellation);
        var result = await joined!;
        Assert.Equal(expected, result.Ids);
        Assert.InRange(result.ReusedTokens, 192, 256);     // the two take turns
    }

    [Fact]
    public async Task Other_scopes_and_sessions_that_share_nothing_compute_their_own()
    {
        using var model = Load();
        var prompt = TinyModel.Prompt(200);
        var expected = Alone(prompt);
        var scope = new CacheScope("tenant");
        SessionOptions scoped = new() { Scope = scope }, alone = new() { SharePrefixes = false };
        SessionOptions[] kinds = [new(), scoped, alone, scoped, alone];
        var sessions = kinds.Select(model.NewSession).ToArray();
        var work = new List<Task<GenerationResult>>();
        await SchedulerPolicyTests.WhileNobodyDrives(model, () => work.AddRange(sessions.Select(session => Generate(session, prompt))));
        var results = await Task.WhenAll(work);
        foreach (var session in sessions) session.Dispose();
        Assert.All(results, result => Assert.Equal(expected, result.Ids));
        Assert.Equal([0, 0, 0, 192, 0], results.Select(result => result.ReusedTokens));
    }

    [Fact]
    public async Task Nobody_waits_for_a_lower_priority()
    {
        using var model = Load();
        var prompt = TinyModel.Prompt(200);
        var results = await Together(model, [(prompt, 0), (prompt, 5), (prompt, 0)]);
        Assert.Equal([192, 0, 192], results.Select(result => result.ReusedTokens));
    }

    [Fact]
    public async Task Where_the_one_that_computes_is_cancelled_another_goes_on()
    {
        using var model = Load();
        var prompt = TinyModel.Prompt(290);
        var expected = Alone(prompt);
        using var first = model.NewSession();
        using var second = model.NewSession();
        using var stop = new CancellationTokenSource();
        Task<GenerationResult>? waiting = null;
        var progress = new Direct(done =>
        {
            if (done < 96) return;
            waiting ??= Generate(second, prompt);
            stop.Cancel();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first.PrefillAsync(prompt, progress, stop.Token));
        var result = await waiting!;
        Assert.Equal(expected, result.Ids);
        Assert.InRange(result.ReusedTokens, 64, 256);
    }

    [Fact]
    public async Task Where_pages_are_few_every_answer_is_the_same()
    {
        using var model = Load(pages: 8);
        var prompt = TinyModel.Prompt(200);
        var expected = Alone(prompt);
        var results = await Together(model, [.. Enumerable.Repeat((prompt, 0), 6)]);
        Assert.All(results, result => Assert.Equal(expected, result.Ids));
    }

    private int[] Alone(int[] prompt)
    {
        using var model = Load(prefixes: false);
        using var session = model.NewSession();
        return session.Ids(prompt, Options);
    }

    private static int[] After(int[] tokens, int last) => [.. tokens, 5 + last];

    private static GenerationOptions Options => new() { MaxTokens = 6, IgnoreEos = true };

    private static async Task<GenerationResult[]> Together(LanguageModel model, (int[] Prompt, int Priority)[] requests)
    {
        var sessions = requests.Select(_ => model.NewSession()).ToArray();
        var work = new List<Task<GenerationResult>>();
        await SchedulerPolicyTests.WhileNobodyDrives(model, () =>
        {
            foreach (var (session, (prompt, priority)) in sessions.Zip(requests)) work.Add(Generate(session, prompt, priority));
        });
        var results = await Task.WhenAll(work);
        foreach (var session in sessions) session.Dispose();
        return results;
    }

    private static async Task<GenerationResult> Generate(Session session, int[] prompt, int priority = 0)
    {
        await foreach (var _ in session.GenerateAsync(prompt, Options with { Priority = priority }, Cancellation)) { }
        return session.LastResult!;
    }

    private LanguageModel Load(bool prefixes = true, int pages = 100) => _folder.Load(new ModelOptions
    {
        Device = "cpu",
        Threads = 1,
        ContextLength = 300,
        MaxSequences = 16,
        PrefillChunk = 96,
        KvCache = new() { SharedTokens = 64 * pages, PrefixCaching = prefixes },
    });

    /// <summary>Told on the thread that reports.</summary>
    private sealed class Direct(Action<int> report) : IProgress<PrefillProgress>
    {
        public void Report(PrefillProgress value) => report(value.Tokens);
    }
}
