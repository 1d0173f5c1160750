using System.Collections.Concurrent;
using Coppice.Constraints;
using Coppice.Drafting;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Constraints;

/// <summary>A host's constraint that has to wait for its mask: its own text waits, and nobody else's.</summary>
public sealed class SlowConstraintTests(ConstrainedTextTests.Tiny tiny) : IClassFixture<ConstrainedTextTests.Tiny>
{
    private const string Prompt = "Returns the number of";

    private static readonly TimeSpan Enough = TimeSpan.FromSeconds(60);

    public static TheoryData<string> Drafters =>
        ["none", "auto:guard=false", "suffix:guard=false", "prompt-lookup:guard=false", "token-recycling:guard=false",
            "rsd-c:branches=2-2-1,guard=false"];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Others_go_on_while_a_constraint_waits(bool isAsynchronous)
    {
        using var slow = tiny.Model.NewSession();
        using var quick = tiny.Model.NewSession();
        var (asked, gate) = (Signal(), Signal());
        var options = Held((at, _) => at != 2 ? Task.CompletedTask : AskAsync());
        var text = Run(slow, options, isAsynchronous);
        await asked.Task.WaitAsync(Enough, TestContext.Current.CancellationToken);
        var plain = new GenerationOptions { MaxTokens = 40, IgnoreEos = true };
        foreach (var way in (bool[])[true, false])
            Assert.Equal(40, (await Run(quick, plain, way).WaitAsync(Enough, TestContext.Current.CancellationToken)).Length);
        Assert.False(text.IsCompleted);
        gate.SetResult();
        Assert.Equal(quick.Ids(Ids(), Held(null)), await text.WaitAsync(Enough, TestContext.Current.CancellationToken));

        Task AskAsync()
        {
            asked.TrySetResult();
            return gate.Task;
        }
    }

    /// <summary>Answers come at once, soon or late, also in the midst of a draft; the text is always the same.</summary>
    [Theory, MemberData(nameof(Drafters))]
    public async Task The_text_is_that_of_a_constraint_that_does_not_wait(string drafter)
    {
        foreach (var temperature in (float[])[0, 1])
        {
            using var session = tiny.Model.NewSession();
            var quick = Held(null) with { Temperature = temperature, Seed = 3 };
            var expected = session.Ids(Ids(), quick);
            var random = new Random(4);
            var times = new ConcurrentDictionary<int, int>();
            for (var round = 0; round < 6; round++)
            {
                for (var at = 0; at < 64; at++) times[at] = random.Next(4);
                var waits = Held((at, cancellation) => times[at] switch
                {
                    0 or 1 => Task.CompletedTask,
                    2 => Task.Run(() => { }, cancellation),
                    _ => Task.Delay(2, cancellation),
                }) with
                { Temperature = temperature, Seed = 3, Drafter = DrafterOptions.Parse(drafter) };
                using var drafting = tiny.Model.NewSession();
                foreach (var way in (bool[])[true, false])
                    Assert.Equal(expected, await Run(drafting, waits, way).WaitAsync(Enough, TestContext.Current.CancellationToken));
            }
        }
    }

    /// <summary>Many at once, who give up their pages meanwhile, with log-probabilities and what a text was denied.</summary>
    [Fact]
    public async Task Several_that_wait_share_a_small_memory()
    {
        using var model = LanguageModel.Load(
            Path.Combine(SharedData.Repository, "weights", "tiny"),
            new ModelOptions { Device = "cpu", Threads = 1, ContextLength = 64, KvCache = new KvCacheOptions { SharedTokens = 192 } });
        using var alone = model.NewSession();
        var plain = Held(null) with { LogProbs = 1, MaxTokens = 20 };
        var expected = alone.Pieces(Ids(), plain).Select(Report).ToArray();
        var waits = Held((at, cancellation) => at % 3 == 1 ? Task.Delay(1 + at % 5, cancellation) : Task.CompletedTask) with
        {
            LogProbs = 1,
            MaxTokens = 20,
        };
        var texts = Enumerable.Range(0, 8).Select(async _ =>
        {
            using var session = model.NewSession(new SessionOptions { SharePrefixes = false });
            var pieces = new List<string>();
            await foreach (var piece in session.GenerateAsync(Ids(), waits, TestContext.Current.CancellationToken))
                pieces.Add(Report(piece));
            return pieces;
        });
        foreach (var text in await Task.WhenAll(texts).WaitAsync(Enough, TestContext.Current.CancellationToken))
            Assert.Equal(expected, text);

        static string Report(GeneratedPiece piece) => $"{piece.TokenId} {piece.LogProbs!.Chosen:f4}";
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_cancels_does_not_wait_for_the_answer(bool isAsynchronous)
    {
        using var session = tiny.Model.NewSession();
        var (asked, cancelled) = (Signal(), Signal());
        using var stop = new CancellationTokenSource();
        var options = Held((at, cancellation) =>
        {
            if (at != 1) return Task.CompletedTask;
            asked.TrySetResult();
            cancellation.Register(() => cancelled.TrySetResult());
            return Task.Delay(Timeout.Infinite, cancellation);
        });
        var text = Run(session, options, isAsynchronous, stop.Token);
        await asked.Task.WaitAsync(Enough, TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => text.WaitAsync(Enough, TestContext.Current.CancellationToken));
        await cancelled.Task.WaitAsync(Enough, TestContext.Current.CancellationToken);
        Assert.Equal(FinishReason.Cancelled, session.LastResult!.FinishReason);
        Assert.Equal(4, session.Greedy(Ids(), 4).Length);
    }

    [Fact]
    public async Task A_session_that_is_disposed_while_its_constraint_waits_ends()
    {
        var session = tiny.Model.NewSession();
        var asked = Signal();
        var text = Run(session, Held((at, cancellation) =>
        {
            asked.TrySetResult();
            return Task.Delay(Timeout.Infinite, cancellation);
        }), isAsynchronous: true);
        await asked.Task.WaitAsync(Enough, TestContext.Current.CancellationToken);
        session.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => text.WaitAsync(Enough, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task An_answer_that_fails_fails_its_own_text()
    {
        using var session = tiny.Model.NewSession();
        var options = Held(async (at, _) =>
        {
            await Task.Yield();
            if (at == 2) throw new FormatException("no analysis");
        });
        var error = await Assert.ThrowsAsync<FormatException>(() => Run(session, options, isAsynchronous: true));
        Assert.Equal("no analysis", error.Message);
        Assert.Equal(FinishReason.Error, session.LastResult!.FinishReason);
        Assert.Equal(4, session.Greedy(Ids(), 4).Length);
    }

    /// <summary>Text that is made step by step, and its forks, ask and wait on their reader's own flow.</summary>
    [Fact]
    public async Task Stepped_text_waits_too()
    {
        using var session = tiny.Model.NewSession();
        var expected = session.Ids(Ids(), Held(null));
        var options = Held((at, cancellation) => Task.Delay(at % 2, cancellation)) with { Processors = [() => new Steps.Nothing()] };
        Assert.Equal(expected, await Run(session, options, isAsynchronous: true));
    }

    /// <summary>Who waits for it does not go on within whoever gives it, which runs passes.</summary>
    private static TaskCompletionSource Signal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static GenerationOptions Held(Func<int, CancellationToken, Task>? answer) => new()
    {
        MaxTokens = 30,
        Constraint = vocabulary =>
        {
            const string schema = """{"type":"array","items":{"enum":["public","static","protected"]},"minItems":4,"maxItems":9}""";
            var rule = JsonSchema.Compile(schema, vocabulary).CreateConstraint();
            return new Waiting(rule, answer ?? ((_, _) => Task.CompletedTask));
        },
    };

    private async Task<int[]> Run(
        Session session, GenerationOptions options, bool isAsynchronous, CancellationToken? cancellationToken = null)
    {
        var token = cancellationToken ?? TestContext.Current.CancellationToken;
        var prompt = Ids();
        if (!isAsynchronous)
        {
            return await Task.Run(
                () => session.Generate(prompt, options, token).Select(piece => piece.TokenId).ToArray(), CancellationToken.None);
        }
        var ids = new List<int>();
        await foreach (var piece in session.GenerateAsync(prompt, options, token)) ids.Add(piece.TokenId);
        return [.. ids];
    }

    private int[] Ids() => tiny.Model.Tokenizer!.Encode(Prompt);
}
