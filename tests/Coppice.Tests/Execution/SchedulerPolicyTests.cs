using Coppice.Execution;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Execution;

/// <summary>
/// What the scheduler owes each request: a place or a refusal, pages or a wait, a turn, and to be forgotten when it has ended.
/// </summary>
public sealed class SchedulerPolicyTests : IDisposable
{
    private readonly TinyModel _folder = new(ScheduleTests.Config);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory, InlineData(1, 0), InlineData(1, 1), InlineData(3, 2)]
    public async Task As_many_requests_are_taken_as_places_and_queue_hold(int places, int queue)
    {
        using var model = Load(places, pages: 64, queue);
        var sessions = Enumerable.Range(0, places + queue + 4).Select(_ => model.NewSession()).ToArray();
        var readers = new List<Task<int>>();
        await WhileNobodyDrives(model, () =>
        {
            foreach (var session in sessions) readers.Add(Count(session, TinyModel.Prompt(5), 8));
        });
        var refused = 0;
        foreach (var reader in readers)
        {
            try { Assert.Equal(8, await reader); }
            catch (ModelBusyException) { refused++; }
        }
        Assert.Equal(4, refused);
        // What was refused has failed, and may be tried again.
        Assert.Equal(4, sessions.Count(session => session.LastResult is { FinishReason: FinishReason.Error, Ids.Count: 0 }));
        foreach (var session in sessions) Assert.Equal(8, await Count(session, TinyModel.Prompt(5), 8));
        foreach (var session in sessions) session.Dispose();
    }

    [Fact]
    public async Task A_sequence_that_waits_gives_its_pages_to_the_one_that_runs()
    {
        using var model = Load(places: 1, pages: 6, prefixes: false);
        using var waiting = model.NewSession();
        using var running = model.NewSession();
        using var fresh = model.NewSession();
        var expected = fresh.Ids(TinyModel.Prompt(100), Endless(60));
        fresh.Dispose();
        waiting.Ids(TinyModel.Prompt(200, seed: 3), Endless(5));
        using var pieces = running.Generate(TinyModel.Prompt(100), Endless(60), Cancellation).GetEnumerator();
        Assert.True(pieces.MoveNext());
        var ids = new List<int> { pieces.Current.TokenId };
        var second = Count(waiting, [.. waiting.Tokens, 7], 3);      // keeps its four pages and waits for the place
        while (pieces.MoveNext()) ids.Add(pieces.Current.TokenId);
        Assert.Equal(expected, ids);
        Assert.Equal(3, await second);
    }

    [Fact]
    public async Task Pages_that_only_the_prefix_cache_holds_do_not_keep_requests_waiting()
    {
        using var model = Load(places: 8, pages: 12);
        var pages = model.Runner.SharedPages!;
        for (var seed = 0; pages.FreePages > 1; seed++)
        {
            using var session = model.NewSession();
            session.Ids(TinyModel.Prompt(130, seed), Endless(2));
        }
        using var one = model.NewSession();
        using var other = model.NewSession();
        var before = 0L;
        var readers = new List<Task<int>>();
        await WhileNobodyDrives(model, () =>
        {
            before = model.Runner.Pass;
            readers.Add(Count(one, TinyModel.Prompt(20, 101), 30));
            readers.Add(Count(other, TinyModel.Prompt(20, 102), 30));
        });
        Assert.All(await Task.WhenAll(readers), count => Assert.Equal(30, count));
        Assert.InRange(model.Runner.Pass - before, 30, 45);
    }

    [Fact]
    public async Task A_fork_has_its_turn_while_others_generate()
    {
        using var model = Load(places: 8, pages: 64);
        using var still = model.NewSession();
        still.Ids(TinyModel.Prompt(20), Endless(3));
        using var busy = model.NewSession();
        var passes = 0;
        Task<Session>? fork = null;
        busy.Drafter = new Watcher(() =>
        {
            passes += fork is { IsCompleted: false } ? 1 : 0;
            if (fork is not null) return;
            var thread = new TaskCompletionSource<Thread>();
            fork = Task.Factory.StartNew(() =>
            {
                thread.SetResult(Thread.CurrentThread);
                return still.Fork();
            }, Cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            var forking = thread.Task.GetAwaiter().GetResult();
            while (!forking.ThreadState.HasFlag(ThreadState.WaitSleepJoin) && !fork.IsCompleted) Thread.Yield();
        });
        Assert.Equal(250, await Count(busy, TinyModel.Prompt(20), 250));
        (await fork!).Dispose();
        Assert.InRange(passes, 0, 3);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task A_session_that_is_disposed_in_its_loop_leaves_nothing_with_the_scheduler(bool asynchronous)
    {
        using var model = Load(places: 8, pages: 64);
        for (var round = 0; round < 5; round++)
        {
            var session = model.NewSession();
            await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
            {
                if (asynchronous)
                {
                    await foreach (var _ in session.GenerateAsync(TinyModel.Prompt(5), Endless(100), Cancellation)) session.Dispose();
                }
                else
                {
                    foreach (var _ in session.Generate(TinyModel.Prompt(5), Endless(100), Cancellation)) session.Dispose();
                }
            });
        }
        Assert.Equal((0, 0), (model.Scheduler.Load, model.Scheduler.Idle));
    }

    [Fact]
    public void A_sequence_that_is_cancelled_as_it_gives_its_pages_up_leaves_the_queue()
    {
        using var model = Load(places: 4, pages: 6, prefixes: false);
        using var old = new PlainParticipant(model, 1);
        using var young = new PlainParticipant(model, 200) { EndsAsItGivesUp = true };
        model.Scheduler.Advance(old);
        model.Scheduler.Advance(young);
        Assert.Equal(2, model.Scheduler.Load);
        old.Want(150);     // its second pass needs a page of the other's
        model.Scheduler.Advance(old);
        Assert.Equal(1, model.Scheduler.Load);
        model.Scheduler.Withdraw(old);
        model.Scheduler.Withdraw(young);
        Assert.Equal(0, model.Scheduler.Load);
    }

    [Fact]
    public void A_prompt_comes_to_its_end_although_as_many_sequences_decode_as_a_pass_has_rows()
    {
        using var model = Load(places: 256, pages: 600, prefixes: false, chunk: 1);
        var rows = model.Runner.Size.Rows;
        var decoders = Enumerable.Range(0, rows).Select(_ => new PlainParticipant(model, 1)).ToArray();
        foreach (var decoder in decoders) model.Scheduler.Advance(decoder);
        using var prompt = new PlainParticipant(model, 60) { IsPrompt = true };
        prompt.Limit = model.Runner.Pass + 200;
        model.Scheduler.Advance(prompt);
        Assert.Equal((null, 0), (prompt.Error, prompt.Left));
        foreach (var decoder in decoders)
        {
            model.Scheduler.Withdraw(decoder);
            decoder.Dispose();
        }
        model.Scheduler.Withdraw(prompt);
    }

    [Fact]
    public void A_pass_that_is_timed_gets_pages_of_sequences_that_run()
    {
        using var model = Load(places: 4, pages: 6, prefixes: false);
        using var running = model.NewSession();
        using var timed = model.NewSession();
        var expected = running.Ids(TinyModel.Prompt(280), Endless(15));
        running.Reset();
        using var pieces = running.Generate(TinyModel.Prompt(280), Endless(15), Cancellation).GetEnumerator();
        Assert.True(pieces.MoveNext());
        var ids = new List<int> { pieces.Current.TokenId };
        timed.TimePass(90);
        while (pieces.MoveNext()) ids.Add(pieces.Current.TokenId);
        Assert.Equal((expected.Length, 1), (ids.Count, (int)model.Scheduler.Preemptions));
        Assert.Equal(expected, ids);
    }

    private LanguageModel Load(int places, int pages, int queue = 1024, bool prefixes = true, int chunk = 96) =>
        _folder.Load(new ModelOptions
        {
            Device = "cpu",
            Threads = 1,
            ContextLength = 300,
            MaxSequences = places,
            MaxQueued = queue,
            PrefillChunk = chunk,
            KvCache = new() { SharedTokens = 64 * pages, PrefixCaching = prefixes },
        });

    private static GenerationOptions Endless(int tokens) => new() { MaxTokens = tokens, IgnoreEos = true };

    private static async Task<int> Count(Session session, int[] prompt, int tokens)
    {
        var count = 0;
        await foreach (var _ in session.GenerateAsync(prompt, Endless(tokens), Cancellation)) count++;
        return count;
    }

    /// <summary>Runs <paramref name="begin"/> while no pass can begin, so that what it starts is in the queue together.</summary>
    internal static async Task WhileNobodyDrives(LanguageModel model, Action begin)
    {
        using var entered = new ManualResetEventSlim();
        using var leave = new ManualResetEventSlim();
        var holding = Task.Factory.StartNew(() => model.Scheduler.Exclusive(() =>
        {
            entered.Set();
            leave.Wait(Cancellation);
        }), Cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        entered.Wait(Cancellation);
        try { begin(); }
        finally { leave.Set(); }
        await holding;
    }

    /// <summary>Proposes nothing and tells when it is asked, on the thread that drives.</summary>
    private sealed class Watcher(Action asked) : Coppice.Drafting.Drafter
    {
        public override void Draft(in Coppice.Drafting.DraftRequest request, Coppice.Decoding.Verification.TokenTree tree) => asked();
    }
}
