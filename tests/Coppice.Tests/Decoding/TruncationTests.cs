using Coppice.Decoding.Sampling;
using Coppice.Tests.Support;
using CsCheck;
using Xunit;

namespace Coppice.Tests.Decoding;

/// <summary>
/// What cuts off tokens, and dynamic temperature: the constants of llama.cpp's sampling tests, and definitions computed in double
/// precision.
/// </summary>
public sealed class TruncationTests
{
    private static readonly double[] Quarter = [0.1, 0.2, 0.3, 0.4];

    // Hundredths: what differs does so by more than floats round.
    private static readonly Gen<float> Logit = Gen.Int[-1200, 1200].Select(hundredths => hundredths / 100f);
    private static readonly Gen<float[]> Rows = Logit.Array[2, 60];

    [Theory]
    [InlineData(1, new[] { 0, 0, 0.428571, 0.571429 })]
    [InlineData(3, new[] { 0.1, 0.2, 0.3, 0.4 })]
    public void Top_n_sigma_keeps_what_is_near_the_largest_logit(double n, double[] expected) =>
        Check(expected, new TopNSigma(n).Probabilities(Quarter));

    [Theory]
    [InlineData(new[] { 0.97, 0.01, 0.01, 0.01 }, new[] { 1.0, 0, 0, 0 })]
    [InlineData(new[] { 0.4, 0.2, 0.2, 0.2 }, new[] { 0, 0.333333, 0.333333, 0.333333 })]
    public void Typical_keeps_what_is_as_surprising_as_expected(double[] p, double[] expected) =>
        Check(expected, new TypicalP(0.5).Probabilities(p));

    [Theory]
    [InlineData(0.09, new[] { 0, 0, 0, 1.0 })]
    [InlineData(0.19, new[] { 0, 0, 0.666667, 0.333333 })]
    [InlineData(0.29, new[] { 0, 0.5, 0.333333, 0.166667 })]
    [InlineData(0.39, new[] { 0.4, 0.3, 0.2, 0.1 })]
    public void Xtc_leaves_the_least_of_the_probable(double threshold, double[] expected)
    {
        Assert.True(Philox.Uniform(1, RandomStream.Xtc, 0) <= 0.99, "seed 1 must let it act");
        Check(expected, new Xtc(0.99, threshold, seed: 1).Probabilities([0.4, 0.3, 0.2, 0.1]));
    }

    [Fact]
    public void P_less_keeps_what_is_as_probable_as_two_equal_draws() =>
        Check([0, 0, 0, 0.454545, 0.545455], new PLess().Probabilities([0.1, 0.15, 0.2, 0.25, 0.3]));

    [Fact]
    public void Greedy_is_certain()
    {
        var weights = new double[4];
        new GenerationOptions().CreateSampler().Weights([], [.. Quarter.Select(p => (float)Math.Log(p))], weights);
        Assert.Equal([0, 0, 0, 1], weights);
    }

    [Fact]
    public void Xtc_acts_as_often_as_it_should_and_never_on_one_token()
    {
        var acted = 0;
        for (var position = 0; position < 10_000; position++)
        {
            var logits = new[] { MathF.Log(0.6f), MathF.Log(0.4f) };
            new Xtc(0.3, 0.1, seed: 5).ApplyToRow(new int[position], logits);
            if (float.IsNegativeInfinity(logits[0])) acted++;
        }
        Assert.InRange(acted, 2800, 3200);      // 3000 with a standard deviation of 46
        float[] alone = [float.NegativeInfinity, 3, float.NegativeInfinity];
        Assert.Equal([1], new Xtc(1, 0.1, seed: 5).Kept(alone));
        Assert.Equal([0, 1, 2], new Xtc(1, 0.51, seed: 5).Kept([0, 5, 0]));
        Assert.Equal([0, 1], new Xtc(1, 0.1, seed: 5, least: 2).Kept([1, 1]));
    }

    [Fact]
    public void Epsilon_equals_its_definition() =>
        Gen.Select(Rows, Gen.Double[0.001, 0.5]).Sample((z, epsilon) =>
        {
            var p = Softmax(z);
            if (p.Any(x => Near(x, epsilon))) return;
            CheckKept(z, new EpsilonCutoff(epsilon), p.Select(x => x >= epsilon), p);
        }, iter: 2000);

    [Fact]
    public void Eta_equals_its_definition() =>
        Gen.Select(Rows, Gen.Double[0.001, 0.5]).Sample((z, epsilon) =>
        {
            var p = Softmax(z);
            var least = Math.Min(epsilon, Math.Sqrt(epsilon) * Math.Exp(-Entropy(p)));
            if (p.Any(x => Near(x, least))) return;
            CheckKept(z, new EtaCutoff(epsilon), p.Select(x => x >= least), p);
        }, iter: 2000);

    [Fact]
    public void P_less_equals_its_definition() =>
        Rows.Sample(z =>
        {
            var p = Softmax(z);
            var least = p.Sum(x => x * x);
            if (p.Any(x => Near(x, least))) return;
            CheckKept(z, new PLess(), p.Select(x => x >= least), p);
        }, iter: 2000);

    [Fact]
    public void Top_n_sigma_equals_its_definition_at_every_temperature() =>
        Gen.Select(Rows, Gen.Double[0.1, 3], Gen.Float[0.2f, 4]).Sample((z, n, temperature) =>
        {
            var mean = z.Average(x => (double)x);
            var least = z.Max() - n * Math.Sqrt(z.Average(x => (x - mean) * (x - mean)));
            if (z.Any(x => Near(Math.Exp(x), Math.Exp(least)))) return;
            var expected = z.Select((x, i) => (x, i)).Where(item => item.x >= least).Select(item => item.i);
            Assert.Equal(expected, new TopNSigma(n).Kept(z));
            var tempered = (float[])z.Clone();
            new Temperature(temperature).ApplyToRow([], tempered);
            Assert.Equal(expected, new TopNSigma(n).Kept(tempered));
        }, iter: 2000);

    [Fact]
    public void Typical_equals_its_definition() =>
        Gen.Select(Rows, Gen.Double[0.01, 0.99]).Sample((z, p) =>
        {
            var (probabilities, entropy) = (Softmax(z), Entropy(Softmax(z)));
            var distances = probabilities.Select(x => Math.Abs(-Math.Log(x) - entropy)).ToArray();
            var order = Enumerable.Range(0, z.Length).OrderBy(i => distances[i]).ToArray();
            var (mass, kept) = (0.0, 0);
            while (kept < order.Length && mass <= p) mass += probabilities[order[kept++]];
            // Where floats decide, either is right.
            if (Near(mass, p) || Near(mass - probabilities[order[kept - 1]], p)) return;
            if (order.Zip(order.Skip(1)).Any(pair => distances[pair.Second] - distances[pair.First] < 1e-5)) return;
            Assert.Equal(order.Take(kept).Order(), new TypicalP(p).Kept(z));
        }, iter: 2000);

    [Fact]
    public void Everything_that_cuts_off_leaves_the_least_that_it_must() =>
        Gen.Select(Logit.Array[8, 60], Gen.Int[1, 7]).Sample((z, least) =>
        {
            if (z.Distinct().Count() < z.Length) return;
            var largest = Enumerable.Range(0, z.Length).OrderByDescending(i => z[i]).Take(least).Order().ToArray();
            LogitsProcessor[] all =
            [
                new TopP(0, least), new MinP(1, least), new TopNSigma(1e-9, least), new EpsilonCutoff(0.999, least), new TopK(least),
            ];
            foreach (var processor in all) Assert.Equal(largest, processor.Kept(z));
            LogitsProcessor[] atLeast = [new PLess(least), new EtaCutoff(0.9, least), new TypicalP(0, least), new Xtc(1, 0.01, 3, least)];
            foreach (var processor in atLeast) Assert.True(processor.Kept(z).Length >= least, processor.GetType().Name);
            Assert.Equal(least, new TypicalP(0, least).Kept(z).Length);
        }, iter: 500);

    [Theory]
    [InlineData(0.5f, 1f, 1f)]
    [InlineData(1f, 1f, 2f)]
    [InlineData(0.8f, 0.3f, 0.5f)]
    public void Dynamic_temperature_equals_its_definition(float temperature, float range, float exponent) =>
        Rows.Sample(z =>
        {
            var p = Softmax(z);
            var (least, most) = (Math.Max(temperature - range, 0), temperature + (double)range);
            var expected = least + (most - least) * Math.Pow(Entropy(p) / Math.Log(z.Length), exponent);
            var options = new GenerationOptions
            {
                Temperature = temperature,
                DynamicTemperatureRange = range,
                DynamicTemperatureExponent = exponent,
            };
            if (expected < 1e-3) return;
            var logits = (float[])z.Clone();
            options.CreateSampler().Process([], logits);
            for (var i = 0; i < z.Length; i++) Assert.Equal((z[i] - z.Max()) / expected, logits[i], 1e-3 * (1 + Math.Abs(logits[i])));
        }, iter: 1000);

    /// <summary>The mask law and the law that something stays, for every processor.</summary>
    [Fact]
    public void Nothing_raises_a_banned_token_and_nothing_takes_the_last_one()
    {
        LogitsProcessor[] all =
        [
            new RepetitionPenalty(0.5f), new FrequencyPenalty(-3, -3, 0), new LogitBias(new Dictionary<int, float> { [0] = 50, [3] = 50 }),
            new DryPenalty(1, 1.75f, 1, 0, DryBreakers.None), new Temperature(0.3f), new DynamicTemperature(0, 2, 1), new TopK(2),
            new TopP(0), new MinP(1), new TypicalP(0), new TopNSigma(0.01), new EpsilonCutoff(0.99), new EtaCutoff(0.99), new PLess(),
            new Xtc(1, 0.01, 3), new Mirostat(new MirostatOptions { Target = 0 }),
            new Mirostat(new MirostatOptions { Version = 1, Target = 0 }),
        ];
        var text = Gen.Int[0, 5].Array[0, 12];
        Gen.Select(Logit.Array[6], Gen.Int[0, 62], text).Sample((z, banned, tokens) =>
        {
            for (var id = 0; id < z.Length; id++) z[id] = (banned >> id & 1) != 0 ? float.NegativeInfinity : z[id];
            foreach (var processor in all)
            {
                var logits = (float[])z.Clone();
                processor.ApplyToRow(tokens, logits);
                Assert.Contains(logits, logit => logit > float.NegativeInfinity);
                for (var id = 0; id < z.Length; id++)
                    Assert.True(logits[id] == float.NegativeInfinity || z[id] > float.NegativeInfinity, processor.GetType().Name);
            }
        }, iter: 3000);
    }

    [Fact]
    public void Odd_rows_survive_everything()
    {
        const float none = float.NegativeInfinity;
        LogitsProcessor[] all =
        [
            new TopNSigma(0.5), new TypicalP(0.5), new EpsilonCutoff(0.5), new EtaCutoff(0.5), new PLess(), new Xtc(1, 0.1, 3),
            new DynamicTemperature(0, 2, 1), new DryPenalty(1, 1.75f, 1, 0, DryBreakers.None),
            new Mirostat(new MirostatOptions()), new Mirostat(new MirostatOptions { Version = 1 }),
        ];
        foreach (var processor in all)
        {
            Assert.Equal([1], processor.Kept([none, 3, none]));
            Assert.Empty(processor.Kept([none, none, none]));
            Assert.Contains(1, processor.Kept([none, float.PositiveInfinity, 3]));
            Assert.NotEmpty(processor.Kept([2, 2, 2, 2, 2, 2, 2, 2, 2]));
            Assert.NotEmpty(processor.Kept([float.MaxValue, -float.MaxValue, 0]));
        }
    }

    private static double[] Softmax(float[] z)
    {
        var weights = z.Select(x => Math.Exp((double)x - z.Max())).ToArray();
        return [.. weights.Select(w => w / weights.Sum())];
    }

    private static double Entropy(double[] p) => -p.Sum(x => x * Math.Log(x));

    private static bool Near(double a, double b) => Math.Abs(a - b) < 1e-6 * b + 1e-12;

    private static void CheckKept(float[] z, LogitsProcessor processor, IEnumerable<bool> kept, double[] p)
    {
        var expected = kept.Select((isKept, i) => (isKept, i)).Where(item => item.isKept).Select(item => item.i).ToArray();
        if (expected.Length == 0) expected = [Array.IndexOf(p, p.Max())];
        Assert.Equal(expected, processor.Kept(z));
    }

    private static void Check(double[] expected, double[] actual)
    {
        for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], actual[i], 1e-5);
    }
}
