using Coppice.Constraints;
using Coppice.Decoding.Constraints;
using Coppice.Tests.Constraints;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Steps;

/// <summary>
/// The laws of what a host can put into a text (decoding_control.md, section 0): masks commute and hold, no state without a token goes by
/// unsaid, draws depend on nothing but their place, forks and what was cancelled leave no trace.
/// </summary>
public sealed class ExtensionLawTests(ConstrainedTextTests.Tiny tiny) : IClassFixture<ConstrainedTextTests.Tiny>
{
    private const int Walks = 40, Steps = 14;

    private static readonly NameMonitor Members = NameMonitor.Dereference((_, _) => new(["Count", "Length"]));

    private TokenVocabulary Vocabulary => tiny.Model.Vocabulary;

    /// <summary>Every kind of constraint that there is, each time anew.</summary>
    private Dictionary<string, Func<ITokenConstraint>> Kinds => new()
    {
        ["schema"] = () => JsonSchema.Compile(ConstrainedTextTests.Schema, Vocabulary).CreateConstraint(),
        ["any JSON"] = () => JsonSchema.Compile("{}", Vocabulary).CreateConstraint(),
        ["grammar"] = () => Grammar.Compile("""root ::= [{"a-z ]+ "}"? """, Vocabulary).CreateConstraint(),
        ["pattern"] = () => RegexGrammar.Compile("[^x]*", Vocabulary).CreateConstraint(),
        ["trigger"] = () => new TriggeredConstraint(RegexGrammar.Compile("[0-9]+", Vocabulary), "x"),
        ["deny"] = () => new DenyList(Vocabulary, ids: [70], sequences: [[80, 81]], texts: ["name", "a"]).CreateConstraint(),
        ["monitor"] = () => new MonitorConstraint(Vocabulary, Members, "a.") { Strict = true },
        ["waits"] = () => new Waiting(JsonSchema.Compile("""{"type":"array"}""", Vocabulary).CreateConstraint()),
        ["host"] = () => new Places(Vocabulary, [.. Enumerable.Range(0, 20).Select(i => Enumerable.Range(60 + i, 30).ToArray())]),
    };

    public static TheoryData<string> Names => ["schema", "any JSON", "grammar", "pattern", "trigger", "deny", "monitor", "waits", "host"];

    /// <summary>Law 4: a mask with itself is itself, and two are the same in both orders.</summary>
    [Theory, MemberData(nameof(Names))]
    public async Task Masks_are_idempotent_and_commute(string name)
    {
        foreach (var (other, make) in Kinds)
        {
            var random = new Random(3);
            for (var walk = 0; walk < 4; walk++)
            {
                ITokenConstraint[] all =
                [
                    new ConstraintIntersection(Vocabulary, Kinds[name](), make()),
                    new ConstraintIntersection(Vocabulary, make(), Kinds[name]()),
                    new ConstraintIntersection(Vocabulary, Kinds[name](), make(), Kinds[name]()),
                ];
                for (var step = 0; step < Steps; step++)
                {
                    var masks = new List<ulong[]>();
                    foreach (var constraint in all)
                    {
                        masks.Add(await MaskAsync(constraint));
                        Assert.Equal(masks[^1], await MaskAsync(constraint));
                    }
                    Assert.Equal(masks[0], masks[1]);
                    Assert.Equal(masks[0], masks[2]);
                    Assert.Single(all.Select(constraint => constraint.CanStop).Distinct());
                    if (Draw(masks[0], random) is not { } token || Vocabulary.IsEnd(token)) break;
                    Assert.All(all, constraint => Assert.True(constraint.TryAdvance(token), $"{name}, {other}: {token}"));
                }
            }
        }
    }

    /// <summary>Laws 1 and 2 of constraints: what is done to a fork changes nothing here; the way back leads to the same mask.</summary>
    [Theory, MemberData(nameof(Names))]
    public async Task Forks_and_ways_back_leave_no_trace(string name)
    {
        var random = new Random(8);
        for (var walk = 0; walk < Walks / 4; walk++)
        {
            var constraint = Kinds[name]();
            var masks = new List<ulong[]>();
            for (var step = 0; step < Steps; step++)
            {
                masks.Add(await MaskAsync(constraint));
                var fork = constraint.Fork();
                for (var ahead = 0; ahead < 3 && Draw(await MaskAsync(fork), random) is { } far && !Vocabulary.IsEnd(far); ahead++)
                    Assert.True(fork.TryAdvance(far));
                Assert.Equal(masks[^1], await MaskAsync(constraint));
                if (Draw(masks[^1], random) is not { } token || Vocabulary.IsEnd(token)) break;
                Assert.True(constraint.TryAdvance(token));
            }
            for (var at = constraint.Position - 1; at >= 0; at -= 2)
            {
                constraint.Rollback(at);
                Assert.Equal(masks[at], await MaskAsync(constraint));
            }
        }
    }

    /// <summary>Law 8: who cancels finds the constraint as it was, and it can be asked again.</summary>
    [Theory, MemberData(nameof(Names))]
    public async Task Cancelling_what_is_prepared_changes_nothing(string name)
    {
        var random = new Random(2);
        var (constraint, same) = (Kinds[name](), Kinds[name]());
        for (var step = 0; step < Steps; step++)
        {
            var position = same.Position;
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await constraint.PrepareAsync(new CancellationToken(true)));
            var mask = await MaskAsync(same);
            Assert.Equal(mask, await MaskAsync(constraint));
            Assert.Equal((position, same.CanStop), (constraint.Position, constraint.CanStop));
            if (Draw(mask, random) is not { } token || Vocabulary.IsEnd(token)) break;
            Assert.True(constraint.TryAdvance(token));
            Assert.True(same.TryAdvance(token));
        }
    }

    /// <summary>The same in the midst of an analysis, alone and among others.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Cancelling_an_analysis_changes_nothing(bool isAlone)
    {
        var asked = 0;
        var monitor = NameMonitor.Dereference(async (_, cancellation) =>
        {
            if (asked++ == 0) await Task.Delay(Timeout.Infinite, cancellation);
            return ["Count"];
        });
        ITokenConstraint one = new MonitorConstraint(Vocabulary, monitor, "a.") { Timeout = TimeSpan.FromSeconds(60) };
        var constraint = isAlone ? one : new ConstraintIntersection(Vocabulary, Kinds["pattern"](), one, Kinds["deny"]());
        using var stop = new CancellationTokenSource();
        var preparing = constraint.PrepareAsync(stop.Token).AsTask();
        Assert.False(preparing.IsCompleted);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => preparing);
        Assert.Equal(0, constraint.Position);
        var mask = await MaskAsync(constraint);
        Assert.Equal(2, asked);
        for (var id = 0; id < Vocabulary.Count; id++)
        {
            if (Vocabulary.BytesOf(id) is [>= (byte)'b' and <= (byte)'z', ..] && (mask[id >> 6] & (1UL << id)) != 0)
                Assert.Fail($"token {id} must not begin a name");
        }
    }

    /// <summary>Law 4: whatever changes a row leaves what is at -∞ there; samplers of every kind.</summary>
    [Fact]
    public void No_sampler_raises_what_is_masked()
    {
        GenerationOptions[] all =
        [
            new() { Temperature = .7f }, new() { Temperature = 2, TopK = 5 }, new() { Temperature = 1, TopP = .8f },
            new() { Temperature = 1, MinP = .1f }, new() { Temperature = 1, TypicalP = .7f },
                new() { Temperature = 1, EpsilonCutoff = .01f },
            new() { Temperature = 1, EtaCutoff = .01f }, new() { Temperature = 1, TopNSigma = 1 }, new() { Temperature = 1, PLess = true },
            new() { Temperature = 1, XtcProbability = 1, XtcThreshold = .05f }, new() { Temperature = 1, DynamicTemperatureRange = .5f },
            new() { Temperature = 1, RepetitionPenalty = .5f, FrequencyPenalty = -1, PresencePenalty = -1 },
            new() { Temperature = 1, DryMultiplier = .8f, DryAllowedLength = 1 },
            new() { LogitBias = new Dictionary<int, float> { [3] = 50, [4] = 50 } },
            new() { Temperature = 1, Strategy = new MirostatOptions { Version = 1 } },
            new() { Temperature = 1, Strategy = new MirostatOptions() },
        ];
        var random = new Random(6);
        int[] tokens = [.. Enumerable.Range(0, 30).Select(_ => random.Next(40))];
        foreach (var options in all)
        {
            var sampler = options.CreateSampler(5, []);
            for (var round = 0; round < 50; round++)
            {
                var row = new float[96];
                for (var i = 0; i < row.Length; i++)
                    row[i] = random.Next(3) > 0 ? float.NegativeInfinity : (float)(8 * random.NextDouble() - 4);
                row[random.Next(row.Length)] = 1;
                float[] changed = [.. row];
                sampler.Process(tokens, changed);
                for (var i = 0; i < row.Length; i++) Assert.True(row[i] > float.NegativeInfinity || !(changed[i] > float.NegativeInfinity));
                Assert.Contains(changed, logit => logit > float.NegativeInfinity);
                Assert.True(row[sampler.Choose(tokens, [.. row])] > float.NegativeInfinity);
            }
        }
    }

    [Fact]
    public async Task A_processor_that_brings_back_what_is_masked_is_named()
    {
        using var session = tiny.Model.NewSession();
        var options = new GenerationOptions { Choices = ["red"], Processors = [() => new Sets(row => row.Span[5] = 100)] };
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => Read(session, options with { Regex = "[r-t]+" }));
        Assert.Contains(nameof(Sets), error.Message, StringComparison.Ordinal);
        Assert.Contains("token 5", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Law 5: the place, the model's five best, and what each constraint would have allowed.</summary>
    [Fact]
    public async Task Where_no_token_is_left_that_is_said()
    {
        using var session = tiny.Model.NewSession();
        var all = Enumerable.Range(0, tiny.Model.VocabularySize).ToDictionary(id => id, _ => float.NegativeInfinity);
        var none = new GenerationOptions { Processors = [() => new Sets(row => row.Span.Fill(float.NegativeInfinity))] };
        var greedy = session.Greedy(Ids(), 1)[0];
        foreach (var options in (GenerationOptions[])[new() { LogitBias = all }, new() { LogitBias = all, Temperature = 1 }, none])
        {
            var error = await Assert.ThrowsAsync<NoValidTokenException>(() => Read(session, options));
            Assert.Equal((Ids().Length, 5, null), (error.Position, error.Best.Count, error.Constraints));
            if (options == none) Assert.Equal(greedy, error.Best[0].TokenId);
        }
        var held = new GenerationOptions { Choices = ["red"], Deny = new DenyList(Vocabulary, texts: ["d"]) };
        GenerationOptions[] ways = [held, held with { Temperature = 1 }, held with { Processors = [() => new Nothing()] }];
        foreach (var options in ways)
        {
            var error = await Assert.ThrowsAsync<NoValidTokenException>(() => Read(session, options));
            Assert.True(error.Position > Ids().Length);
            Assert.Equal(5, error.Best.Count);
            Assert.Contains("GrammarConstraint ", error.Constraints, StringComparison.Ordinal);
            Assert.Contains("DenyConstraint ", error.Constraints, StringComparison.Ordinal);
            Assert.Contains(error.Constraints!, error.Message, StringComparison.Ordinal);
        }
        Assert.Equal(4, session.Greedy(Ids(), 4).Length);
    }

    /// <summary>Law 6: a fork's tokens are those of its number, whoever is stepped first, together or while others generate.</summary>
    [Fact]
    public async Task Draws_depend_on_their_fork_and_place_alone()
    {
        var options = new GenerationOptions
        {
            MaxTokens = 12,
            Temperature = 1.2f,
            TopK = 30,
            XtcProbability = .5f,
            Seed = 9,
            IgnoreEos = true,
        };
        var orders = new Dictionary<string, int[][]>();
        foreach (var order in (string[])["one after the other", "last first", "in turns", "together", "beside others"])
        {
            using var session = tiny.Model.NewSession();
            using var other = tiny.Model.NewSession();
            var strategy = new Forks(order);
            var beside = order == "beside others"
                ? Task.Run(() => other.Ids(Ids(), new() { MaxTokens = 60, IgnoreEos = true })) : Task.CompletedTask;
            await Read(session, options with { Strategy = new CustomStrategyOptions(strategy) });
            await beside;
            orders[order] = strategy.Tokens!;
        }
        foreach (var tokens in orders.Values) Assert.Equal(orders.Values.First(), tokens);
        Assert.Equal(4, orders.Values.First().Select(tokens => string.Join(' ', tokens)).Distinct().Count());
        using var plain = tiny.Model.NewSession();
        Assert.Equal(plain.Ids(Ids(), options), orders.Values.First()[0]);
    }

    /// <summary>Law 8 for texts: a step that was cancelled, before or in its midst, is made again with the same result.</summary>
    [Fact]
    public async Task A_step_that_was_cancelled_is_made_again()
    {
        using var session = tiny.Model.NewSession();
        var options = new GenerationOptions
        {
            MaxTokens = 10,
            Temperature = 1,
            Seed = 4,
            Constraint = vocabulary =>
                new Waiting(RegexGrammar.Compile("[a-f]{10,}", vocabulary).CreateConstraint(), (_, stop) => Task.Delay(1, stop)),
        };
        var expected = await Read(session, options);
        var strategy = new Cancels();
        Assert.Equal(expected, await Read(session, options with { Strategy = new CustomStrategyOptions(strategy) }));
        Assert.InRange(strategy.Cancelled, expected.Count, 3 * expected.Count);
    }

    private int[] Ids() => tiny.Model.Tokenizer!.Encode("Returns the number of");

    private async Task<List<int>> Read(Session session, GenerationOptions options)
    {
        var ids = new List<int>();
        await foreach (var piece in session.GenerateAsync(Ids(), options, TestContext.Current.CancellationToken)) ids.Add(piece.TokenId);
        return ids;
    }

    private async Task<ulong[]> MaskAsync(ITokenConstraint constraint)
    {
        await constraint.PrepareAsync(TestContext.Current.CancellationToken);
        var mask = new ulong[Vocabulary.MaskWords];
        constraint.FillMask(mask);
        return mask;
    }

    /// <summary>One of the tokens that a mask allows; null where there is none.</summary>
    private static int? Draw(ulong[] mask, Random random)
    {
        int[] allowed = [.. Enumerable.Range(0, mask.Length * 64).Where(id => (mask[id >> 6] & (1UL << id)) != 0)];
        return allowed.Length == 0 ? null : allowed[random.Next(allowed.Length)];
    }

    private sealed class Sets(Action<Memory<float>> change) : ITokenProcessor
    {
        public ValueTask ProcessAsync(StepText text, Memory<float> logits, CancellationToken cancellationToken)
        {
            change(logits);
            return default;
        }

        public ITokenProcessor Fork() => this;
    }

    /// <summary>Steps four forks to their ends, in some order; the text is the first of them.</summary>
    private sealed class Forks(string order) : IDecodingStrategy
    {
        public int[][]? Tokens { get; private set; }

        public async IAsyncEnumerable<StepText> RunAsync(
            StepText text, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            var forks = Enumerable.Range(0, 4).Select(i => text.Fork((ulong)i)).ToArray();
            if (order == "last first") Array.Reverse(forks);
            if (order is "together" or "beside others")
            {
                await Task.WhenAll(forks.Select(async fork => { while (!fork.IsFinished) await fork.StepAsync(cancellationToken); }));
            }
            else if (order == "in turns")
            {
                while (!forks[0].IsFinished)
                    foreach (var fork in forks) await fork.StepAsync(cancellationToken);
            }
            else
            {
                foreach (var fork in forks)
                    while (!fork.IsFinished) await fork.StepAsync(cancellationToken);
            }
            if (order == "last first") Array.Reverse(forks);
            Tokens = [.. forks.Select(fork => fork.Tokens.ToArray())];
            foreach (var fork in forks[1..]) fork.Dispose();
            yield return forks[0];
        }
    }

    /// <summary>Cancels each step once, at another time, before it makes it.</summary>
    private sealed class Cancels : IDecodingStrategy
    {
        public int Cancelled { get; private set; }

        public async IAsyncEnumerable<StepText> RunAsync(
            StepText text, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            while (!text.IsFinished)
            {
                for (var after = 0; after < 3; after++)
                {
                    using var stop = new CancellationTokenSource();
                    if (after == 0) await stop.CancelAsync();
                    var count = text.Tokens.Count;
                    var row = text.RowAsync(stop.Token).AsTask();
                    if (after == 1) await stop.CancelAsync();
                    try
                    {
                        await row;
                    }
                    catch (OperationCanceledException)
                    {
                        Cancelled++;
                    }
                    Assert.Equal(count, text.Tokens.Count);
                }
                await text.StepAsync(cancellationToken);
                yield return text;
            }
        }
    }
}
