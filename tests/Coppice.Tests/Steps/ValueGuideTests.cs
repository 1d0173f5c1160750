using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Steps;

/// <summary>Controlled decoding and Transfer Q*: neutral weight, golden values, and reward against the weight.</summary>
public sealed class ValueGuideTests : IDisposable
{
    private static readonly int[] Prompt = TinyModel.Prompt(9);
    private readonly TinyModel _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0), InlineData(1)]
    public void Weight_0_is_top_k(float temperature)
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var options = new GenerationOptions { MaxTokens = 21, Temperature = temperature, Seed = 3 };
        Assert.Equal(session.Ids(Prompt, options with { TopK = 7 }),
            session.Ids(Prompt, options with { Strategy = StrategyOptions.Parse("value-guide:weight=0,k=7") }));
    }

    [Fact]
    public async Task A_value_turns_the_choice_as_the_golden_numbers_say()
    {
        var values = new Dictionary<int, double> { [0] = .1, [1] = .9 };
        var scorer = SequenceScorers.Of(text => values[text.Tokens[^1]]);
        var processor = new ValueGuideProcessor(new ScoredValue(scorer), 2, 1);
        using var text = StepHelp.Text(new ScriptedModel(3, _ => [5, 4.5f, 0]).After(0), new() { MaxTokens = 4 }, 1, processor);
        var row = (await text.RowAsync(TestContext.Current.CancellationToken)).ToArray();
        Assert.Equal([5.1f, 5.4f, float.NegativeInfinity], row);
        Assert.Equal(1, await text.StepAsync(TestContext.Current.CancellationToken));
        Assert.Equal(1.0992625, ImportanceValue.Of(.9, .5, 2), 1e-7);
        Assert.Equal(Math.Exp(20), ImportanceValue.Of(1, -1e9, 1), 1e-3);
    }

    [Fact]
    public async Task Indirect_values_weigh_by_both_rewards()
    {
        var value = new ImportanceValue(
            SequenceScorers.Of(text => text.Tokens[^1] == 1 ? .9 : .1), SequenceScorers.Of(_ => .5), beta: 2, horizon: 0);
        using var text = StepHelp.Text(
            new ScriptedModel(2, _ => [0, 0]).After(0), new() { MaxTokens = 4 }, 1, new ValueGuideProcessor(value, 2, 1));
        var row = (await text.RowAsync(TestContext.Current.CancellationToken)).ToArray();
        Assert.Equal(.1 * Math.Exp(-.2), row[0], 1e-6);
        Assert.Equal(1.0992625, row[1], 1e-6);
    }

    /// <summary>The reward is how often token 0 came; its share is a logistic function of the weight λ.</summary>
    [Fact]
    public async Task Reward_and_distance_from_the_model_rise_with_the_weight()
    {
        double[] p = [.2, .3, .5];
        var (reward, divergence) = (-1.0, -1.0);
        foreach (var weight in (double[])[0, .5, 1, 2, 4])
        {
            var scorer = SequenceScorers.Of(text => text.Tokens.Count(token => token == 0));
            var processor = new ValueGuideProcessor(new ScoredValue(scorer), 3, weight);
            using var text = StepHelp.Text(ScriptedModel.Of(p, 0), new() { MaxTokens = 300, Temperature = 1, Seed = 8 }, 1, processor);
            var q = StepHelp.Probabilities((await text.RowAsync(TestContext.Current.CancellationToken)).Span);
            Assert.Equal(.2 * Math.Exp(weight) / (.2 * Math.Exp(weight) + .8), q[0], 1e-6);
            var kl = q.Zip(p, (a, b) => a * Math.Log(a / b)).Sum();
            Assert.True(kl > divergence);
            var share = (await StepHelp.TokensAsync(text)).Count(token => token == 0) / 300.0;
            Assert.Equal(q[0], share, .1);
            Assert.True(share > reward, $"at weight {weight} the reward must be above {reward}, got {share}");
            (reward, divergence) = (share, kl);
        }
    }

    [Fact]
    public async Task Looking_ahead_finds_what_the_next_token_does_not_show()
    {
        // After token 1 comes token 2 for certain; the reward is a 2 two tokens on.
        var model = new ScriptedModel(4, tokens => tokens[^1] == 1 ? [0, 0, 50, 0] : [9, 8, 0, 0]).After(0);
        var scorer = SequenceScorers.Of(text => text.Tokens.Contains(2) ? 5 : 0);
        async Task<int> First(int horizon)
        {
            var processor = new ValueGuideProcessor(new ScoredValue(scorer, horizon), 2, 1);
            using var text = StepHelp.Text(model.Fork(), new() { MaxTokens = 4 }, 1, processor);
            return await text.StepAsync(TestContext.Current.CancellationToken);
        }
        Assert.Equal(0, await First(0));
        Assert.Equal(1, await First(1));
    }

    [Fact]
    public void Looking_ahead_leaves_the_text_as_it_is()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var options = new GenerationOptions { MaxTokens = 8, IgnoreEos = true };
        // A value that is the same for all tokens turns nothing.
        var strategy = new ValueGuideOptions { Candidates = 4, Horizon = 3, Scorer = SequenceScorers.Of(_ => 2) };
        Assert.Equal(session.Ids(Prompt, options), session.Ids(Prompt, options with { Strategy = strategy }));
    }
}
