namespace Coppice.Cli.Measuring;

/// <summary>Percentiles of samples by nearest rank: always one of the samples, never a value between two of them.</summary>
internal static class Percentile
{
    /// <summary>The smallest of <paramref name="values"/> that at least a share <paramref name="share"/> of them does not exceed.</summary>
    /// <param name="values">At least one; order does not matter.</param>
    /// <param name="share">Above 0, at most 1: 0.5 for p50, 0.99 for p99.</param>
    /// <exception cref="ArgumentException">There is no value, or the share is out of its range.</exception>
    public static double Of(IReadOnlyCollection<double> values, double share)
    {
        if (values.Count == 0) throw new ArgumentException("percentile: must have at least one sample, found none.", nameof(values));
        if (!(share > 0 && share <= 1))
            throw new ArgumentOutOfRangeException(nameof(share), share, "percentile: must be above 0 and at most 1.");
        // In whole thousandths, because 0.07 · 100 is more than 7 in binary.
        var rank = (int)Math.Ceiling(Math.Round(share * values.Count, 9));
        return values.Order().ElementAt(Math.Max(rank, 1) - 1);
    }
}
