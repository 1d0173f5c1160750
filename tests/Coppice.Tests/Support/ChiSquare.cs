using Xunit;

namespace Coppice.Tests.Support;

/// <summary>Pearson's test of whether counts come from a law.</summary>
internal static class ChiSquare
{
    private const double LeastExpected = 5;

    /// <summary>
    /// How many standard deviations the statistic lies above its mean, by Wilson and Hilferty's cube root; cells with small expectations
    /// count as one.
    /// </summary>
    public static double Deviation(IReadOnlyDictionary<string, double> law, IReadOnlyDictionary<string, int> counts)
    {
        Assert.Empty(counts.Keys.Except(law.Keys));
        var total = counts.Values.Sum();
        var (statistic, cells, smallExpected, smallCount) = (0.0, 0, 0.0, 0);
        foreach (var (key, probability) in law)
        {
            var (expected, count) = (probability * total, counts.GetValueOrDefault(key));
            if (expected < LeastExpected)
            {
                smallExpected += expected;
                smallCount += count;
                continue;
            }
            statistic += (count - expected) * (count - expected) / expected;
            cells++;
        }
        if (smallExpected >= LeastExpected)
        {
            statistic += (smallCount - smallExpected) * (smallCount - smallExpected) / smallExpected;
            cells++;
        }
        var freedom = cells - 1.0;
        Assert.True(freedom >= 1, "a test needs two cells");
        var spread = 2 / (9 * freedom);
        return (Math.Cbrt(statistic / freedom) - (1 - spread)) / Math.Sqrt(spread);
    }

    /// <summary>Fails where chance alone would do so once in about 30,000 times.</summary>
    public static void AssertFits(IReadOnlyDictionary<string, double> law, IReadOnlyDictionary<string, int> counts)
    {
        var deviation = Deviation(law, counts);
        Assert.True(deviation < 4, $"counts lie {deviation:f1} standard deviations from the law");
    }
}
