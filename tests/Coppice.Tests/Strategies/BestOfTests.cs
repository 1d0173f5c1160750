using Coppice.Drafting;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Strategies;

/// <summary>Best of n: each sequence is a generation of its own, the prompt is run once, and the best stays.</summary>
public sealed class BestOfTests : IDisposable
{
    private readonly TinyModel _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(SequenceOrder.MeanLogProb, "none"), InlineData(SequenceOrder.SumLogProb, "none")]
    [InlineData(SequenceOrder.MeanLogProb, "suffix:guard=false")]
    public void The_best_of_the_sequences_is_chosen_by_the_models_own_probabilities(SequenceOrder by, string drafter)
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        using var plain = model.NewSession();
        using var scorer = new Scorer(model);
        for (var seed = 0; seed < 4; seed++)
        {
            var prompt = TinyModel.Prompt(10 + 20 * seed, seed);
            var options = new GenerationOptions
            {
                MaxTokens = 14,
                Temperature = 1.1f,
                TopP = 0.95f,
                Seed = (ulong)seed * 50,
                Drafter = DrafterOptions.Parse(drafter),
            };
            var ids = session.Ids(prompt, options with { Strategy = new BestOfOptions { Count = 5, By = by } });
            var all = Enumerable.Range(0, 5).Select(i => plain.Ids(prompt, options with { Seed = options.Seed + (ulong)i })).ToArray();
            var sums = all.Select(text => scorer.LogProbabilities(new ScoredText(prompt, text)).Sum(x => (double)x)).ToArray();
            var scores = all.Select((text, i) => by == SequenceOrder.SumLogProb ? sums[i] : sums[i] / text.Length).ToArray();
            int[] order = [.. Enumerable.Range(0, 5).OrderByDescending(i => scores[i])];
            var found = session.LastResult!.Sequences;
            Assert.Equal(order.Select(i => Key(all[i])), found.Select(sequence => Key(sequence.Ids)));
            Assert.Equal(all[order[0]], ids);
            Assert.Equal((int[])[.. prompt, .. ids], session.Tokens);
            for (var rank = 0; rank < 5; rank++)
            {
                Assert.Equal(sums[order[rank]], found[rank].LogProbability, 1e-3);
                Assert.Equal(scores[order[rank]], found[rank].Score, 1e-3);
            }
        }
    }

    [Fact]
    public void The_best_of_one_is_plain_decoding()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        foreach (var temperature in (float[])[0, 0.9f])
        {
            var options = new GenerationOptions { MaxTokens = 20, Temperature = temperature, Seed = 4 };
            Assert.Equal(session.Ids(TinyModel.Prompt(9), options),
                session.Ids(TinyModel.Prompt(9), options with { Strategy = new BestOfOptions { Count = 1 } }));
        }
    }

    [Fact]
    public void The_prompt_is_run_once_and_kept_once()
    {
        var cache = new KvCacheOptions { SharedTokens = 640 };
        using var model = _folder.Load(new ModelOptions { Device = "cpu", ContextLength = 256, KvCache = cache });
        using var session = model.NewSession();
        var prompt = TinyModel.Prompt(200);
        // Eight contexts of 200 tokens take 32 pages of 64 tokens; there are ten.
        var strategy = new BestOfOptions { Count = 6 };
        var options = new GenerationOptions { MaxTokens = 8, Temperature = 1, IgnoreEos = true, Strategy = strategy };
        var ids = session.Ids(prompt, options);
        Assert.Equal(8, ids.Length);
        Assert.Equal(6, session.LastResult!.Sequences.Count);
        // The next turn goes on from the chosen sequence's own keys and values.
        session.Ids([.. session.Tokens, 5], new() { MaxTokens = 1 });
        Assert.Equal(prompt.Length + 7, session.LastResult.ReusedTokens);
    }

    [Fact]
    public void Log_probabilities_are_reported_where_they_are_asked_for()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var options = new GenerationOptions { MaxTokens = 6, Temperature = 1, Strategy = new BestOfOptions { Count = 3 } };
        Assert.All(session.Pieces(TinyModel.Prompt(9), options), piece => Assert.Null(piece.LogProbs));
        var pieces = session.Pieces(TinyModel.Prompt(9), options with { LogProbs = 2 });
        Assert.All(pieces, piece => Assert.Equal(2, piece.LogProbs!.Best.Count));
        Assert.Throws<ArgumentException>(() => session.Ids([2], options with { LogProbs = 2, LogProbMode = LogProbMode.Final }));
    }

    [Fact]
    public async Task A_cancelled_one_leaves_the_session_free()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        using var cancellation = new CancellationTokenSource();
        await cancellation.CancelAsync();
        var strategy = new BestOfOptions { Count = 3 };
        var options = new GenerationOptions { MaxTokens = 60, Temperature = 1, IgnoreEos = true, Strategy = strategy };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in session.GenerateAsync(TinyModel.Prompt(9), options, cancellation.Token)) { }
        });
        Assert.Equal(FinishReason.Cancelled, session.LastResult!.FinishReason);
        Assert.Equal(60, session.Ids(TinyModel.Prompt(9), options).Length);
    }

    [Theory]
    [InlineData("best-off", "must be one of mirostat, beam, best-of, blockwise, contrast, planning, switch, value-guide, got \"best-off\" "
        + "(did you mean best-of?)")]
    [InlineData("beam:beam=3", "settings are beams, length-penalty, early-stopping, got \"beam\" (did you mean beams?)")]
    [InlineData("beam:beams=0", "strategy beam: beams must be from 1 to 32, got 0")]
    [InlineData("beam:early-stopping=sometimes", "early-stopping must be one of false, true, never")]
    [InlineData("best-of:n=x", "n must be a whole number, got \"x\"")]
    [InlineData("best-of:by=luck", "by must be one of mean-log-prob, sum-log-prob")]
    [InlineData("mirostat:version=3", "version must be from 1 to 2")]
    [InlineData("mirostat:tau=5,tau=6", "tau must be given once")]
    [InlineData("mirostat:basis=half", "basis must be one of full, truncated")]
    public void A_text_that_names_no_strategy_is_refused(string text, string expected)
    {
        var error = Assert.ThrowsAny<ArgumentException>(() => StrategyOptions.Parse(text));
        Assert.StartsWith("strategy", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_names_a_strategy_with_its_settings()
    {
        Assert.Equal(new MirostatOptions(), StrategyOptions.Parse("mirostat"));
        Assert.Equal(new MirostatOptions { Version = 1, Target = 3, Rate = 1, Basis = SurpriseBasis.Truncated },
            StrategyOptions.Parse("mirostat:version=1,tau=3,eta=1,basis=truncated"));
        Assert.Equal(new BeamSearchOptions { Beams = 6, LengthPenalty = 0.5, EarlyStopping = EarlyStopping.Never },
            StrategyOptions.Parse("beam:beams=6,length-penalty=.5,early-stopping=never"));
        Assert.Equal(new BestOfOptions { Count = 3, By = SequenceOrder.SumLogProb }, StrategyOptions.Parse("best-of:n=3,by=sum-log-prob"));
    }

    private static string Key(IEnumerable<int> ids) => string.Join(' ', ids);
}
