namespace Coppice.Kernels.Numerics;

/// <summary>32 consecutive weights of one output as codes: w = scale · q + minimum, scale and minimum F16.</summary>
/// <remarks>
/// Q8: minimum = 0, scale = max |w| / 127, q = round(w / scale). Q4: scale and minimum begin as (max - min) / 15 and min and are then
/// fitted to the codes by least
/// squares while that lessens Σ (w - ŵ)²; q in 0 … 15. The scale is rounded to F16 before codes are chosen, so that they suit the number
/// that is stored.
/// </remarks>
internal static class QuantizedGroup
{
    /// <summary>Weights of a group.</summary>
    internal const int Size = 32;
    private const int Fits = 4;

    /// <summary>Codes of <paramref name="weights"/>, at most 32; returns the scale.</summary>
    /// <exception cref="ArgumentException">A weight is not finite or beyond 127 · 65504.</exception>
    internal static float EncodeQ8(ReadOnlySpan<float> weights, Span<sbyte> codes)
    {
        var largest = 0f;
        foreach (var w in weights) largest = MathF.Max(largest, MathF.Abs(w));
        var scale = Round(largest / 127f);
        RequireFinite(scale);
        for (var i = 0; i < weights.Length; i++)
            codes[i] = scale == 0f ? (sbyte)0 : (sbyte)Math.Clamp((int)MathF.Round(weights[i] / scale), -127, 127);
        return scale;
    }

    /// <summary>Codes of <paramref name="weights"/>, at most 32; returns scale and minimum.</summary>
    /// <exception cref="ArgumentException">A weight is not finite or the group spans more than F16 can.</exception>
    internal static (float Scale, float Minimum) EncodeQ4(ReadOnlySpan<float> weights, Span<byte> codes)
    {
        var (low, high) = (float.PositiveInfinity, float.NegativeInfinity);
        foreach (var w in weights) (low, high) = (MathF.Min(low, w), MathF.Max(high, w));
        Span<byte> tried = stackalloc byte[Size];
        var (scale, minimum) = (Round((high - low) / 15f), Round(low));
        RequireFinite(scale + minimum);
        var error = Choose(weights, scale, minimum, codes);
        for (var fit = 0; fit < Fits && error > 0; fit++)
        {
            var (nextScale, nextMinimum) = LeastSquares(weights, codes);
            if (!float.IsFinite(nextScale + nextMinimum)) break;
            var next = Choose(weights, nextScale, nextMinimum, tried);
            if (next >= error) break;
            tried[..weights.Length].CopyTo(codes);
            (scale, minimum, error) = (nextScale, nextMinimum, next);
        }
        return (scale, minimum);
    }

    /// <summary>The nearest codes; Σ (w - ŵ)².</summary>
    private static float Choose(ReadOnlySpan<float> weights, float scale, float minimum, Span<byte> codes)
    {
        var error = 0f;
        var inverse = scale == 0f ? 0f : 1f / scale;
        for (var i = 0; i < weights.Length; i++)
        {
            var code = (byte)Math.Clamp((int)MathF.Round((weights[i] - minimum) * inverse), 0, 15);
            codes[i] = code;
            var miss = weights[i] - MathF.FusedMultiplyAdd(code, scale, minimum);
            error += miss * miss;
        }
        return error;
    }

    /// <summary>Scale and minimum with the least Σ (w - scale · q - minimum)², rounded to F16.</summary>
    private static (float Scale, float Minimum) LeastSquares(ReadOnlySpan<float> weights, ReadOnlySpan<byte> codes)
    {
        var (n, q, qq, w, qw) = ((float)weights.Length, 0f, 0f, 0f, 0f);
        for (var i = 0; i < weights.Length; i++)
        {
            q += codes[i];
            qq += codes[i] * codes[i];
            w += weights[i];
            qw += codes[i] * weights[i];
        }
        var determinant = n * qq - q * q;
        if (determinant <= 0f) return (float.NaN, float.NaN);
        var scale = Round((n * qw - q * w) / determinant);
        return (scale, Round((w - scale * q) / n));
    }

    private static float Round(float value) => (float)(Half)value;

    private static void RequireFinite(float value)
    {
        if (!float.IsFinite(value))
            throw new ArgumentException(
                "weight: a group of quantised weights must be finite and its scale at most 65504, got another (load as F32 or BF16).");
    }
}
