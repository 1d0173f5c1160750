using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Steps;

/// <summary>
/// The laws of step models: forks, rollbacks and the way that tokens come change nothing; and texts equal plain decoding.
/// </summary>
public sealed class StepLawTests : IDisposable
{
    private static readonly int[] Prompt = TinyModel.Prompt(9);
    private readonly TinyModel _folder = new();
    private readonly TinyModel _other = new(seed: 2);

    public void Dispose()
    {
        _folder.Dispose();
        _other.Dispose();
    }

    public static TheoryData<string> Kinds => ["session", "contrast", "switch", "scripted"];

    [Theory, MemberData(nameof(Kinds))]
    public async Task Whatever_was_done_before_the_row_is_that_of_the_tokens(string kind)
    {
        using var model = _folder.Load();
        using var other = _other.Load();
        var random = new Random(7);
        for (var round = 0; round < 12; round++)
        {
            using var walked = Make(kind, model, other);
            var tokens = new List<int>(Prompt);
            IStepModel current = walked;
            var forks = new List<(IStepModel Model, int[] Tokens)>();
            for (var step = 0; step < 14; step++)
            {
                switch (random.Next(5))
                {
                    case 0 when tokens.Count > Prompt.Length:
                        var at = random.Next(Prompt.Length, tokens.Count);
                        tokens.RemoveRange(at, tokens.Count - at);
                        current.Rollback(at);
                        break;
                    case 1 when forks.Count < 3:
                        forks.Add((current, [.. tokens]));
                        current = current.Fork();
                        break;
                    case 2:
                        await current.NextAsync(TestContext.Current.CancellationToken);
                        break;
                    default:
                        int[] next = [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => random.Next(96))];
                        if (kind == "switch") next = next[..1];         // which model gives a row depends on the rows that were asked for
                        if (kind == "switch") await current.NextAsync(TestContext.Current.CancellationToken);
                        current.Advance(next);
                        tokens.AddRange(next);
                        break;
                }
            }
            forks.Add((current, [.. tokens]));
            foreach (var (fork, text) in forks)
            {
                using var fresh = Make(kind, model, other);
                foreach (var token in text.Skip(Prompt.Length))
                {
                    if (kind == "switch") await fresh.NextAsync(TestContext.Current.CancellationToken);
                    fresh.Advance([token]);
                }
                var expected = (await fresh.NextAsync(TestContext.Current.CancellationToken)).ToArray();
                Assert.Equal(expected, (await fork.NextAsync(TestContext.Current.CancellationToken)).ToArray());
                Assert.Equal(text.Length, fork.Position);
                fork.Dispose();
            }
        }
    }

    [Fact]
    public async Task A_model_that_is_asked_before_the_first_token_or_for_what_is_not_there_says_so()
    {
        using var model = _folder.Load();
        using var steps = new SessionSteps(model.NewSession(), model.VocabularySize);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await steps.NextAsync(TestContext.Current.CancellationToken));
        Assert.Throws<ArgumentOutOfRangeException>(() => steps.Advance([96]));
        Assert.Throws<ArgumentOutOfRangeException>(() => steps.Rollback(1));
    }

    [Fact]
    public async Task Cancelling_changes_nothing()
    {
        using var model = _folder.Load();
        using var steps = new SessionSteps(model.NewSession(), model.VocabularySize);
        steps.Advance(Prompt);
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await steps.NextAsync(cancelled.Token));
        Assert.Equal(Prompt.Length, steps.Position);
        using var fresh = new SessionSteps(model.NewSession(), model.VocabularySize);
        fresh.Advance(Prompt);
        Assert.Equal(
            (await fresh.NextAsync(TestContext.Current.CancellationToken)).ToArray(),
            (await steps.NextAsync(TestContext.Current.CancellationToken)).ToArray());
    }

    /// <summary>Every way of choosing, stepped and as the decoder does it, with what is reported of each token.</summary>
    [Fact]
    public void Text_that_is_made_step_by_step_is_that_of_plain_decoding()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        GenerationOptions[] all =
        [
            new(), new() { LogProbs = 3 }, new() { Temperature = 1.2f, TopP = .9f, LogProbs = 2, LogProbMode = LogProbMode.Final },
            new() { Temperature = .9f, TopK = 12, RepetitionPenalty = 1.2f, FrequencyPenalty = .3f },
            new() { Temperature = 1, TypicalP = .8f, DryMultiplier = .8f, XtcProbability = .5f },
            new() { Temperature = 1, Strategy = new MirostatOptions { Target = 3, Rate = .2 } },
            new() { Temperature = 1, Strategy = new MirostatOptions { Target = 3, Rate = .2, Basis = SurpriseBasis.Truncated } },
            new() { Temperature = 1, MinTokens = 20, LogitBias = new Dictionary<int, float> { [1] = 8 } },
        ];
        foreach (var options in all)
        {
            foreach (var seed in (ulong[])[1, 2])
            {
                var (plain, stepped) = (Pieces(options), Pieces(options with { Processors = [() => new Nothing()] }));
                Assert.True(plain.Length > 1);
                Assert.Equal(plain.Select(piece => piece.TokenId), stepped.Select(piece => piece.TokenId));
                Assert.Equal(plain.Select(Report), stepped.Select(Report));

                GeneratedPiece[] Pieces(GenerationOptions chosen) =>
                    [.. session.Generate(Prompt, chosen with { MaxTokens = 30, Seed = seed }, TestContext.Current.CancellationToken)];
            }
        }
    }

    [Fact]
    public void A_session_keeps_the_text_that_was_made_and_ends_where_its_reader_does()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var options = new GenerationOptions { MaxTokens = 12, IgnoreEos = true, Processors = [() => new Nothing()] };
        var ids = session.Ids(Prompt, options);
        Assert.Equal((int[])[.. Prompt, .. ids], session.Tokens);
        Assert.Equal(FinishReason.Length, session.LastResult!.FinishReason);
        Assert.Equal(ids, session.LastResult.Ids);
        // The next turn goes on from its keys and values.
        session.Ids([.. session.Tokens, 5], new() { MaxTokens = 1 });
        Assert.InRange(session.LastResult.ReusedTokens, Prompt.Length + 10, Prompt.Length + 12);
        using var short5 = model.NewSession();
        var first = short5.Generate(Prompt, options, TestContext.Current.CancellationToken).Take(5).Select(piece => piece.TokenId)
            .ToArray();
        Assert.Equal(ids[..5], first);
        Assert.Equal((int[])[.. Prompt, .. ids[..5]], short5.Tokens);
        Assert.Equal(FinishReason.Cancelled, short5.LastResult!.FinishReason);
        using var again = model.NewSession();
        Assert.Equal(12, again.Ids(Prompt, options).Length);
    }

    [Fact]
    public void A_hosts_stop_condition_ends_the_text()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var ids = session.Ids(Prompt, new() { MaxTokens = 20, IgnoreEos = true, StopCondition = () => new AfterTokens(4) });
        Assert.Equal(4, ids.Length);
        Assert.Equal(FinishReason.Stop, session.LastResult!.FinishReason);
    }

    [Fact]
    public async Task A_slow_processor_does_not_hold_up_others()
    {
        using var model = _folder.Load();
        using var slow = model.NewSession();
        using var quick = model.NewSession();
        var gate = new TaskCompletionSource();
        var options = new GenerationOptions { MaxTokens = 3, IgnoreEos = true, Processors = [() => new Waits(gate.Task)] };
        var waiting = Task.Run(() => slow.Ids(Prompt, options), TestContext.Current.CancellationToken);
        var plain = new GenerationOptions { MaxTokens = 40, IgnoreEos = true };
        var ids = await Task.Run(() => quick.Ids(Prompt, plain), TestContext.Current.CancellationToken)
            .WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.False(waiting.IsCompleted);
        gate.SetResult();
        Assert.Equal(ids[..3], await waiting);
    }

    [Fact]
    public void A_session_that_is_disposed_meanwhile_ends_the_text()
    {
        using var model = _folder.Load();
        var session = model.NewSession();
        var texts = session.Generate(
            Prompt, new() { MaxTokens = 40, IgnoreEos = true, Processors = [() => new Nothing()] }, TestContext.Current.CancellationToken);
        using var reader = texts.GetEnumerator();
        Assert.True(reader.MoveNext());
        session.Dispose();
        Assert.Throws<ObjectDisposedException>(() => { while (reader.MoveNext()) { } });
    }

    [Fact]
    public void What_excludes_each_other_is_refused()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var processors = new GenerationOptions { Processors = [() => new Nothing()] };
        Assert.Throws<ArgumentException>(() => session.Ids(Prompt, processors with { Strategy = new BeamSearchOptions { Beams = 2 } }));
        Assert.Throws<ArgumentException>(() => session.Ids(Prompt, processors with { Trace = new GenerationTrace() }));
        Assert.Throws<ArgumentException>(() => session.Ids(Prompt, new() { LogProbs = 1, Strategy = new PlanningOptions() }));
    }

    private static IStepModel Make(string kind, LanguageModel model, LanguageModel other)
    {
        SessionSteps Steps(LanguageModel source)
        {
            var steps = new SessionSteps(source.NewSession(), source.VocabularySize);
            steps.Advance(Prompt);
            return steps;
        }
        return kind switch
        {
            "session" => Steps(model),
            "contrast" => new ContrastiveModel([new ContrastTerm(Steps(model), 1.5f), new ContrastTerm(Steps(other), -.5f)]),
            "switch" => new SwitchingModel(Steps(other), Steps(model), new EntropySwitchPolicy(2, 5.5, leastStay: 2)),
            _ => new ScriptedModel(
                96, tokens => [.. Enumerable.Range(0, 96).Select(id => (float)Math.Sin(id * (1 + tokens.Sum())))]).After(Prompt),
        };
    }

    private static string Report(GeneratedPiece piece) =>
        piece.LogProbs is { } logs
            ? $"{logs.Chosen:f4} {string.Join(' ', logs.Best.Select(best => $"{best.TokenId}:{best.LogProbability:f4}"))}"
            : "";

    private sealed class AfterTokens(int count) : IStopCondition
    {
        private int _seen;

        public bool EndsWith(in TokenObservation token, string text) => ++_seen == count;

        public IStopCondition Fork() => new AfterTokens(count) { _seen = _seen };
    }

    private sealed class Waits(Task task) : ITokenProcessor
    {
        public async ValueTask ProcessAsync(StepText text, Memory<float> logits, CancellationToken cancellationToken) =>
            await task.WaitAsync(cancellationToken);

        public ITokenProcessor Fork() => this;
    }
}
