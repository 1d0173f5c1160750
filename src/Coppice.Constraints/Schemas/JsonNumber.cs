using System.Globalization;
using System.Numerics;

namespace Coppice.Constraints.Schemas;

/// <summary>A number exactly as JSON writes it: <see cref="Mantissa"/> times ten to the power <see cref="Exponent"/>, without trailing zeros, so equal numbers are equal.</summary>
internal readonly record struct JsonNumber : IComparable<JsonNumber>
{
    private const int GreatestExponent = 1_000_000;

    public JsonNumber(BigInteger mantissa, int exponent)
    {
        if (mantissa.IsZero) exponent = 0;
        else
            while (exponent < GreatestExponent)
            {
                var quotient = BigInteger.DivRem(mantissa, 10, out var digit);
                if (!digit.IsZero) break;
                mantissa = quotient;
                exponent++;
            }
        Mantissa = mantissa;
        Exponent = exponent;
    }

    public BigInteger Mantissa { get; }

    public int Exponent { get; }

    public static JsonNumber Zero => default;

    /// <summary>Whether it has no fraction, however it is written.</summary>
    public bool IsInteger => Exponent >= 0;

    /// <summary>Decimal digits before the point; 0 or less for numbers below one.</summary>
    public int Magnitude => Mantissa.IsZero ? 0 : DigitCount(Mantissa) + Exponent;

    /// <summary>Reads what the JSON grammar allows. Exponents beyond a million count as a million.</summary>
    public static JsonNumber Parse(ReadOnlySpan<char> text)
    {
        var e = text.IndexOfAny('e', 'E');
        var exponent = 0;
        if (e >= 0)
        {
            var digits = text[(e + 1)..];
            var negative = digits.Length > 0 && digits[0] == '-';
            digits = digits.TrimStart("+-").TrimStart('0');
            exponent = digits.Length == 0 ? 0 : digits.Length > 7 ? GreatestExponent : Math.Min(int.Parse(digits, CultureInfo.InvariantCulture), GreatestExponent);
            if (negative) exponent = -exponent;
            text = text[..e];
        }
        var dot = text.IndexOf('.');
        if (dot < 0) return new JsonNumber(BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture), exponent);
        var whole = string.Concat(text[..dot], text[(dot + 1)..]);
        return new JsonNumber(BigInteger.Parse(whole, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture), exponent - (text.Length - dot - 1));
    }

    public int CompareTo(JsonNumber other)
    {
        if (Mantissa.Sign != other.Mantissa.Sign) return Mantissa.Sign.CompareTo(other.Mantissa.Sign);
        if (Mantissa.IsZero) return 0;
        // Numbers of different size are told apart without writing out their powers of ten.
        if (Magnitude != other.Magnitude) return Magnitude.CompareTo(other.Magnitude) * Mantissa.Sign;
        var (a, b, _) = Aligned(this, other);
        return a.CompareTo(b);
    }

    /// <summary>Whether it is a whole number of times <paramref name="divisor"/>, which is above zero.</summary>
    public bool IsMultipleOf(JsonNumber divisor)
    {
        if (Mantissa.IsZero) return true;
        if (divisor.Mantissa.IsZero) return false;
        var shift = Exponent - divisor.Exponent;
        if (shift >= 0) return (Mantissa % divisor.Mantissa * BigInteger.ModPow(10, shift, divisor.Mantissa) % divisor.Mantissa).IsZero;
        // The mantissa has no trailing zero, so a power of ten as large as its digits cannot divide it.
        return -shift <= DigitCount(Mantissa) && (Mantissa % (divisor.Mantissa * BigInteger.Pow(10, -shift))).IsZero;
    }

    /// <summary>The least multiple of <paramref name="step"/> that is at least this number, or more than it where <paramref name="above"/>.</summary>
    public JsonNumber NextMultiple(JsonNumber step, bool above)
    {
        var (value, size, exponent) = Aligned(this, step);
        var quotient = BigInteger.DivRem(value, size, out var rest);
        if (rest.Sign > 0 || (rest.IsZero && above)) quotient++;
        return new JsonNumber(quotient * size, exponent);
    }

    /// <summary>The sum.</summary>
    public JsonNumber Plus(JsonNumber other)
    {
        var (a, b, exponent) = Aligned(this, other);
        return new JsonNumber(a + b, exponent);
    }

    /// <summary>Half of it.</summary>
    public JsonNumber Half() => new(Mantissa * 5, Exponent - 1);

    /// <summary>The number with its sign turned.</summary>
    public JsonNumber Negated() => new(-Mantissa, Exponent);

    /// <summary>The least common multiple of two numbers above zero.</summary>
    public static JsonNumber CommonMultiple(JsonNumber left, JsonNumber right)
    {
        var (a, b, exponent) = Aligned(left, right);
        return new JsonNumber(a / BigInteger.GreatestCommonDivisor(a, b) * b, exponent);
    }

    /// <summary>The shortest text without an exponent where that is short, else with one.</summary>
    public override string ToString()
    {
        var digits = BigInteger.Abs(Mantissa).ToString(CultureInfo.InvariantCulture);
        var sign = Mantissa.Sign < 0 ? "-" : "";
        if (Exponent is >= 0 and <= 20) return $"{sign}{digits}{new string('0', Mantissa.IsZero ? 0 : Exponent)}";
        if (Exponent is < 0 and >= -40)
        {
            if (digits.Length <= -Exponent) digits = digits.PadLeft(-Exponent + 1, '0');
            return $"{sign}{digits[..^-Exponent]}.{digits[^-Exponent..]}";
        }
        return string.Create(CultureInfo.InvariantCulture, $"{sign}{digits}e{Exponent}");
    }

    private static (BigInteger A, BigInteger B, int Exponent) Aligned(JsonNumber a, JsonNumber b)
    {
        var exponent = Math.Min(a.Exponent, b.Exponent);
        return (a.Mantissa * BigInteger.Pow(10, Math.Min(a.Exponent - exponent, 20_000)), b.Mantissa * BigInteger.Pow(10, Math.Min(b.Exponent - exponent, 20_000)), exponent);
    }

    private static int DigitCount(BigInteger value)
    {
        value = BigInteger.Abs(value);
        if (value < 1_000_000_000_000_000) return ((long)value).ToString(CultureInfo.InvariantCulture).Length;
        var estimate = (int)BigInteger.Log10(value);
        var power = BigInteger.Pow(10, estimate);
        return value < power ? estimate : value >= power * 10 ? estimate + 2 : estimate + 1;
    }
}
