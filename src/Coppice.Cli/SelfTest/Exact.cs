using Coppice.Kernels;
using Coppice.Kernels.Numerics;

namespace Coppice.Cli.SelfTest;

/// <summary>Numbers for the self-test, and what formats make of them, in double precision.</summary>
internal static class Exact
{
    /// <summary>Unit roundoff of F32: one operation is off by at most this times its result.</summary>
    public const double U = 1.0 / (1 << 24);

    /// <summary><paramref name="count"/> numbers in ±<paramref name="size"/> that look random: SplitMix64 of (seed, index).</summary>
    public static float[] Noise(int seed, int count, float size = 1)
    {
        var values = new float[count];
        for (var i = 0; i < count; i++) values[i] = size * ((Bits(seed, i) >> 40) * (2f / (1 << 24)) - 1);
        return values;
    }

    /// <summary><paramref name="count"/> integers from 0 to <paramref name="bound"/> - 1.</summary>
    public static int[] Integers(int seed, int count, int bound)
    {
        var values = new int[count];
        for (var i = 0; i < count; i++) values[i] = (int)(Bits(seed, i) % (ulong)bound);
        return values;
    }

    /// <summary>The nearest number of a storage type, ties to even.</summary>
    public static double Rounded(float value, ElementType type) => type switch
    {
        ElementType.F32 => value,
        ElementType.F16 => Nearest(value, fractionBits: 10, least: -14),
        _ => Nearest(value, fractionBits: 7, least: -126),
    };

    /// <summary>What a matrix holds of <paramref name="values"/> [outputs, inputs].</summary>
    /// <remarks>
    /// Which codes a quantised group gets is the codec's own choice, made on the host for every device; what they stand for is computed
    /// here.
    /// </remarks>
    public static double[] Weights(float[] values, int inputs, MatrixFormat format)
    {
        if (!format.IsQuantized())
        {
            var type = format switch
            {
                MatrixFormat.F32 => ElementType.F32,
                MatrixFormat.F16 => ElementType.F16,
                _ => ElementType.BF16,
            };
            return Array.ConvertAll(values, value => Rounded(value, type));
        }
        var result = new double[values.Length];
        for (var row = 0; row < values.Length; row += inputs)
            for (var k = 0; k < inputs; k += QuantizedGroup.Size)
            {
                var count = Math.Min(QuantizedGroup.Size, inputs - k);
                Group(values.AsSpan(row + k, count), result.AsSpan(row + k, count), format);
            }
        return result;
    }

    /// <summary>What a product reads of <paramref name="x"/> [rows, inputs].</summary>
    public static double[] Activations(float[] x, int inputs, ActivationFormat format) => format switch
    {
        ActivationFormat.BF16 => Array.ConvertAll(x, value => Rounded(value, ElementType.BF16)),
        ActivationFormat.Int8 => Codes(x, inputs),
        _ => Array.ConvertAll(x, value => (double)value),
    };

    /// <summary>f(x) as the enumeration defines it.</summary>
    public static double Activated(Activation activation, double x) => activation switch
    {
        Activation.Silu => x / (1 + Math.Exp(-x)),
        Activation.Gelu => x * Normal(x),
        Activation.GeluTanh => x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))) / 2,
        Activation.GeluQuick => x / (1 + Math.Exp(-1.702 * x)),
        Activation.Relu => Math.Max(x, 0),
        Activation.ReluSquared => Math.Max(x, 0) * Math.Max(x, 0),
        _ => throw new ArgumentOutOfRangeException(nameof(activation), $"selftest: no formula for {activation}."),
    };

    private static double Nearest(double value, int fractionBits, int least)
    {
        if (value == 0) return 0;
        var step = Math.ScaleB(1, Math.Max(Math.ILogB(value), least) - fractionBits);
        return Math.Round(value / step, MidpointRounding.ToEven) * step;
    }

    private static void Group(ReadOnlySpan<float> weights, Span<double> result, MatrixFormat format)
    {
        if (format == MatrixFormat.Q8)
        {
            Span<sbyte> signed = stackalloc sbyte[QuantizedGroup.Size];
            double scale = QuantizedGroup.EncodeQ8(weights, signed);
            for (var i = 0; i < result.Length; i++) result[i] = scale * signed[i];
            return;
        }
        Span<byte> codes = stackalloc byte[QuantizedGroup.Size];
        var (step, minimum) = QuantizedGroup.EncodeQ4(weights, codes);
        for (var i = 0; i < result.Length; i++) result[i] = (double)step * codes[i] + minimum;
    }

    /// <summary>scale · q with scale = max |x| / 127 and q = round(x · (127 / max |x|)), both factors F32.</summary>
    private static double[] Codes(float[] x, int inputs)
    {
        var result = new double[x.Length];
        for (var row = 0; row < x.Length; row += inputs)
            for (var k = 0; k < inputs; k += QuantizedGroup.Size)
            {
                var group = x.AsSpan(row + k, Math.Min(QuantizedGroup.Size, inputs - k));
                var largest = 0f;
                foreach (var value in group) largest = MathF.Max(largest, MathF.Abs(value));
                for (var i = 0; i < group.Length && largest > 0; i++)
                    result[row + k + i] = (double)(largest / 127f) * MathF.Round(group[i] * (127f / largest), MidpointRounding.ToEven);
            }
        return result;
    }

    /// <summary>Φ(x): ½ + φ(x) Σ x^(2n+1) / (1 · 3 · … · (2n+1)), whose terms have one sign.</summary>
    /// <remarks>Source: Abramowitz and Stegun, 26.2.11. Below -6 x Φ(x) is less than any tolerance.</remarks>
    private static double Normal(double x)
    {
        if (x < -6) return 0;
        var (term, sum) = (x, x);
        for (var n = 1; Math.Abs(term) > 1e-17 * Math.Abs(sum); n++) sum += term *= x * x / (2 * n + 1);
        return 0.5 + Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI) * sum;
    }

    private static ulong Bits(int seed, int index)
    {
        var z = unchecked((ulong)seed * 0xd1342543de82ef95 + (ulong)(index + 1) * 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
}
