namespace Coppice.Bench;

/// <summary>Percentiles by nearest rank: a value that was measured, never a mean of two.</summary>
internal static class Percentiles
{
    /// <summary>The value below or at which half of them lie; NaN of none.</summary>
    public static double Median(IEnumerable<double> values) => Percentile(values, 50);

    /// <summary>The value below or at which <paramref name="percent"/> of a hundred of them lie; NaN of none.</summary>
    public static double Percentile(IEnumerable<double> values, double percent)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0
            ? double.NaN : sorted[Math.Clamp((int)Math.Ceiling(percent / 100 * sorted.Length) - 1, 0, sorted.Length - 1)];
    }
}
