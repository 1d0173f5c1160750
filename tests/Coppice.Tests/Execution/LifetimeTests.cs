using System.Runtime.CompilerServices;
using Coppice.Drafting;
using Coppice.Execution;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Execution;

/// <summary>
/// Whatever a host disposes or forgets, at any moment and from any thread: an exception at the next step, and every page comes back.
/// </summary>
public sealed class LifetimeTests : IDisposable
{
    private const int Rounds = 400;
    private readonly TinyModel _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory, InlineData(false), InlineData(true)]
    public void A_session_or_model_that_is_disposed_in_the_loop_ends_it_with_ObjectDisposedException(bool model)
    {
        var loaded = _folder.Load();
        var session = loaded.NewSession();
        var pieces = 0;
        Assert.Throws<ObjectDisposedException>(() =>
        {
            foreach (var _ in session.Generate(TinyModel.Prompt(5), Endless(), Cancellation))
            {
                if (++pieces < 3) continue;
                if (model) loaded.Dispose();
                else session.Dispose();
            }
        });
        Assert.Equal(3, pieces);
        Assert.Throws<ObjectDisposedException>(() => session.Ids([5]));
        session.Dispose();
        loaded.Dispose();
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task The_same_holds_for_asynchronous_loops(bool model)
    {
        var loaded = _folder.Load();
        var session = loaded.NewSession();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
        {
            await foreach (var _ in session.GenerateAsync(TinyModel.Prompt(5), Endless(), Cancellation))
            {
                if (model) loaded.Dispose();
                else session.Dispose();
            }
        });
        Assert.Throws<ObjectDisposedException>(() => session.Ids([5]));
        session.Dispose();
        loaded.Dispose();
        Assert.Equal(0, loaded.Backend.Memory.BytesInUse);
    }

    [Fact]
    public async Task A_session_that_another_thread_disposes_leaves_the_others_alone()
    {
        using var model = _folder.Load();
        using var witness = model.NewSession();
        var expected = witness.Greedy(TinyModel.Prompt(9), 30);
        var ended = 0;
        for (var round = 0; round < Rounds; round++)
        {
            var session = model.NewSession();
            var started = new TaskCompletionSource();
            var options = Endless() with { Drafter = round % 2 == 0 ? DrafterOptions.None : new AutoDrafterOptions() };
            var generating = Task.Run(async () =>
            {
                try
                {
                    await foreach (var _ in session.GenerateAsync(TinyModel.Prompt(5), options, Cancellation)) started.TrySetResult();
                }
                catch (ObjectDisposedException)
                {
                    started.TrySetResult();
                    Interlocked.Increment(ref ended);
                }
            }, Cancellation);
            if (round % 3 > 0) await started.Task;
            session.Dispose();
            await generating;
            if (round % 40 == 0) Assert.Equal(expected, witness.Greedy(TinyModel.Prompt(9), 30));
        }
        Assert.Equal(expected, witness.Greedy(TinyModel.Prompt(9), 30));
        Assert.InRange(ended, Rounds / 2, Rounds);
        witness.Dispose();
        model.Prefixes!.Clear(CacheScope.Default);
        Assert.Equal(model.Runner.SharedPages!.Pages, model.Runner.SharedPages.FreePages);
    }

    [Fact]
    public async Task A_model_that_another_thread_disposes_ends_all_its_loops()
    {
        for (var round = 0; round < 40; round++)
        {
            var model = _folder.Load();
            var sessions = Enumerable.Range(0, 4).Select(_ => model.NewSession()).ToArray();
            var loops = sessions.Select((session, i) => Task.Run(async () =>
            {
                try
                {
                    if (i % 2 == 0)
                    {
                        foreach (var _ in session.Generate(TinyModel.Prompt(5 + i), Endless(), Cancellation)) { }
                    }
                    else
                    {
                        await foreach (var _ in session.GenerateAsync(TinyModel.Prompt(5 + i), Endless(), Cancellation)) { }
                    }
                    return false;       // it had come to its end before
                }
                catch (ObjectDisposedException)
                {
                    return true;
                }
            }, Cancellation)).ToArray();
            if (round % 2 == 0) await Task.Delay(round % 7, Cancellation);
            model.Dispose();
            await Task.WhenAll(loops);
            foreach (var session in sessions) session.Dispose();
            Assert.Equal(0, model.Backend.Memory.BytesInUse);
        }
    }

    [Fact]
    public void Sessions_that_are_forgotten_are_freed()
    {
        using var model = _folder.Load();
        for (var round = 0; round < 200; round++) Forget(model, round);
        var pages = model.Runner.SharedPages!;
        for (var attempt = 0; attempt < 50; attempt++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            model.Prefixes!.Clear(CacheScope.Default);
            if (pages.FreePages == pages.Pages) break;
            Thread.Sleep(20);
        }
        Assert.Equal(pages.Pages, pages.FreePages);
    }

    [Fact]
    public async Task Loops_that_are_forgotten_in_their_midst_are_freed_too()
    {
        using var model = _folder.Load();
        for (var round = 0; round < 20; round++) await ForgetLoop(model, round);
        var pages = model.Runner.SharedPages!;
        for (var attempt = 0; attempt < 100 && pages.FreePages < pages.Pages; attempt++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            model.Prefixes!.Clear(CacheScope.Default);
            await Task.Delay(20, Cancellation);
        }
        Assert.Equal((pages.Pages, 0), (pages.FreePages, model.Scheduler.Load));
    }

    [Fact]
    public void A_model_that_is_forgotten_is_freed()
    {
        var model = ForgetModel();
        for (var attempt = 0; attempt < 100 && IsAlive(model); attempt++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Thread.Sleep(50);
        }
        Assert.False(IsAlive(model));
    }

    [Fact]
    public async Task Loading_can_be_cancelled_and_leaves_nothing()
    {
        using var source = new CancellationTokenSource();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => LanguageModel.LoadAsync(_folder.Folder, new() { Device = "cpu" },
            cancellationToken: source.Token));
        using var midway = new CancellationTokenSource();
        var progress = new Canceller(midway);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => LanguageModel.LoadAsync(_folder.Folder, new() { Device = "cpu" },
            progress, midway.Token));
        using var model = await LanguageModel.LoadAsync(_folder.Folder, new() { Device = "cpu", ContextLength = 64 },
            cancellationToken: Cancellation);
        using var session = model.NewSession();
        Assert.Equal(4, session.Greedy(TinyModel.Prompt(5), 4).Length);
    }

    [Fact]
    public async Task An_await_that_is_cancelled_ends_within_a_pass_and_the_session_goes_on()
    {
        using var model = _folder.Load();
        using var fresh = model.NewSession();
        var expected = fresh.Greedy(TinyModel.Prompt(5), 20);
        using var session = model.NewSession();
        for (var round = 0; round < 100; round++)
        {
            using var source = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
            var read = 0;
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            {
                await foreach (var _ in session.GenerateAsync(TinyModel.Prompt(5), Endless(), source.Token))
                {
                    read++;
                    if (read == 1 + round % 5) ThreadPool.QueueUserWorkItem(static source => source.Cancel(), source, preferLocal: false);
                    if (read == 100) source.Token.WaitHandle.WaitOne();       // the text must not come to its end before
                }
            });
            Assert.Equal((FinishReason.Cancelled, read), (session.LastResult!.FinishReason, session.LastResult.Ids.Count));
            Assert.Equal(5 + read, session.Tokens.Count);
        }
        Assert.Equal(expected, session.Greedy(TinyModel.Prompt(5), 20));
    }

    private static GenerationOptions Endless() => new() { MaxTokens = 120, IgnoreEos = true };

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Forget(LanguageModel model, int round)
    {
        var session = model.NewSession();
        session.Greedy(TinyModel.Prompt(5 + round % 60), 3);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task ForgetLoop(LanguageModel model, int round)
    {
        var session = model.NewSession();
        if (round % 2 == 0)
        {
            var pieces = session.Generate(TinyModel.Prompt(5 + round), Endless(), Cancellation).GetEnumerator();
            pieces.MoveNext();
            return;
        }
        var running = session.GenerateAsync(TinyModel.Prompt(5 + round), Endless(), CancellationToken.None)
            .GetAsyncEnumerator(CancellationToken.None);
        await running.MoveNextAsync();
    }

    /// <summary>Apart, so that no frame of the test keeps the model.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool IsAlive(WeakReference<LanguageModel> model) => model.TryGetTarget(out _);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private WeakReference<LanguageModel> ForgetModel()
    {
        var model = _folder.Load();
        model.NewSession().Greedy(TinyModel.Prompt(5), 3);
        return new WeakReference<LanguageModel>(model);
    }

    private sealed class Canceller(CancellationTokenSource source) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => source.Cancel();
    }
}
