namespace Coppice.Kernels.Numerics;

/// <inheritdoc cref="Activation.Silu"/>
public readonly struct Silu : IActivation
{
    /// <inheritdoc/>
    public static float Invoke(float x) => x / (1f + MathF.Exp(-x));
}

/// <inheritdoc cref="Activation.Gelu"/>
public readonly struct Gelu : IActivation
{
    /// <inheritdoc/>
    public static float Invoke(float x) => 0.5f * x * (1f + ErrorFunction.Erf(x * 0.70710678118654752f));
}

/// <inheritdoc cref="Activation.GeluTanh"/>
public readonly struct GeluTanh : IActivation
{
    /// <inheritdoc/>
    public static float Invoke(float x) => 0.5f * x * (1f + MathF.Tanh(0.79788456080286536f * (x + 0.044715f * x * x * x)));
}

/// <inheritdoc cref="Activation.GeluQuick"/>
public readonly struct GeluQuick : IActivation
{
    /// <inheritdoc/>
    public static float Invoke(float x) => x / (1f + MathF.Exp(-1.702f * x));
}

/// <inheritdoc cref="Activation.Relu"/>
public readonly struct Relu : IActivation
{
    /// <inheritdoc/>
    public static float Invoke(float x) => MathF.Max(x, 0f);
}

/// <inheritdoc cref="Activation.ReluSquared"/>
public readonly struct ReluSquared : IActivation
{
    /// <inheritdoc/>
    public static float Invoke(float x)
    {
        var y = MathF.Max(x, 0f);
        return y * y;
    }
}

/// <summary>erf in single precision, with operations that device code has too.</summary>
public static class ErrorFunction
{
    /// <summary>erf(x), absolute error below 3e-7.</summary>
    /// <remarks>Below 1 the Maclaurin series 2/√π Σ (-1)ⁿ x^(2n+1) / (n! (2n+1)); above, Abramowitz and Stegun 7.1.26.</remarks>
    public static float Erf(float x)
    {
        var a = MathF.Abs(x);
        if (a < 1f)
        {
            var z = x * x;
            var p = 1f / 685440f - z * (1f / 6894720f);
            p = -1f / 75600f + z * p;
            p = 1f / 9360f + z * p;
            p = -1f / 1320f + z * p;
            p = 1f / 216f + z * p;
            p = -1f / 42f + z * p;
            p = 1f / 10f + z * p;
            p = -1f / 3f + z * p;
            return 1.1283791670955126f * x * (1f + z * p);
        }
        var t = 1f / (1f + 0.3275911f * a);
        var q = ((((1.061405429f * t - 1.453152027f) * t + 1.421413741f) * t - 0.284496736f) * t + 0.254829592f) * t;
        var y = 1f - q * MathF.Exp(-a * a);
        return x < 0 ? -y : y;
    }
}
