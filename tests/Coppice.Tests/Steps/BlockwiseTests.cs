using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Steps;

/// <summary>Blockwise best of k: neutral with one draw, best of k where the block is the text, and better the more is drawn.</summary>
public sealed class BlockwiseTests : IDisposable
{
    private static readonly int[] Prompt = TinyModel.Prompt(9);
    private readonly TinyModel _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0), InlineData(1)]
    public void One_draw_is_plain_decoding(float temperature)
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var options = new GenerationOptions { MaxTokens = 21, Temperature = temperature, Seed = 3, FrequencyPenalty = .2f };
        var strategy = StrategyOptions.Parse("blockwise:k=1,block=4");
        Assert.Equal(session.Ids(Prompt, options), session.Ids(Prompt, options with { Strategy = strategy }));
    }

    [Fact]
    public void A_block_as_long_as_the_text_is_the_best_of_k()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        for (var seed = 0UL; seed < 5; seed++)
        {
            var options = new GenerationOptions { MaxTokens = 12, Temperature = 1.1f, Seed = 100 * seed };
            var best = session.Ids(Prompt, options with { Strategy = new BestOfOptions { Count = 5 } });
            Assert.Equal(best, session.Ids(Prompt, options with { Strategy = new BlockwiseOptions { Count = 5, Block = 12 } }));
        }
    }

    [Fact]
    public void Blocks_are_what_scores_best_of_the_draws()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var scorer = SequenceScorers.Of(text => text.Tokens.Count(token => token % 3 == 0));
        var options = new GenerationOptions { MaxTokens = 16, Temperature = 1, IgnoreEos = true };
        double Mean(int count) => Enumerable.Range(0, 8).Average(seed => session.Ids(Prompt, options with
        {
            Seed = 1000 * (ulong)seed,
            Strategy = new BlockwiseOptions { Count = count, Block = 4, Scorer = scorer },
        }).Count(token => token % 3 == 0));
        var (one, eight) = (Mean(1), Mean(8));
        Assert.True(eight > one + 2, $"eight draws must score better than one, got {eight} and {one}");
    }

    [Fact]
    public void A_scorer_that_gives_no_number_is_refused()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        var strategy = new BlockwiseOptions { Count = 2, Scorer = SequenceScorers.Of(_ => double.NaN) };
        var error = Assert.Throws<InvalidOperationException>(
            () => session.Ids(Prompt, new() { MaxTokens = 4, Temperature = 1, Strategy = strategy }));
        Assert.Contains("NaN", error.Message, StringComparison.Ordinal);
        Assert.Equal(4, session.Ids(Prompt, new() { MaxTokens = 4, IgnoreEos = true }).Length);
    }

    [Theory]
    [InlineData("blockwise:k=0", "k must be from 1"), InlineData("blockwise:block=0", "block must be from 1")]
    [InlineData("blockwise:scorer=liklihood", "likelihood"), InlineData("blockwise:scorer=count:", "count:TEXT")]
    public void What_cannot_be_is_refused(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<ArgumentException>(() => StrategyOptions.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Scorers_count_and_match()
    {
        static ScoredContinuation Text(string text) => new([1], [2, 3], text, -3, null);
        Assert.Equal(2, await Score(SequenceScorers.Count("ab"), Text("abcab")));
        Assert.Equal(3, await Score(SequenceScorers.Matches("[a-c]+"), Text("ab-c-a")));
        Assert.Equal(-1.5, await Score(SequenceScorers.Likelihood, Text("")));

        static async Task<double> Score(ISequenceScorer scorer, ScoredContinuation text)
        {
            var scores = new double[1];
            await scorer.ScoreAsync([text], scores, TestContext.Current.CancellationToken);
            return scores[0];
        }
    }
}
