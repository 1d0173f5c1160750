namespace Coppice.Kernels.Tests.Reference;

/// <summary>A floating-point format of 16 bits, decoded and rounded from its definition: sign, biased exponent, fraction.</summary>
/// <remarks>Sources: IEEE 754-2019, section 3.4 (binary16); bfloat16 is binary32 with 7 fraction bits.</remarks>
internal sealed class SmallFloat(int exponentBits, int fractionBits)
{
    public static readonly SmallFloat Binary16 = new(5, 10);
    public static readonly SmallFloat BFloat16 = new(8, 7);

    private readonly int _bias = (1 << (exponentBits - 1)) - 1;
    private readonly int _exponentMask = (1 << exponentBits) - 1;
    private readonly int _fractionMask = (1 << fractionBits) - 1;

    /// <summary>The value of <paramref name="bits"/>, exactly.</summary>
    public double Decode(ushort bits)
    {
        var sign = bits >> (exponentBits + fractionBits) == 0 ? 1.0 : -1.0;
        var exponent = (bits >> fractionBits) & _exponentMask;
        double fraction = bits & _fractionMask;
        if (exponent == _exponentMask) return fraction == 0 ? sign * double.PositiveInfinity : double.NaN;
        return exponent == 0
            ? sign * fraction * Math.ScaleB(1, 1 - _bias - fractionBits)
            : sign * (1 + fraction * Math.ScaleB(1, -fractionBits)) * Math.ScaleB(1, exponent - _bias);
    }

    /// <summary>The nearest number of the format, ties to even; beyond the largest finite one (plus half a step), infinity.</summary>
    public ushort Encode(double value)
    {
        var sign = double.IsNegative(value) ? 1 << (exponentBits + fractionBits) : 0;
        var infinity = _exponentMask << fractionBits;
        var size = Math.Abs(value);
        if (double.IsNaN(value)) return (ushort)(sign | infinity | 1 << (fractionBits - 1));
        if (size == 0) return (ushort)sign;
        if (double.IsInfinity(size)) return (ushort)(sign | infinity);
        var exponent = Math.Max(Math.ILogB(size), 1 - _bias);
        var steps = (int)Math.Round(size / Math.ScaleB(1, exponent - fractionBits), MidpointRounding.ToEven);
        // Steps of 2^fractionBits and more carry the leading one; a carry into the next power of two is the same addition.
        var bits = ((exponent + _bias - 1) << fractionBits) + steps;
        return (ushort)(sign | Math.Min(bits, infinity));
    }
}
