using Coppice.Decoding.Sampling;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Decoding;

/// <summary>Mirostat against numbers that were computed apart from it, and its law: surprise comes to its target.</summary>
public sealed class MirostatTests
{
    private static readonly double[] Halves = [0.5, 0.25, 0.125, 0.0625, 0.0625];

    [Theory]
    [InlineData(1.1, 6, 8.0472)]
    [InlineData(1.1, 10, 100.0694)]
    [InlineData(1.05, 6, 7.1658)]
    [InlineData(1.05, 10, 100.4718)]
    [InlineData(1.3, 6, 10.0546)]
    [InlineData(2, 6, 8.0001)]
    [InlineData(2, 10, 32.0005)]
    [InlineData(1, 6, 6.1696)]
    public void Zipfs_law_says_how_many_tokens_have_a_surprise(double exponent, double level, double expected) =>
        Assert.Equal(expected, Mirostat.Width(exponent, level, 32_000), 5e-5);

    [Theory]
    [InlineData(0.7), InlineData(1.0), InlineData(1.1), InlineData(1.3), InlineData(2.0)]
    public void The_exponent_of_a_row_by_zipfs_law_is_found(double exponent)
    {
        foreach (var size in (int[])[101, 5000])
        {
            float[] row = [.. Enumerable.Range(1, size).Select(rank => (float)(-exponent * Math.Log(rank))).Reverse()];
            Assert.Equal(exponent, Mirostat.Exponent(row, 100), 1e-5);
            Assert.Equal(exponent, Mirostat.Exponent(row, 99), 1e-5);
        }
    }

    [Fact]
    public void Heads_without_an_exponent_keep_one_token_or_all()
    {
        Assert.True(double.IsNaN(Mirostat.Exponent([1, float.NegativeInfinity], 100)));
        Assert.Equal(50, Mirostat.Width(Mirostat.Exponent(new float[50], 100), 6, 50));
        Assert.Equal(50, Mirostat.Width(1.2, 2000, 50));
        Assert.Equal(50, Mirostat.Width(-1, 3, 50));
    }

    [Theory]
    [InlineData(SurpriseBasis.Full, new[] { 3.25, 2.5, 2.25, 2.5 })]
    [InlineData(SurpriseBasis.Truncated, new[] { 3.346323, 2.692645, 2.650164, 3.107683 })]
    public void The_level_follows_the_surprise(SurpriseBasis basis, double[] levels)
    {
        var mirostat = new Mirostat(new MirostatOptions { Target = 1.5, Rate = 0.5, Basis = basis });
        var (ranks, kept) = ((int[])[0, 2, 1, 0], (int[])[3, 3, 2, 2]);
        Assert.Equal(3, mirostat.Level);
        for (var step = 0; step < ranks.Length; step++)
        {
            var raw = Halves.Select(p => (float)Math.Log(p)).ToArray();
            var row = (float[])raw.Clone();
            mirostat.ApplyToRow([], row);
            if (basis == SurpriseBasis.Full) Assert.Equal(kept[step], row.Count(logit => logit > float.NegativeInfinity));
            mirostat.Observe(ranks[step], basis == SurpriseBasis.Full ? raw : row);
            Assert.Equal(levels[step], mirostat.Level, 1e-6);
        }
    }

    [Fact]
    public void A_low_level_keeps_one_token()
    {
        var mirostat = new Mirostat(new MirostatOptions { Target = 0.1 });
        Assert.Equal(0.2, mirostat.Level);
        Assert.Equal([0], mirostat.Kept([.. Halves.Select(p => (float)Math.Log(p))]));
    }

    [Fact]
    public void The_level_stays_in_its_bounds()
    {
        var mirostat = new Mirostat(new MirostatOptions { Target = 2, Rate = 5 });
        float[] row = [0, -40];
        for (var i = 0; i < 20; i++) mirostat.Observe(0, row);
        Assert.Equal(24, mirostat.Level);
        for (var i = 0; i < 20; i++) mirostat.Observe(1, row);
        Assert.Equal(0, mirostat.Level);
    }

    [Theory]
    [InlineData(2, SurpriseBasis.Full, 2.5), InlineData(2, SurpriseBasis.Full, 3.2)]
    [InlineData(2, SurpriseBasis.Truncated, 2.5), InlineData(1, SurpriseBasis.Full, 2.5)]
    public void Surprise_comes_to_its_target(int version, SurpriseBasis basis, double target)
    {
        // Rows of Zipf's law whose exponent changes from token to token, as it does in texts.
        const int size = 2000, tokens = 512;
        var random = new Random(3);
        var options = new MirostatOptions { Version = version, Target = target, Basis = basis };
        var sampler = new Sampler([new Mirostat(options)], greedy: false, seed: 9);
        var sum = 0.0;
        for (var position = 0; position < tokens; position++)
        {
            var exponent = 1 + random.NextDouble();
            float[] raw = [.. Enumerable.Range(1, size).Select(rank => (float)(-exponent * Math.Log(rank)))];
            var row = (float[])raw.Clone();
            sampler.Process(new int[position], row);
            var left = (float[])row.Clone();
            var token = sampler.Pick(position, row);
            var watched = basis == SurpriseBasis.Full ? raw : left;
            sum += (LogProbabilities.LogSum(watched) - watched[token]) / Math.Log(2);
            sampler.Mirostat!.Observe(token, watched);
        }
        Assert.Equal(target, sum / tokens, 0.1);
    }
}
