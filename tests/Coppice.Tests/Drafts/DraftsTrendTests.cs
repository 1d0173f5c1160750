using Coppice.Cache;
using Coppice.Decoding.Strategies;
using Coppice.Decoding.Verification;
using Coppice.Execution;
using Coppice.Models;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Drafts;

/// <summary>What superposed decoding rests on, with trained models: S14, S16.</summary>
public sealed class DraftsTrendTests
{
    private const int Steps = 10, Prefix = 15;

    /// <summary>
    /// S14: the state of a mixture is near the mixture of the states of its drafts, each run alone; the published figure is a cosine of at
    /// least 0.6 for ten steps. The means by step are written as a diagnostic message.
    /// </summary>
    [Theory, InlineData(.06), InlineData(1)]
    public void The_state_of_a_mixture_is_near_the_mixture_of_states(double temperature)
    {
        var folder = SharedData.Require("models/smollm2-135m-instruct");
        using var model = LanguageModel.Load(folder, new ModelOptions { Device = "cpu", ContextLength = 64 });
        var text = model.Tokenizer!.Encode(File.ReadAllText(Path.Combine(SharedData.Require("golden/text"), "novel.txt"))[..6000]);
        var (sums, mixed) = (new double[Steps], new int[Steps]);
        for (var start = 0; start < 8 * 120; start += 120)
        {
            var prompt = text[start..(start + Prefix)];
            var rules = new SuperposedRules { Count = 3, Candidates = 9, Temperature = temperature, Stop = new StopRule(Steps + 1, []) };
            var search = new SuperposedSearch(rules, null, prompt);
            using var cache = model.Runner.NewCache(64);
            Choose(search, State(model, cache, prompt, null, out _));
            for (var step = 0; step < Steps; step++)
            {
                var (mixture, weights) = (search.Mixture(), search.Weights());
                var expected = new double[model.Spec.HiddenSize];
                for (var i = 0; i < weights.Length; i++)
                {
                    using var alone = model.Runner.NewCache(64);
                    State(model, alone, [.. prompt, .. search.Alive[i].Tokens], null, out var own);
                    for (var k = 0; k < expected.Length; k++) expected[k] += weights[i] * own[k];
                }
                var next = State(model, cache, [mixture.Ids[0]], [mixture], out var state);
                sums[step] += Cosine(state, expected);
                mixed[step]++;
                Choose(search, next);
            }
        }
        var means = sums.Zip(mixed, (sum, count) => sum / count).ToArray();
        TestContext.Current.SendDiagnosticMessage($"tau {temperature}: {string.Join(' ', means.Select(mean => mean.ToString("f3")))}");
        Assert.All(means, mean => Assert.InRange(mean, .6, 1.0000001));
    }

    /// <summary>S16: n-grams of the text that a model was trained on make its drafts more probable.</summary>
    [Fact]
    public async Task N_grams_lower_the_mean_perplexity_of_drafts()
    {
        using var model = LanguageModel.Load(Path.Combine(SharedData.Repository, "weights", "tiny"), new ModelOptions { Device = "cpu" });
        using var session = model.NewSession();
        using var scorer = new Scorer(model);
        var held = File.ReadAllText(Path.Combine(SharedData.Repository, "weights", "tiny", "held_out.txt"));
        // Each prompt is framed as a text of its own: without the token that begins one the model is lost.
        var (frame, text) = (model.Tokenizer!.Encode(""), model.Tokenizer.Encode(held, addSpecialTokens: false));
        var losses = new Dictionary<DraftsMode, double> { [DraftsMode.None] = 0, [DraftsMode.Geometric] = 0 };
        var prompts = 0;
        for (var start = 0; start + Prefix < text.Length; start += 4 * Prefix, prompts++)
        {
            int[] prompt = [.. frame, .. text[start..(start + Prefix)]];
            foreach (var mode in losses.Keys.ToArray())
            {
                var options = new DraftsOptions { Method = DraftsMethod.Superposed, Mode = mode, MinTokens = Steps, MaxTokens = Steps };
                var drafts = (await session.LastDrafts(prompt, options)).Drafts;
                losses[mode] -= drafts.Average(draft =>
                    scorer.LogProbabilities(new ScoredText(prompt, [.. draft.Ids]), TestContext.Current.CancellationToken).Average());
            }
        }
        Assert.InRange(prompts, 30, 100);
        Assert.True(losses[DraftsMode.Geometric] < losses[DraftsMode.None],
            $"nats a token: {losses[DraftsMode.Geometric] / prompts:f3} with n-grams, {losses[DraftsMode.None] / prompts:f3} without");
    }

    /// <summary>One pass: the candidates of the last row, and its state after the final norm.</summary>
    private static (int[] Ids, float[] Logits) State(
        LanguageModel model, KvCache cache, int[] tokens, TokenMixture?[]? mixtures, out float[] state)
    {
        var request = new PassRequest();
        request.Stretch(cache, tokens, nodes: 1, mixtures: mixtures ?? new TokenMixture?[tokens.Length]);
        request.TopCount = 9;
        model.Runner.Run([request]);
        state = new float[model.Spec.HiddenSize];
        request.Output.Final(tokens.Length - 1, 1, state);
        var ids = request.Output.Best(0, 9, out var logits).ToArray();
        cache.Advance(tokens.Length);
        return (ids, logits.ToArray());
    }

    private static void Choose(SuperposedSearch search, (int[] Ids, float[] Logits) row) => search.Step(row.Ids, row.Logits);

    private static double Cosine(float[] one, double[] other)
    {
        var (product, first, second) = (0.0, 0.0, 0.0);
        for (var k = 0; k < one.Length; k++)
            (product, first, second) = (product + one[k] * other[k], first + (double)one[k] * one[k], second + other[k] * other[k]);
        return product / Math.Sqrt(first * second);
    }
}
