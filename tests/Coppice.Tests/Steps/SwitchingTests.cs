using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Steps;

/// <summary>Switching between two models: the policy's golden numbers, both ends of the threshold, and that both hold the text.</summary>
public sealed class SwitchingTests : IDisposable
{
    private static readonly int[] Prompt = TinyModel.Prompt(9);
    private readonly TinyModel _folder = new();
    private readonly TinyModel _small = new(seed: 2);

    public void Dispose()
    {
        _folder.Dispose();
        _small.Dispose();
    }

    [Fact]
    public void Scripted_entropies_switch_where_the_mean_passes_the_threshold()
    {
        var policy = new EntropySwitchPolicy(5, 3, leastStay: 3);
        List<double> entropies = [0, 0, 0, 0, 0];
        List<bool> large = [false, false, false, false, false];
        Assert.False(policy.TakesLarge(entropies, large));
        entropies.Add(9);
        large.Add(false);
        Assert.False(policy.TakesLarge(entropies, large));      // mean 1.8
        entropies.Add(9);
        large.Add(false);
        Assert.True(policy.TakesLarge(entropies, large));       // mean 3.6
        // It stays for three rows however sure it is.
        foreach (var isLarge in (bool[])[true, true])
        {
            entropies.AddRange([0]);
            large.Add(isLarge);
            Assert.True(policy.TakesLarge(entropies, large));
        }
        var always = new EntropySwitchPolicy(5, double.NegativeInfinity, leastStay: 1);
        Assert.False(always.TakesLarge([1, 1, 1, 1], [false, false, false, false]));
    }

    [Fact]
    public async Task Entropy_is_in_bits()
    {
        var seen = new List<double>();
        var policy = new Watching(seen);
        foreach (var p in (double[][])[[.25, .25, .25, .25, 1e-30], [.5, .25, .125, .0625, .0625]])
        {
            using var model = new SwitchingModel(ScriptedModel.Of(p, 0), ScriptedModel.Of(p, 0), policy);
            await model.NextAsync(TestContext.Current.CancellationToken);
            model.Advance([1]);
            await model.NextAsync(TestContext.Current.CancellationToken);
        }
        Assert.Equal(2, seen[0], 1e-6);
        Assert.Equal(1.875, seen[1], 1e-6);
    }

    [Theory]
    [InlineData(0), InlineData(1)]
    public void An_infinite_threshold_is_the_small_model_and_its_opposite_the_large_one(float temperature)
    {
        using var model = _folder.Load();
        using var small = _small.Load();
        using var session = model.NewSession();
        using var alone = small.NewSession();
        var options = new GenerationOptions { MaxTokens = 30, Temperature = temperature, Seed = 5, IgnoreEos = true };
        int[] Switched(double threshold) => session.Ids(Prompt, options with
        {
            Strategy = new SwitchOptions { Model = _small.Folder, Threshold = threshold, Window = 5, LeastStay = 1 },
        });
        var expected = alone.Ids(Prompt, options);
        Assert.Equal(expected, Switched(double.PositiveInfinity));
        var found = Switched(double.NegativeInfinity);
        // The window is full after five rows of the small model; from there on the large one alone writes.
        Assert.Equal(expected[..5], found[..5]);
        Assert.Equal(session.Ids([.. Prompt, .. found[..5]], options with { MaxTokens = 25 }), found[5..]);
    }

    [Fact]
    public async Task After_any_pattern_of_switches_both_models_hold_the_text()
    {
        using var model = _folder.Load();
        using var small = _small.Load();
        var random = new Random(3);
        using var switching = new SwitchingModel(Steps(small, Prompt), Steps(model, Prompt), new Drawn(random));
        var tokens = new List<int>(Prompt);
        for (var i = 0; i < 60; i++)
        {
            var row = (await switching.NextAsync(TestContext.Current.CancellationToken)).ToArray();
            using var fresh = Steps(switching.FromLarge[^1] ? model : small, [.. tokens]);
            Assert.Equal((await fresh.NextAsync(TestContext.Current.CancellationToken)).ToArray(), row);
            tokens.Add(random.Next(96));
            switching.Advance([tokens[^1]]);
        }
        Assert.Contains(true, switching.FromLarge);
        Assert.Contains(false, switching.FromLarge);
    }

    [Fact]
    public async Task A_rollback_over_a_switch_gives_the_same_text_again()
    {
        using var model = _folder.Load();
        using var small = _small.Load();
        using var switching = new SwitchingModel(Steps(small, Prompt), Steps(model, Prompt), new EntropySwitchPolicy(3, 5.2, leastStay: 2));
        async Task<int[]> Write()
        {
            var ids = new List<int>();
            for (var i = 0; i < 25; i++)
            {
                ids.Add(Coppice.Decoding.Sampling.Sampler.ArgMax((await switching.NextAsync(TestContext.Current.CancellationToken)).Span));
                switching.Advance([ids[^1]]);
            }
            return [.. ids];
        }
        var first = await Write();
        var which = switching.FromLarge.ToArray();
        switching.Rollback(Prompt.Length);
        Assert.Equal(first, await Write());
        Assert.Equal(which, switching.FromLarge);
    }

    private static SessionSteps Steps(LanguageModel model, int[] prompt)
    {
        var steps = new SessionSteps(model.NewSession(), model.VocabularySize);
        steps.Advance(prompt);
        return steps;
    }

    private sealed class Watching(List<double> seen) : ISwitchPolicy
    {
        public bool TakesLarge(IReadOnlyList<double> entropies, IReadOnlyList<bool> fromLarge)
        {
            if (entropies.Count > 0) seen.Add(entropies[^1]);
            return false;
        }
    }

    private sealed class Drawn(Random random) : ISwitchPolicy
    {
        public bool TakesLarge(IReadOnlyList<double> entropies, IReadOnlyList<bool> fromLarge) => random.Next(4) == 0;
    }
}
