using Coppice.Kernels.Numerics;

namespace Coppice.Kernels.Tests.Reference;

/// <summary>Groups of quantised weights and of rounded activations in double precision.</summary>
/// <remarks>
/// Which codes are chosen is the production codec's affair, which has tests of its own; what codes stand for is computed here.
/// </remarks>
internal static class Quantized
{
    /// <summary>Replaces the weights of a group by those that its codes stand for.</summary>
    public static void Round(Span<double> group, MatrixFormat format)
    {
        Span<float> weights = stackalloc float[group.Length];
        for (var i = 0; i < group.Length; i++) weights[i] = (float)group[i];
        if (format == MatrixFormat.Q8)
        {
            Span<sbyte> signed = stackalloc sbyte[group.Length];
            double scale = QuantizedGroup.EncodeQ8(weights, signed);
            for (var i = 0; i < group.Length; i++) group[i] = scale * signed[i];
            return;
        }
        Span<byte> codes = stackalloc byte[group.Length];
        var (step, minimum) = QuantizedGroup.EncodeQ4(weights, codes);
        for (var i = 0; i < group.Length; i++) group[i] = (double)step * codes[i] + minimum;
    }

    /// <summary>
    /// Activations rounded for each group of 32: scale · q with scale = max |x| / 127 and q = round(x · (127 / max |x|)), both factors F32.
    /// </summary>
    public static double[] Activations(ReadOnlySpan<float> row)
    {
        var rounded = new double[row.Length];
        for (var g = 0; g < row.Length; g += 32)
        {
            var group = row[g..Math.Min(g + 32, row.Length)];
            var largest = 0f;
            foreach (var x in group) largest = Math.Max(largest, Math.Abs(x));
            if (largest == 0) continue;
            for (var i = 0; i < group.Length; i++)
                rounded[g + i] = (double)(largest / 127f) * MathF.Round(group[i] * (127f / largest), MidpointRounding.ToEven);
        }
        return rounded;
    }
}
