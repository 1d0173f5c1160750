using Coppice.Cli.Measuring;
using CsCheck;
using Xunit;

namespace Coppice.Tests.CommandLine;

/// <summary>Percentiles by nearest rank.</summary>
public sealed class PercentileTests
{
    [Theory]
    [InlineData(0.5, 3)]        // rank 3 of 5
    [InlineData(0.99, 5)]
    [InlineData(0.2, 1)]
    [InlineData(0.21, 2)]
    [InlineData(1, 5)]
    public void Five_values_by_hand(double share, double expected) => Assert.Equal(expected, Percentile.Of([4, 1, 5, 3, 2], share));

    [Theory]
    [InlineData(100, 0.99, 99)]
    [InlineData(100, 0.07, 7)]      // 0.07 · 100 is above 7 in binary
    [InlineData(101, 0.99, 100)]
    [InlineData(1, 0.5, 1)]
    [InlineData(2, 0.5, 1)]
    public void Numbers_from_one_on(int count, double share, double expected) =>
        Assert.Equal(expected, Percentile.Of([.. Enumerable.Range(1, count).Select(i => (double)i)], share));

    /// <summary>The definition itself, in whole numbers: a sample that enough samples do not exceed, and no smaller one will do.</summary>
    [Fact]
    public void It_is_the_smallest_sample_that_enough_do_not_exceed() =>
        Gen.Select(Gen.Int[-5, 5].Array[1, 60], Gen.Int[1, 100]).Sample((values, percent) =>
        {
            double[] samples = [.. values.Select(value => (double)value)];
            var found = Percentile.Of(samples, percent / 100.0);
            bool Enough(double limit) => 100 * samples.Count(sample => sample <= limit) >= percent * samples.Length;
            return samples.Contains(found) && Enough(found) && samples.Where(sample => sample < found).All(sample => !Enough(sample));
        });

    [Fact]
    public void What_has_no_percentile_is_refused()
    {
        Assert.Throws<ArgumentException>(() => Percentile.Of([], 0.5));
        foreach (var share in (double[])[0, -0.1, 1.01, double.NaN])
            Assert.Throws<ArgumentOutOfRangeException>(() => Percentile.Of([1], share));
    }
}
