using System.Text;
using Coppice.Cache;
using Coppice.Kernels;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>Sessions in files: another instance of the model goes on as the first would have, and nothing else is taken.</summary>
public sealed class SavedSessionTests : IDisposable
{
    private readonly ITestOutputHelper _output;
    private readonly TinyModel _folder = new();
    private readonly TemporaryFile _file = new();
    private readonly LanguageModel _model;

    public SavedSessionTests(ITestOutputHelper output) => (_output, _model) = (output, _folder.Load());

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _model.Dispose();
        _file.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(ElementType.F32, -1)]
    [InlineData(ElementType.BF16, -1)]
    [InlineData(ElementType.F16, 0)]
    public async Task Another_instance_goes_on_with_the_same_text_and_computes_nothing_twice(ElementType kv, int sharedTokens)
    {
        var options = Options() with { KvCache = new() { Type = kv, SharedTokens = sharedTokens } };
        int[] conversation, expected;
        using (var first = _folder.Load(options))
        {
            using var session = first.NewSession();
            conversation = [.. TinyModel.Prompt(70), .. session.Greedy(TinyModel.Prompt(70), 9)];
            await session.SaveAsync(_file.Path, Cancellation);
            Assert.Equal(conversation, session.Tokens);
            expected = session.Greedy([.. conversation, 5], 12);
        }
        using var second = _folder.Load(options with { ContextLength = 200 });
        using var loaded = second.NewSession();
        loaded.Greedy(TinyModel.Prompt(30, seed: 3), 2);        // is replaced
        await loaded.LoadAsync(_file.Path, Cancellation);
        Assert.Equal(conversation, loaded.Tokens);
        using var fork = loaded.Fork();
        foreach (var goesOn in (Session[])[loaded, fork])
        {
            Assert.Equal(expected, goesOn.Greedy([.. conversation, 5], 12));
            Assert.Equal(conversation.Length - 1, goesOn.LastResult!.ReusedTokens);     // the last token's keys were never computed
        }
    }

    [Fact]
    public async Task An_empty_session_and_one_that_gave_its_pages_up_come_back_too()
    {
        using var session = _model.NewSession();
        await session.SaveAsync(_file.Path, Cancellation);
        session.Greedy(TinyModel.Prompt(5), 3);
        await session.LoadAsync(_file.Path, Cancellation);
        Assert.Empty(session.Tokens);

        var expected = session.Greedy(TinyModel.Prompt(90), 20);
        session.Reset();
        using var model = _folder.Load(Options() with { KvCache = new() { SharedTokens = 256, PrefixCaching = false } });
        using var idle = model.NewSession();
        idle.Greedy(TinyModel.Prompt(90), 10);
        using (var greedy = model.NewSession()) greedy.Greedy(TinyModel.Prompt(100, seed: 4), 20);
        using (var more = model.NewSession()) more.Greedy(TinyModel.Prompt(100, seed: 5), 20);
        await idle.SaveAsync(_file.Path, Cancellation);
        using var loaded = _model.NewSession();
        await loaded.LoadAsync(_file.Path, Cancellation);
        Assert.Equal(idle.Tokens, loaded.Tokens);
        Assert.Equal(expected[10..], loaded.Greedy(loaded.Tokens, 10));
    }

    [Fact]
    public async Task Other_models_formats_and_lengths_are_refused_and_the_session_stays_as_it_was()
    {
        using (var session = _model.NewSession())
        {
            session.Greedy(TinyModel.Prompt(100), 20);
            await session.SaveAsync(_file.Path, Cancellation);
        }
        using var otherWeights = new TinyModel(seed: 2);
        using var otherConfig = new TinyModel(TinyModel.Llama.Replace("1e-5", "1e-6", StringComparison.Ordinal));
        await Refused(otherWeights, Options(), "fingerprint of another");
        await Refused(otherConfig, Options(), "fingerprint of another");
        await Refused(_folder, Options() with { WeightFormat = WeightFormat.Q8 }, "fingerprint of another");
        await Refused(_folder, Options() with { KvCache = new() { Type = ElementType.BF16 } }, "stored as BF16, found F32");
        await Refused(_folder, Options() with { ContextLength = 100 }, "at most 100 tokens, found 120");
        await Refused(_folder, Options() with { ContextLength = 20 }, "longer context");
    }

    [Fact]
    public async Task A_change_of_any_sampled_byte_of_a_weight_is_another_model()
    {
        using var copy = new TinyModel();
        var bytes = await File.ReadAllBytesAsync(copy.WeightsPath, Cancellation);
        bytes[^1] ^= 1;
        await File.WriteAllBytesAsync(copy.WeightsPath, bytes, Cancellation);
        using var same = _folder.Load(Options() with { Threads = 1, ContextLength = 32 });
        using var changed = copy.Load();
        Assert.Equal(_model.Fingerprint, same.Fingerprint);
        Assert.NotEqual(_model.Fingerprint, changed.Fingerprint);
    }

    [Fact]
    public async Task Damaged_missing_and_foreign_files_leave_the_session_as_it_was()
    {
        using var session = _model.NewSession();
        var prompt = TinyModel.Prompt(80);
        var expected = session.Greedy(prompt, 10);
        await session.SaveAsync(_file.Path, Cancellation);
        var bytes = await File.ReadAllBytesAsync(_file.Path, Cancellation);
        byte[] flipped = [.. bytes];
        flipped[bytes.Length / 2] ^= 4;
        foreach (var wrong in (byte[][])[[], bytes[..50], bytes[..^1], [.. bytes, 0], flipped, Encoding.UTF8.GetBytes("{\"tokens\": []}")])
        {
            await File.WriteAllBytesAsync(_file.Path, wrong, Cancellation);
            await Assert.ThrowsAsync<SessionFileException>(() => session.LoadAsync(_file.Path, Cancellation));
            Assert.Equal([.. prompt, .. expected], session.Tokens);
        }
        File.Delete(_file.Path);
        await Assert.ThrowsAsync<FileNotFoundException>(() => session.LoadAsync(_file.Path, Cancellation));
        await Assert.ThrowsAsync<DirectoryNotFoundException>(() => session.SaveAsync(Path.Combine(_file.Path, "none", "x"), Cancellation));
        await Assert.ThrowsAsync<ArgumentException>(() => session.LoadAsync("", Cancellation));
        session.Greedy([.. prompt, .. expected, 5], 2);
        Assert.Equal(89, session.LastResult!.ReusedTokens);     // not even keys and values were touched
    }

    [Fact]
    public async Task Nothing_is_saved_or_loaded_beside_a_generation_or_after_a_dispose()
    {
        using var session = _model.NewSession();
        foreach (var _ in session.Generate(TinyModel.Prompt(5), new() { MaxTokens = 3, IgnoreEos = true }, Cancellation))
        {
            await Assert.ThrowsAsync<InvalidOperationException>(() => session.SaveAsync(_file.Path, Cancellation));
            await Assert.ThrowsAsync<InvalidOperationException>(() => session.LoadAsync(_file.Path, Cancellation));
        }
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        var error = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => session.SaveAsync(_file.Path, cancelled.Token));
        Assert.Equal(cancelled.Token, error.CancellationToken);
        Assert.False(File.Exists(_file.Path));
        await session.SaveAsync(_file.Path, Cancellation);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => session.LoadAsync(_file.Path, cancelled.Token));
        Assert.Equal(8, session.Tokens.Count);
        session.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => session.SaveAsync(_file.Path, Cancellation));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => session.LoadAsync(_file.Path, Cancellation));
    }

    [Fact]
    public async Task Whatever_is_cancelled_or_disposed_meanwhile_no_page_is_lost_and_no_other_session_changes()
    {
        const int rounds = 120;
        var config = TinyModel.Llama.Replace("_layers\": 2", "_layers\": 40", StringComparison.Ordinal);      // a file of 160 blocks
        using var deep = new TinyModel(config);
        using var model = deep.Load(Options() with { ContextLength = 256 });
        using var witness = model.NewSession();
        var expected = witness.Greedy(TinyModel.Prompt(9), 10);
        using (var saved = model.NewSession())
        {
            saved.Greedy(TinyModel.Prompt(240), 5);
            await saved.SaveAsync(_file.Path, Cancellation);
        }
        var ended = 0;
        for (var round = 0; round < rounds; round++)
        {
            using var session = model.NewSession();
            using var source = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
            if (round % 2 == 0) await session.LoadAsync(_file.Path, Cancellation);
            var generating = Task.Run(() => witness.Greedy(TinyModel.Prompt(9), 10), Cancellation);
            var work = round % 2 == 0 ? session.SaveAsync(_file.Path, source.Token) : session.LoadAsync(_file.Path, source.Token);
            if (round % 8 > 1) Thread.SpinWait(round * 30);
            if (round % 4 < 2) source.Cancel();
            else session.Dispose();
            try
            {
                await work;
            }
            catch (Exception error) when (error is ObjectDisposedException or OperationCanceledException)
            {
                ended++;
            }
            Assert.Equal(expected, await generating);
        }
        _output.WriteLine($"{ended} of {rounds} ended early");
        Assert.InRange(ended, 1, rounds);
        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(_file.Path)!));
        witness.Dispose();
        model.Prefixes!.Clear(CacheScope.Default);
        Assert.Equal(model.Runner.SharedPages!.Pages, model.Runner.SharedPages.FreePages);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task What_ends_a_load_in_its_midst_leaves_tokens_but_no_keys(bool dispose)
    {
        using var model = _folder.Load(Options() with { KvCache = new() { SharedTokens = 256, PrefixCaching = false } });
        using var session = model.NewSession();
        session.Greedy(TinyModel.Prompt(100), 10);
        await session.SaveAsync(_file.Path, Cancellation);
        session.Reset();
        var expected = session.Greedy(TinyModel.Prompt(9), 8);
        using var idle = model.NewSession();
        idle.Greedy(TinyModel.Prompt(120, seed: 5), 5);
        using var another = model.NewSession();
        another.Greedy(TinyModel.Prompt(60, seed: 6), 3);

        using var source = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var pages = model.Runner.SharedPages!;
        pages.Holder = new Interrupter(dispose ? session.Dispose : source.Cancel);      // is asked when the file has been checked
        var error = await Record.ExceptionAsync(() => session.LoadAsync(_file.Path, source.Token));
        pages.Holder = null;
        if (dispose)
        {
            Assert.IsType<ObjectDisposedException>(error);
        }
        else
        {
            Assert.Equal(source.Token, Assert.IsType<OperationCanceledException>(error).CancellationToken);
            Assert.Equal([.. TinyModel.Prompt(9), .. expected], session.Tokens);
            Assert.Equal(expected, session.Greedy(TinyModel.Prompt(9), 8));
            Assert.Equal(0, session.LastResult!.ReusedTokens);
        }
        foreach (var each in (Session[])[session, idle, another]) each.Dispose();
        Assert.Equal(pages.Pages, pages.FreePages);
    }

    [Fact]
    public async Task A_model_that_is_disposed_meanwhile_ends_it_with_ObjectDisposedException()
    {
        using (var saved = _model.NewSession())
        {
            saved.Greedy(TinyModel.Prompt(120), 5);
            await saved.SaveAsync(_file.Path, Cancellation);
        }
        for (var round = 0; round < 40; round++)
        {
            var model = _folder.Load();
            var session = model.NewSession();
            if (round % 2 == 0) await session.LoadAsync(_file.Path, Cancellation);
            var work = round % 2 == 0 ? session.SaveAsync(_file.Path, Cancellation) : session.LoadAsync(_file.Path, Cancellation);
            Thread.SpinWait(round * 50);
            model.Dispose();
            var error = await Record.ExceptionAsync(() => work);
            Assert.True(error is null or ObjectDisposedException, $"{error}");
            session.Dispose();
            Assert.Equal(0, model.Backend.Memory.BytesInUse);
        }
    }

    [Fact]
    public async Task Idle_sessions_make_room_and_those_that_run_do_not()
    {
        using var model = _folder.Load(Options() with { KvCache = new() { SharedTokens = 256, PrefixCaching = false } });
        using var session = model.NewSession();
        var conversation = TinyModel.Prompt(100);
        var expected = session.Greedy(conversation, 10);
        await session.SaveAsync(_file.Path, Cancellation);
        session.Dispose();

        using var idle = model.NewSession();
        var other = TinyModel.Prompt(110, seed: 5);
        var otherText = idle.Greedy(other, 5);
        using var loaded = model.NewSession();
        using var running = model.NewSession();
        var options = new GenerationOptions { MaxTokens = 20, IgnoreEos = true };
        using (var text = running.Generate(TinyModel.Prompt(100, seed: 6), options, Cancellation).GetEnumerator())
        {
            text.MoveNext();
            await loaded.LoadAsync(_file.Path, Cancellation);       // of four pages two are of the idle session, two of the running one
            Assert.Equal(110, loaded.Tokens.Count);
        }
        Assert.Equal(expected[5..], loaded.Greedy([.. conversation, .. expected[..5]], 5));
        Assert.Equal(otherText, idle.Greedy(other, 5));
    }

    [Fact]
    public async Task What_was_loaded_is_not_offered_to_other_sessions_until_a_reset()
    {
        var prompt = TinyModel.Prompt(90);
        using (var other = _folder.Load())
        {
            using var saved = other.NewSession();
            saved.Greedy(prompt, 5);
            await saved.SaveAsync(_file.Path, Cancellation);
        }
        using var loaded = _model.NewSession();
        await loaded.LoadAsync(_file.Path, Cancellation);
        using var fork = loaded.Fork();
        loaded.Greedy([.. loaded.Tokens, 7], 3);
        fork.Greedy([.. prompt, 8], 3);
        Assert.Equal(0, Reused());
        loaded.Reset();
        loaded.Greedy(prompt, 3);
        Assert.Equal(64, Reused());

        int Reused()
        {
            using var stranger = _model.NewSession();
            stranger.Greedy(prompt, 1);
            return stranger.LastResult!.ReusedTokens;
        }
    }

    private sealed class Interrupter(Action interrupt) : IPageHolder
    {
        public int EvictablePages => 0;

        public int GiveUp(int pages)
        {
            interrupt();
            return 0;
        }
    }

    private static ModelOptions Options() => new() { Device = "cpu", ContextLength = 128 };

    private async Task Refused(TinyModel folder, ModelOptions options, string reason)
    {
        using var model = folder.Load(options);
        using var session = model.NewSession();
        var expected = session.Greedy(TinyModel.Prompt(9), 8);
        var error = await Assert.ThrowsAsync<SessionFileException>(() => session.LoadAsync(_file.Path, Cancellation));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Equal([.. TinyModel.Prompt(9), .. expected], session.Tokens);
        Assert.Equal(expected, session.Greedy(TinyModel.Prompt(9), 8));
    }
}
