namespace Coppice.Decoding.Sampling;

/// <summary>The Gumbel distribution, whose largest of several draws at the logarithms of weights says which of them is drawn.</summary>
internal static class Gumbel
{
    /// <summary>A draw at a location, truncated at a bound: -ln(exp(-bound) - ln(1 - u) · exp(-location)).</summary>
    /// <param name="location">Logarithm of the weight.</param>
    /// <param name="bound">The draw is below it.</param>
    /// <param name="uniform">The random number, in [0, 1).</param>
    public static double Truncated(double location, double bound, double uniform)
    {
        var (a, b) = (-bound, Math.Log(-Math.Log(1 - uniform)) - location);
        var (large, small) = (Math.Max(a, b), Math.Min(a, b));
        return -(large + Math.Log(1 + Math.Exp(small - large)));
    }
}
