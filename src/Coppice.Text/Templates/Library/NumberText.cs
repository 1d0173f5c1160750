using System.Globalization;
using System.Numerics;
using Coppice.Text.Unicode;

namespace Coppice.Text.Templates;

/// <summary>Numbers as Python's format codes write them: f, e, g and the integer radixes, without sign or padding.</summary>
internal static class NumberText
{
    /// <summary>The largest precision that a format may ask for.</summary>
    public const int MaxPrecision = 1_000;

    /// <summary>The magnitude of a float in the code f, F, e, E, g, G or %.</summary>
    public static string Real(double value, char code, int precision, bool alternate)
    {
        if (precision > MaxPrecision) throw TemplateException.Limit($"a precision must be at most {MaxPrecision}, found {precision}");
        var magnitude = Math.Abs(value);
        if (!double.IsFinite(value))
        {
            var name = double.IsNaN(value) ? "nan" : "inf";
            return char.IsAsciiLetterUpper(code) ? AsciiCase.ToUpper(name) : code == '%' ? name + "%" : name;
        }
        var text = AsciiCase.ToLower(code) switch
        {
            'f' => Fixed(magnitude, precision, alternate),
            '%' => Fixed(magnitude * 100, precision, alternate) + "%",
            'e' => Exponential(magnitude, precision, alternate),
            _ => General(magnitude, Math.Max(precision, 1), alternate),
        };
        return char.IsAsciiLetterUpper(code) ? AsciiCase.ToUpper(text) : text;
    }

    /// <summary>Digits with a fixed number of decimals.</summary>
    public static string Fixed(double magnitude, int decimals, bool alternate)
    {
        var digits = Numbers.Scale(magnitude, decimals).ToString(CultureInfo.InvariantCulture).PadLeft(decimals + 1, '0');
        return decimals == 0 ? digits + (alternate ? "." : "") : digits[..^decimals] + "." + digits[^decimals..];
    }

    private static string Exponential(double magnitude, int decimals, bool alternate)
    {
        var (digits, exponent) = Significant(magnitude, decimals + 1);
        var fraction = decimals > 0 ? "." + digits[1..] : alternate ? "." : "";
        return $"{digits[0]}{fraction}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
    }

    private static string General(double magnitude, int precision, bool alternate)
    {
        var (digits, exponent) = Significant(magnitude, precision);
        if (!alternate) digits = digits[0] + digits[1..].TrimEnd('0');
        if (exponent < -4 || exponent >= precision)
        {
            var fraction = digits.Length > 1 ? "." + digits[1..] : alternate ? "." : "";
            return $"{digits[0]}{fraction}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
        }
        if (exponent < 0) return "0." + new string('0', -exponent - 1) + digits;
        if (digits.Length <= exponent + 1) return digits + new string('0', exponent + 1 - digits.Length) + (alternate ? "." : "");
        return digits[..(exponent + 1)] + "." + digits[(exponent + 1)..];
    }

    /// <summary>A number of significant digits, rounded exactly, and the exponent of the first.</summary>
    private static (string Digits, int Exponent) Significant(double magnitude, int count)
    {
        if (magnitude == 0) return (new string('0', count), 0);
        var exponent = (int)Math.Floor(Math.Log10(magnitude));
        while (true)
        {
            var digits = Numbers.Scale(magnitude, count - 1 - exponent).ToString(CultureInfo.InvariantCulture);
            if (digits.Length == count) return (digits, exponent);
            // The logarithm was off by one, or rounding went up to the next power of ten.
            exponent += digits.Length > count ? 1 : -1;
        }
    }

    /// <summary>The magnitude of an int in the code d, x, X, o or b, with its prefix where <paramref name="alternate"/>.</summary>
    public static string Integer(BigInteger value, char code, bool alternate)
    {
        var magnitude = BigInteger.Abs(value);
        if (code is 'd' or 'n' or 'i' or 'u') return Representation.Integer(magnitude);
        var text = code switch
        {
            'x' or 'X' => magnitude.ToString("x", CultureInfo.InvariantCulture).TrimStart('0'),
            'o' => Octal(magnitude),
            _ => magnitude.ToString("b", CultureInfo.InvariantCulture).TrimStart('0'),
        };
        if (text.Length == 0) text = "0";
        if (alternate) text = "0" + AsciiCase.ToLower(code) + text;
        return code == 'X' ? AsciiCase.ToUpper(text) : text;
    }

    private static string Octal(BigInteger magnitude)
    {
        var digits = new Stack<char>();
        for (; !magnitude.IsZero; magnitude >>= 3) digits.Push((char)('0' + (int)(magnitude & 7)));
        return string.Concat(digits);
    }

    /// <summary>Separators between groups of digits of the whole part.</summary>
    public static string Group(string number, char separator, int size)
    {
        var prefixed = number.Length > 1 && number[0] == '0' && number[1] is 'x' or 'X' or 'b' or 'o';
        var start = prefixed ? 2 : 0;
        var stop = start;
        while (stop < number.Length && char.IsAsciiHexDigit(number[stop]) && (start == 2 || char.IsAsciiDigit(number[stop]))) stop++;
        for (var at = stop - size; at > start; at -= size) number = number.Insert(at, separator.ToString());
        return number;
    }
}
