using Coppice.Decoding.Sampling;
using Coppice.Tests.Support;
using CsCheck;
using Xunit;

namespace Coppice.Tests.Decoding;

/// <summary>Penalties, biases and bans against their formulas in double precision, and rows that are at the edge of float.</summary>
public sealed class PenaltyTests
{
    private const float Infinity = float.PositiveInfinity;

    [Fact]
    public void Frequency_and_presence_are_taken_from_what_was_generated()
    {
        var penalty = Gen.Float[-2, 2];
        Gen.Select(Gen.Float[-20, 20].Array[12], Gen.Int[0, 11].Array[0, 40], Gen.Int[0, 20], penalty, penalty, Gen.Int[0, 10])
            .Sample((z, tokens, prompt, frequency, presence, window) =>
            {
                var generated = tokens.Skip(prompt);
                if (window > 0) generated = generated.TakeLast(window);
                var expected = z.Select((logit, id) =>
                {
                    var count = generated.Count(token => token == id);
                    return count == 0 ? logit : (float)(logit - ((double)frequency * count + presence));
                }).ToArray();
                new FrequencyPenalty(frequency, presence, prompt, window).ApplyToRow(tokens, z);
                Assert.Equal(expected, z);
            }, iter: 2000);
    }

    [Fact]
    public void A_bias_is_added_and_minus_infinity_bans()
    {
        float[] logits = [1, 2, 3, 4];
        new LogitBias(new Dictionary<int, float> { [0] = 100, [2] = -0.5f, [3] = -Infinity }).ApplyToRow([], logits);
        Assert.Equal([101, 2, 2.5f, -Infinity], logits);
    }

    [Fact]
    public void End_tokens_are_banned_until_the_minimum_is_generated()
    {
        var processor = new MinimumTokens(2, promptTokens: 3, [1, 2]);
        foreach (var (length, banned) in ((int, bool)[])[(3, true), (4, true), (5, false), (9, false)])
        {
            float[] logits = [1, 2, 3, 4];
            processor.ApplyToRow(new int[length], logits);
            Assert.Equal(banned ? [1, -Infinity, -Infinity, 4] : [1, 2, 3, 4], logits);
        }
    }

    [Fact]
    public void What_would_overflow_stays_finite_and_what_is_not_finite_stays_as_it_is()
    {
        const float most = float.MaxValue;
        LogitsProcessor[] all =
        [
            new RepetitionPenalty(1e38f), new RepetitionPenalty(1e-38f),
            new FrequencyPenalty(most, most, 0), new FrequencyPenalty(-most, -most, 0),
            new LogitBias(new Dictionary<int, float> { [0] = most, [1] = most, [2] = -most, [3] = -most, [4] = most }),
        ];
        foreach (var processor in all)
        {
            float[] logits = [most, -most, most, -most, -Infinity, Infinity];
            processor.ApplyToRow([0, 0, 1, 1, 2, 3, 4, 5, 5], logits);
            Assert.All(logits[..4], logit => Assert.True(float.IsFinite(logit), $"{processor.GetType().Name} gave {logit}"));
            Assert.Equal([-Infinity, Infinity], logits[4..]);
        }
        float[] certain = [Infinity, 1];
        new LogitBias(new Dictionary<int, float> { [0] = -Infinity }).ApplyToRow([], certain);
        Assert.Equal([-Infinity, 1], certain);
    }

    [Theory]
    [InlineData(1e-38f, 1f, 0f, 0)]
    [InlineData(1e-38f, 0.9f, 0f, 0)]
    [InlineData(1e-38f, 0.1f, 0.5f, 0)]
    [InlineData(1e-45f, 1f, 0.01f, 0)]
    [InlineData(1e-45f, 0.5f, 0f, 3)]
    [InlineData(1e-30f, 0f, 1f, 5)]
    public void A_tiny_temperature_is_greedy(float temperature, float topP, float minP, int topK)
    {
        Gen.Select(Gen.Float[-1e6f, 1e6f].Array[2, 60], Gen.ULong).Sample((z, seed) =>
        {
            var largest = z.Max();
            // Among logits that are as near as the temperature is small the draw is open.
            if (z.Count(logit => (double)largest - logit < 100.0 * temperature) > 1) return;
            var options = new GenerationOptions { Temperature = temperature, TopP = topP, MinP = minP, TopK = topK, Seed = seed };
            Assert.Equal(Array.IndexOf(z, largest), options.CreateSampler().Choose(new int[7], (float[])z.Clone()));
        }, iter: 300);
    }

    [Fact]
    public void Of_equal_largest_logits_a_tiny_temperature_takes_each_as_often()
    {
        var counts = new int[3];
        for (var seed = 0UL; seed < 3000; seed++)
            counts[new GenerationOptions { Temperature = 1e-38f, Seed = seed }.CreateSampler().Choose([0], [-4e37f, -4e37f, -5e37f])]++;
        Assert.Equal(0, counts[2]);
        Assert.InRange(counts[0], 1350, 1650);      // 1500 with a standard deviation of 27
    }

    public static TheoryData<float[], int> Odd => new()
    {
        { [1, Infinity, 2, Infinity], 1 },
        { [-Infinity, -Infinity, 3], 2 },
        { [-Infinity, -Infinity], 0 },
        { [float.NaN, -Infinity, float.NaN], 0 },
        { [float.NaN, -Infinity, 1e30f], 2 },
        { [float.MaxValue, -float.MaxValue, -Infinity], 0 },
    };

    [Theory, MemberData(nameof(Odd), DisableDiscoveryEnumeration = true)]
    public void Rows_without_a_distribution_have_one_choice_with_every_option(float[] row, int expected)
    {
        GenerationOptions[] all =
        [
            new(), new() { Temperature = 1 }, new() { Temperature = 0.5f, TopK = 2 }, new() { Temperature = 2, TopP = 0.5f },
            new() { Temperature = 1e-38f, MinP = 0.1f },
            new() { RepetitionPenalty = 1.5f, FrequencyPenalty = 1, Temperature = 1, TopK = 3, TopP = 0.9f, MinP = 0.1f },
            new() { LogitBias = new Dictionary<int, float> { [0] = 1 }, Temperature = 1 },
        ];
        foreach (var options in all)
        {
            var sampler = options.CreateSampler();
            Assert.Equal(expected, sampler.Choose([], (float[])row.Clone()));
            var weights = new double[row.Length];
            sampler.Weights([], (float[])row.Clone(), weights);
            Assert.Equal(expected, Array.IndexOf(weights, weights.Max()));
            Assert.DoesNotContain(weights, double.IsNaN);
        }
    }

    [Theory, MemberData(nameof(Odd), DisableDiscoveryEnumeration = true)]
    public void Log_probabilities_of_odd_rows_are_never_NaN(float[] row, int chosen)
    {
        var result = LogProbabilities.Of(row, chosen, 3);
        double[] all = [result.Chosen, .. result.Best.Select(best => best.LogProbability)];
        Assert.DoesNotContain(all, double.IsNaN);
        var infinite = row.Count(float.IsPositiveInfinity);
        var largest = row.Where(logit => !float.IsNaN(logit)).DefaultIfEmpty(-Infinity).Max();
        var expected = infinite > 0 ? -Math.Log(infinite) : largest > -Infinity ? 0 : double.NegativeInfinity;
        Assert.Equal(expected, result.Chosen, 1e-12);
    }
}
