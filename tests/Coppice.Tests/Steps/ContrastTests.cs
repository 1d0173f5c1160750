using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Steps;

/// <summary>Contrast of two runs, and calibration of labels: the golden numbers of the specification and what is neutral.</summary>
public sealed class ContrastTests : IDisposable
{
    private static readonly int[] Prompt = TinyModel.Prompt(9);
    private static readonly float[] Positive = [2, 1, 0], Negative = [1, 2, 0];
    private readonly TinyModel _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Contrast_with_a_cut_has_the_golden_probabilities()
    {
        using var text = StepHelp.Text(
            Pair(2, -1), new() { MaxTokens = 4 }, 1, new PlausibilityCut(.1));
        var row = (await text.RowAsync(TestContext.Current.CancellationToken)).ToArray();
        Assert.Equal([3, 0, 0], row);
        double[] expected = [.909443, .045279, .045279], found = StepHelp.Probabilities(row);
        for (var i = 0; i < 3; i++) Assert.Equal(expected[i], found[i], 1e-6);
        // ln .1 below the largest: a token more than that below it goes.
        using var cut = StepHelp.Text(Pair(2, -1), new() { MaxTokens = 4 }, 1, new PlausibilityCut(.2));
        Assert.Equal(float.NegativeInfinity, (await cut.RowAsync(TestContext.Current.CancellationToken)).Span[2]);
    }

    [Fact]
    public async Task Guidance_over_log_probabilities_has_the_golden_values()
    {
        using var model = Pair(1.5f, -.5f, logProbs: true);
        var row = (await model.NextAsync(TestContext.Current.CancellationToken)).ToArray();
        double[] expected = [.092394, -1.907606, -2.407606], normal = [-.196734, -2.196734, -2.696734];
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(expected[i], row[i], 1e-5);
            Assert.Equal(normal[i], Math.Log(StepHelp.Probabilities(row)[i]), 1e-5);
        }
    }

    [Fact]
    public async Task A_banned_token_stays_banned_and_nothing_is_not_a_number()
    {
        const float none = float.NegativeInfinity;
        using var model = new ContrastiveModel(
        [
            new ContrastTerm(new ScriptedModel(4, _ => [1, none, none, 2]), 2),
            new ContrastTerm(new ScriptedModel(4, _ => [none, none, 1, 1]), -1),
        ]);
        var row = (await model.NextAsync(TestContext.Current.CancellationToken)).ToArray();
        Assert.Equal([1, none, none, 3], row);
    }

    [Fact]
    public void Without_contrast_it_is_plain_decoding()
    {
        using var model = _folder.Load();
        using var session = model.NewSession();
        foreach (var temperature in (float[])[0, 1])
        {
            var options = new GenerationOptions { MaxTokens = 25, Temperature = temperature, Seed = 3 };
            var strategy = StrategyOptions.Parse("contrast:alpha=0");
            Assert.Equal(session.Ids(Prompt, options), session.Ids(Prompt, options with { Strategy = strategy }));
        }
    }

    [Fact]
    public void An_amateur_that_is_the_model_itself_changes_nothing_and_another_does()
    {
        using var other = new TinyModel(seed: 5);
        using var model = _folder.Load();
        using var session = model.NewSession();
        var options = new GenerationOptions { MaxTokens = 25, IgnoreEos = true };
        var plain = session.Ids(Prompt, options);
        Assert.Equal(plain, session.Ids(Prompt, options with { Strategy = new ContrastOptions { Alpha = 1, Model = _folder.Folder } }));
        var strategy = new ContrastOptions { Alpha = 2, Beta = 0, Model = other.Folder };
        Assert.NotEqual(plain, session.Ids(Prompt, options with { Strategy = strategy }));
    }

    [Fact]
    public void A_negative_prompt_is_another_text_of_the_same_model()
    {
        var folder = Path.Combine(SharedData.Repository, "weights", "tiny");
        using var model = LanguageModel.Load(folder, new() { Device = "cpu", ContextLength = 256 });
        using var session = model.NewSession();
        var prompt = model.Tokenizer!.Encode("Gets the name of");
        var options = new GenerationOptions { MaxTokens = 16, IgnoreEos = true };
        // The same prompt on both sides: (1 + 1) z - z.
        var same = session.Ids(prompt, options with { Strategy = StrategyOptions.Parse("contrast:alpha=1,negative=Gets the name of") });
        Assert.Equal(session.Ids(prompt, options), same);
        var other = session.Ids(prompt, options with { Strategy = StrategyOptions.Parse("contrast:alpha=3,beta=0,negative=Returns") });
        Assert.NotEqual(same, other);
    }

    [Theory]
    [InlineData("contrast:alpha=1", "one of negative and model"), InlineData("contrast:alpha=-1,negative=x", "alpha must be from 0")]
    [InlineData("contrast:beta=2", "beta must be from 0"), InlineData("contrast:gamma=2", "gamma")]
    public void What_cannot_be_is_refused(string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<ArgumentException>(() => StrategyOptions.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Calibration_has_the_golden_probabilities()
    {
        double[] p = [.7, .3];
        Close([.368421, .631579], LabelCalibrator.Fit([[.8, .2]], smoothing: 0).Calibrate(p));
        Close([.368508, .631492], LabelCalibrator.Fit([[.8, .2]]).Calibrate(p));
        Close([0, 1], LabelCalibrator.Fit([[.8, .2]], CalibrationMode.Identity).Calibrate(p));
        // Rows are normalised, then averaged: (.8, .2) and (.6, .4) come to (.7, .3).
        Close([.5, .5], LabelCalibrator.Fit([[8, 2], [3, 2]], smoothing: 0).Calibrate(p));
        Assert.Throws<ArgumentException>(() => LabelCalibrator.Fit([]));
        Assert.Throws<ArgumentException>(() => LabelCalibrator.Fit([[.5, .5]]).Calibrate([1]));
        Assert.Throws<ArgumentException>(() => LabelCalibrator.Fit([[0, 0.0]]));
    }

    [Fact]
    public async Task A_label_has_the_sum_of_what_it_can_be_written_as()
    {
        using var model = _folder.Load();
        using var labels = new LabelScorer(model, [[[5, 6], [7]], [[8]]]);
        using var scorer = new Scorer(model);
        var found = await labels.ScoreAsync(Prompt, TestContext.Current.CancellationToken);
        double Of(params int[] ids) =>
            Math.Exp(scorer.LogProbabilities(new ScoredText(Prompt, ids), TestContext.Current.CancellationToken).Sum());
        var (first, second) = (Of(5, 6) + Of(7), Of(8));
        Assert.Equal(first / (first + second), found[0], 1e-6);
        Assert.Equal(1, found.Sum(), 1e-12);
    }

    private static ContrastiveModel Pair(float positive, float negative, bool logProbs = false) => new(
        [
            new ContrastTerm(new ScriptedModel(3, _ => Positive).After(0), positive),
            new ContrastTerm(new ScriptedModel(3, _ => Negative).After(0), negative),
        ],
        logProbs);

    private static void Close(double[] expected, double[] found)
    {
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], found[i], 1e-6);
    }
}
