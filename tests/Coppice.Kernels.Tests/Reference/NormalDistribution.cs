namespace Coppice.Kernels.Tests.Reference;

/// <summary>The error function to the last digits of a double.</summary>
internal static class NormalDistribution
{
    /// <summary>
    /// erf(x): below 3 by 2/√π e^(-x²) Σ 2ⁿ x^(2n+1) / (2n+1)!!, whose terms have one sign; above by the continued fraction of erfc.
    /// </summary>
    /// <remarks>Source: Abramowitz and Stegun, 7.1.6 and 7.1.14.</remarks>
    public static double ErrorFunction(double x)
    {
        var a = Math.Abs(x);
        if (a > 6) return Math.Sign(x);
        return Math.Sign(x) * (a < 3 ? Series(a) : 1 - Complement(a));
    }

    /// <summary>Φ(x) = (1 + erf(x / √2)) / 2, without cancellation for negative x.</summary>
    public static double Cumulative(double x)
    {
        var z = x / Math.Sqrt(2);
        return z < -3 ? Complement(-z) / 2 : (1 + ErrorFunction(z)) / 2;
    }

    private static double Series(double x)
    {
        var (term, sum) = (x, x);
        for (var n = 1; term > 1e-18 * sum; n++)
        {
            term *= 2 * x * x / (2 * n + 1);
            sum += term;
        }
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }

    private static double Complement(double x)
    {
        var tail = x;
        for (var n = 60; n >= 1; n--) tail = x + n / 2.0 / tail;
        return Math.Exp(-x * x) / (Math.Sqrt(Math.PI) * tail);
    }
}
