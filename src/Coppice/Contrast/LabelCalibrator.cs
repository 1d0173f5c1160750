namespace Coppice;

/// <summary>How probabilities of labels are made up for what a model answers without having seen anything.</summary>
public enum CalibrationMode
{
    /// <summary>q ∝ p / p₀, of labels that are answered without content with the probabilities p₀.</summary>
    Diagonal,
    /// <summary>q ∝ max(p - p₀, 0).</summary>
    Identity,
}

/// <summary>Takes from the probabilities of labels what a model prefers without content.</summary>
/// <remarks>Source: Zhao et al., Calibrate Before Use, section 5; Zhang et al., Debiasing Multimodal Large Language Models, section 3.1.
/// </remarks>
public sealed class LabelCalibrator
{
    /// <summary>Added before p₀ is inverted.</summary>
    public const double Smoothing = 1e-4;

    private readonly double[] _free;
    private readonly CalibrationMode _mode;
    private readonly double _smoothing;

    private LabelCalibrator(double[] free, CalibrationMode mode, double smoothing) => (_free, _mode, _smoothing) = (free, mode, smoothing);

    /// <summary>Averages the probabilities of labels for inputs without content ("N/A", "", "[MASK]").</summary>
    /// <param name="contentFree">At least one row [labels], each at least 0 and not all 0; rows are normalised first.</param>
    /// <param name="mode">How they are taken from others.</param>
    /// <param name="smoothing">Added to p₀ before it is inverted, at least 0.</param>
    /// <exception cref="ArgumentException">There is no row, or rows differ in length or are no probabilities.</exception>
    public static LabelCalibrator Fit(
        IReadOnlyList<IReadOnlyList<double>> contentFree, CalibrationMode mode = CalibrationMode.Diagonal, double smoothing = Smoothing)
    {
        ArgumentNullException.ThrowIfNull(contentFree);
        ArgumentOutOfRangeException.ThrowIfNegative(smoothing);
        if (contentFree.Count == 0)
            throw new ArgumentException("calibration: at least one row must be there, got none.", nameof(contentFree));
        var free = new double[contentFree[0].Count];
        foreach (var row in contentFree)
        {
            if (row.Count != free.Length)
                throw new ArgumentException($"calibration: each row must have {free.Length} labels, got {row.Count}.", nameof(contentFree));
            var p = Normalized([.. row]);
            for (var i = 0; i < free.Length; i++) free[i] += p[i] / contentFree.Count;
        }
        return new LabelCalibrator(free, mode, smoothing);
    }

    /// <summary>The probabilities of labels without what the model prefers by itself.</summary>
    /// <param name="probabilities">[labels]; normalised first.</param>
    /// <exception cref="ArgumentException">Their number is not that of the labels, or they are no probabilities.</exception>
    public double[] Calibrate(IReadOnlyList<double> probabilities)
    {
        ArgumentNullException.ThrowIfNull(probabilities);
        if (probabilities.Count != _free.Length)
            throw new ArgumentException(
                $"calibration: {_free.Length} labels must be there, got {probabilities.Count}.", nameof(probabilities));
        var p = Normalized([.. probabilities]);
        double[] q = _mode == CalibrationMode.Diagonal
            ? [.. p.Select((value, i) => value / (_free[i] + _smoothing))]
            : [.. p.Select((value, i) => Math.Max(value - _free[i], 0))];
        // Where nothing is left of them, the input has said nothing.
        return q.Sum() > 0 ? Normalized(q) : p;
    }

    private static double[] Normalized(double[] row)
    {
        var sum = row.Sum();
        if (!(sum > 0) || !double.IsFinite(sum) || row.Any(value => !(value >= 0)))
            throw new ArgumentException($"calibration: probabilities must be at least 0 and not all 0, got {string.Join(", ", row)}.");
        return [.. row.Select(value => value / sum)];
    }
}
