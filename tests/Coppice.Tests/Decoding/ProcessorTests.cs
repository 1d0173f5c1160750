using Coppice.Decoding.Sampling;
using Coppice.Tests.Support;
using CsCheck;
using Xunit;

namespace Coppice.Tests.Decoding;

/// <summary>Processors against the constants of llama.cpp's sampling tests and against plain definitions.</summary>
public sealed class ProcessorTests
{
    private static readonly double[] Quarter = [0.1, 0.2, 0.3, 0.4];
    private static readonly double[] Fifth = [0.2, 0.2, 0.2, 0.2, 0.2];

    [Theory]
    [InlineData(1, new[] { 0, 0, 0, 1.0 })]
    [InlineData(3, new[] { 0, 0.22222, 0.33333, 0.44444 })]
    [InlineData(4, new[] { 0.1, 0.2, 0.3, 0.4 })]
    public void Top_k_keeps_the_k_largest(int k, double[] expected) => Check(expected, Probabilities(Quarter, new TopK(k)));

    [Theory]
    [InlineData(0, new[] { 0, 0, 0, 1.0 })]
    [InlineData(0.7, new[] { 0, 0, 0.428571, 0.571429 })]
    [InlineData(0.8, new[] { 0, 0.22222, 0.33333, 0.44444 })]
    [InlineData(1, new[] { 0.1, 0.2, 0.3, 0.4 })]
    public void Top_p_keeps_the_smallest_set_with_that_mass(double p, double[] expected) =>
        Check(expected, Probabilities(Quarter, new TopP(p)));

    [Theory]
    [InlineData(0.24, new[] { 0.1, 0.2, 0.3, 0.4 })]
    [InlineData(0.26, new[] { 0, 0.22222, 0.33333, 0.44444 })]
    [InlineData(0.49, new[] { 0, 0.22222, 0.33333, 0.44444 })]
    [InlineData(0.51, new[] { 0, 0, 0.428571, 0.571429 })]
    [InlineData(0.74, new[] { 0, 0, 0.428571, 0.571429 })]
    [InlineData(0.76, new[] { 0, 0, 0, 1.0 })]
    [InlineData(1.0, new[] { 0, 0, 0, 1.0 })]
    [InlineData(1.05, new[] { 0, 0, 0, 1.0 })]
    public void Min_p_keeps_what_is_near_the_best(double p, double[] expected) => Check(expected, Probabilities(Quarter, new MinP(p)));

    [Theory]
    [InlineData(new[] { 0 }, new[] { 0, 0.25, 0.25, 0.25, 0.25 })]
    [InlineData(new[] { 0, 1, 2 }, new[] { 0, 0, 0, 0.5, 0.5 })]
    [InlineData(new[] { 0, 1, 2, 0, 0 }, new[] { 0, 0, 0, 0.5, 0.5 })]
    public void Repetition_penalty_lowers_what_occurred_once_each(int[] tokens, double[] expected) =>
        Check(expected, Probabilities(Fifth, new RepetitionPenalty(50), tokens));

    [Fact]
    public void Repetition_penalty_divides_positive_logits_multiplies_negative_ones_and_minds_its_window()
    {
        float[] logits = [2, -2, 3, 4];
        new RepetitionPenalty(2, window: 2).ApplyToRow([3, 0, 1, 1], logits);
        Assert.Equal([2, -4, 3, 4], logits);
        new RepetitionPenalty(2, window: 3).ApplyToRow([3, 0, 1, 1], logits);
        Assert.Equal([1, -8, 3, 4], logits);
    }

    [Fact]
    public void Of_equal_logits_the_lower_ids_stay()
    {
        Check([0, 0.5, 0.5, 0, 0], Probabilities([0.1, 0.2, 0.2, 0.2, 0.2], new TopK(2)));
        Check([1.0, 0, 0, 0, 0], Probabilities(Fifth, new TopK(1)));
        Check([0.5, 0.5, 0, 0, 0], Probabilities(Fifth, new TopP(0.35)));
    }

    [Fact]
    public void Processors_equal_sorting_for_random_logits()
    {
        Gen.Select(Gen.Float[-30, 30].Array[1, 60], Gen.Int[1, 60], Gen.Double[0.01, 0.999]).Sample((z, k, p) =>
        {
            for (var i = 2; i < z.Length; i += 3) z[i] = z[i - 1];       // ties
            var order = Enumerable.Range(0, z.Length).OrderByDescending(i => z[i]).ThenBy(i => i).ToArray();
            CheckKept(z, new TopK(k), order.Take(k));
            var weights = order.Select(i => Math.Exp((double)z[i] - z[order[0]])).ToArray();
            var kept = 0;
            for (var mass = 0.0; kept == 0 || (mass < p * weights.Sum() && kept < z.Length); kept++) mass += weights[kept];
            if (Math.Abs(weights.Take(kept).Sum() - p * weights.Sum()) > 1e-12) CheckKept(z, new TopP(p), order.Take(kept));
        }, iter: 2000);
    }

    [Fact]
    public void Rows_with_one_finite_logit_and_rows_without_any_survive_every_processor()
    {
        LogitsProcessor[] all = [new RepetitionPenalty(1.5f), new Temperature(0.5f), new TopK(2), new TopP(0.5), new MinP(0.1)];
        float[] one = [float.NegativeInfinity, 3, float.NegativeInfinity];
        Assert.Equal(1, new Sampler(all, greedy: false, 1).Choose([0, 2], one));
        Assert.Equal(2, new Sampler(all, greedy: false, 1).Choose([0], [float.NaN, float.NaN, 1]));
        Assert.Equal(0, new Sampler(all, greedy: false, 1).Choose([0], [float.NegativeInfinity, float.NegativeInfinity]));
        Assert.Equal(0, new Sampler([], greedy: true, 1).Choose([0], [float.NaN, float.NaN]));
    }

    [Theory]
    [InlineData(40, 1f, 0.5f, 1f, 0f)]
    [InlineData(40, 5f, 0.8f, 0.9f, 0f)]
    [InlineData(3, 5f, 1f, 1f, 0.1f)]
    [InlineData(1, 5f, 0.7f, 1f, 0f)]
    [InlineData(63, 5f, 3f, 0.95f, 0.01f)]
    [InlineData(200, 5f, 3f, 0.95f, 0.01f)]
    public void Sampling_from_the_largest_logits_is_sampling_from_all(int k, float size, float temperature, float topP, float minP)
    {
        var random = new Random(k);
        var decided = 0;
        foreach (var width in new[] { 5, 50, 2000 })
        {
            for (var seed = 0UL; seed < 60; seed++)
            {
                var sampler = new GenerationOptions
                {
                    TopK = k,
                    Temperature = temperature,
                    TopP = topP,
                    MinP = minP,
                    Seed = seed
                }.CreateSampler();
                if (sampler.Candidates == 0) { Assert.Equal(200, k); return; }
                // Every third row has few values, so that the last of the k has equals.
                var row = Enumerable.Range(0, width).Select(_ => seed % 3 == 0 ? random.Next(6) : size * (float)random.NextDouble())
                    .ToArray();
                if (seed % 7 == 0) (row[0], row[^1]) = (float.NaN, float.NegativeInfinity);
                var best = Enumerable.Range(0, width).OrderByDescending(i => float.IsNaN(row[i]) ? float.NegativeInfinity : row[i])
                    .ThenBy(i => i).Take(k + 1).ToArray();
                var largest = best.Select(i => float.IsNaN(row[i]) ? float.NegativeInfinity : row[i]).ToArray();
                var chosen = sampler.Choose(new int[9], best, largest);
                if (chosen is { } token) Assert.Equal(sampler.Choose(new int[9], row), token);
                if (chosen is not null) decided++;
            }
        }
        Assert.InRange(decided, 100, 180);
    }

    [Fact]
    public void Equal_logits_at_the_edge_of_top_k_are_left_to_the_whole_row()
    {
        var sampler = new GenerationOptions { TopK = 2, Temperature = 3 }.CreateSampler();
        var lower = 1f;
        while ((lower - 2) / 3 != (MathF.BitIncrement(lower) - 2) / 3) lower = MathF.BitIncrement(lower);
        Assert.Null(sampler.Choose([0], [7, 3, 5], [2, 1, 1]));
        Assert.Null(sampler.Choose([0], [7, 3, 5], [2, MathF.BitIncrement(lower), lower]));
        Assert.NotNull(sampler.Choose([0], [7, 3, 5], [2, 1.5f, 1]));
    }

    [Fact]
    public void Greedy_takes_the_lowest_id_among_ties() => Assert.Equal(1, new Sampler([], greedy: true, 0).Choose([0], [1, 5, 5, 5]));

    [Fact]
    public void A_draw_inverts_the_cumulative_distribution_over_ascending_ids()
    {
        float[] Logits() => [.. Quarter.Select(p => (float)Math.Log(p))];
        Assert.Equal([0, 0, 1, 1, 2, 2, 3, 3], new[] { 0, 0.0999, 0.1001, 0.2999, 0.3001, 0.5999, 0.6001,
            0.9999 }.Select(u => Sampler.Draw(Logits(), u)));
    }

    [Fact]
    public void Draws_over_positions_have_the_distribution_of_the_logits()
    {
        const int draws = 100_000;
        var counts = new int[4];
        var sampler = new Sampler([], greedy: false, seed: 11);
        var tokens = new int[draws];
        for (var position = 0; position < draws; position++)
            counts[sampler.Choose(tokens.AsSpan(0, position), [.. Quarter.Select(p => (float)Math.Log(p))])]++;
        var chiSquare = counts.Select((c, i) => Math.Pow(c - Quarter[i] * draws, 2) / (Quarter[i] * draws)).Sum();
        Assert.True(chiSquare < 16.27, $"χ² of 3 degrees of freedom is above 16.27 once in a thousand, got {chiSquare}");
    }

    [Fact]
    public void Log_probabilities_are_the_raw_log_softmax()
    {
        var result = LogProbabilities.Of([.. Quarter.Select(p => (float)Math.Log(p) + 5)], chosen: 1, count: 3);
        Assert.Equal(Math.Log(0.2), result.Chosen, 1e-6);
        Assert.Equal([3, 2, 1], result.Best.Select(b => b.TokenId));
        Assert.Equal(Math.Log(0.4), result.Best[0].LogProbability, 1e-6);
        Assert.Equal([0, 1, 2], LogProbabilities.Of([1, 1, 1, 0], 0, 3).Best.Select(b => b.TokenId));
    }

    private static double[] Probabilities(double[] p, LogitsProcessor processor, int[]? tokens = null)
    {
        var logits = p.Select(x => (float)Math.Log(x)).ToArray();
        processor.ApplyToRow(tokens ?? [], logits);
        var weights = logits.Select(z => Math.Exp(z)).ToArray();
        return [.. weights.Select(w => w / weights.Sum())];
    }

    private static void Check(double[] expected, double[] actual)
    {
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-5);
    }

    private static void CheckKept(float[] z, LogitsProcessor processor, IEnumerable<int> kept)
    {
        var logits = (float[])z.Clone();
        processor.ApplyToRow([], logits);
        Assert.Equal(kept.Order(), Enumerable.Range(0, z.Length).Where(i => logits[i] > float.NegativeInfinity));
        Assert.All(Enumerable.Range(0, z.Length).Where(i => logits[i] > float.NegativeInfinity), i => Assert.Equal(z[i], logits[i]));
    }
}
