using System.Runtime.CompilerServices;
using Coppice.Kernels.Simd;

namespace Coppice.Kernels.Numerics;

/// <inheritdoc cref="Activation.Silu"/>
internal readonly struct Silu : IActivation
{
    public static float Invoke(float x) => x / (1f + MathF.Exp(-x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Invoke<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes> =>
        TLanes.Divide(x, TLanes.Add(TLanes.Broadcast(1f), LaneMath.Exp(TLanes.Subtract(TLanes.Zero, x))));
}

/// <inheritdoc cref="Activation.Gelu"/>
internal readonly struct Gelu : IActivation
{
    public static float Invoke(float x) => 0.5f * x * (1f + ErrorFunction.Erf(x * 0.70710678118654752f));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Invoke<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>
    {
        var half = TLanes.Multiply(x, TLanes.Broadcast(0.5f));
        return TLanes.FusedMultiplyAdd(half, LaneMath.Erf(TLanes.Multiply(x, TLanes.Broadcast(0.70710678118654752f))), half);
    }
}

/// <inheritdoc cref="Activation.GeluTanh"/>
internal readonly struct GeluTanh : IActivation
{
    public static float Invoke(float x) => 0.5f * x * (1f + MathF.Tanh(0.79788456080286536f * (x + 0.044715f * x * x * x)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Invoke<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>
    {
        var cube = TLanes.Multiply(TLanes.Multiply(x, x), x);
        var inner = TLanes.Multiply(TLanes.Broadcast(0.79788456080286536f), TLanes.FusedMultiplyAdd(cube, TLanes.Broadcast(0.044715f), x));
        var half = TLanes.Multiply(x, TLanes.Broadcast(0.5f));
        return TLanes.FusedMultiplyAdd(half, LaneMath.Tanh(inner), half);
    }
}

/// <inheritdoc cref="Activation.GeluQuick"/>
internal readonly struct GeluQuick : IActivation
{
    public static float Invoke(float x) => x / (1f + MathF.Exp(-1.702f * x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Invoke<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes> =>
        TLanes.Divide(x, TLanes.Add(TLanes.Broadcast(1f), LaneMath.Exp(TLanes.Multiply(x, TLanes.Broadcast(-1.702f)))));
}

/// <inheritdoc cref="Activation.Relu"/>
internal readonly struct Relu : IActivation
{
    public static float Invoke(float x) => MathF.Max(x, 0f);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Invoke<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes> => TLanes.Max(x, TLanes.Zero);
}

/// <inheritdoc cref="Activation.ReluSquared"/>
internal readonly struct ReluSquared : IActivation
{
    public static float Invoke(float x)
    {
        var y = MathF.Max(x, 0f);
        return y * y;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TLanes Invoke<TLanes>(TLanes x) where TLanes : struct, ILanes<TLanes>
    {
        var y = TLanes.Max(x, TLanes.Zero);
        return TLanes.Multiply(y, y);
    }
}

/// <summary>erf in single precision, with operations that device code has too.</summary>
internal static class ErrorFunction
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
