using System.Globalization;
using System.Numerics;
using System.Text;
using Coppice.Text.Unicode;

namespace Coppice.Text.Templates;

/// <summary>Python's numbers: comparison across types, repr() of floats, exact decimal rounding, and reading from text.</summary>
internal static class Numbers
{
    private static readonly double ExactIntegers = Math.Pow(2, 53);

    /// <summary>The order of two numbers (bool, int or float), or null where one is not a number.</summary>
    public static int? Compare(object left, object right)
    {
        if (left is double a && right is double b) return double.IsNaN(a) || double.IsNaN(b) ? null : a.CompareTo(b);
        if (left is double real) return -CompareMixed(right, real);
        if (right is double other) return CompareMixed(left, other);
        Facts.IsInteger(left, out var leftInteger);
        Facts.IsInteger(right, out var rightInteger);
        return leftInteger.CompareTo(rightInteger);
    }

    private static int? CompareMixed(object integer, double real)
    {
        Facts.IsInteger(integer, out var value);
        if (double.IsNaN(real)) return null;
        if (double.IsInfinity(real)) return real > 0 ? -1 : 1;
        var floor = Math.Floor(real);
        var order = value.CompareTo(new BigInteger(floor));
        return order != 0 || floor == real ? order : -1;
    }

    /// <summary>Equal numbers have equal hashes, whatever their types.</summary>
    public static int Hash(object number) => number switch
    {
        double real when Math.Floor(real) == real && !double.IsInfinity(real) => new BigInteger(real).GetHashCode(),
        double real => real.GetHashCode(),
        _ => Facts.IsInteger(number, out var integer) ? integer.GetHashCode() : 0,
    };

    /// <summary>Python's repr() of a float: the shortest digits that read back the same; an exponent below 1e-4 and from 1e16.</summary>
    public static string Represent(double value)
    {
        if (double.IsNaN(value)) return "nan";
        if (double.IsInfinity(value)) return value > 0 ? "inf" : "-inf";
        var (sign, digits, exponent) = ShortestDigits(value);
        string text;
        if (exponent is < -4 or >= 16)
        {
            var fraction = digits.Length > 1 ? "." + digits[1..] : "";
            text = $"{digits[0]}{fraction}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
        }
        else if (exponent < 0) text = "0." + new string('0', -exponent - 1) + digits;
        else if (digits.Length <= exponent + 1) text = digits + new string('0', exponent + 1 - digits.Length) + ".0";
        else text = digits[..(exponent + 1)] + "." + digits[(exponent + 1)..];
        return sign + text;
    }

    /// <summary>Sign, shortest digits and decimal exponent of the first digit.</summary>
    private static (string Sign, string Digits, int Exponent) ShortestDigits(double value)
    {
        var parts = Math.Abs(value).ToString("R", CultureInfo.InvariantCulture).Split('E');
        var point = parts[0].IndexOf('.');
        var whole = point < 0 ? parts[0].Length : point;
        var all = parts[0].Replace(".", "");
        var digits = all.TrimStart('0');
        var exponent = whole - 1 - (all.Length - digits.Length);
        if (parts.Length > 1) exponent += int.Parse(parts[1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        digits = digits.TrimEnd('0');
        return digits.Length == 0 ? (double.IsNegative(value) ? "-" : "", "0", 0) : (double.IsNegative(value) ? "-" : "", digits, exponent);
    }

    /// <summary>The magnitude of a finite value times 10^<paramref name="decimals"/>, rounded half to even, exactly.</summary>
    public static BigInteger Scale(double value, int decimals)
    {
        var bits = BitConverter.DoubleToInt64Bits(value);
        var exponent = (int)((bits >> 52) & 0x7FF);
        var mantissa = new BigInteger(bits & 0xFFFFFFFFFFFFF) + (exponent == 0 ? 0 : BigInteger.One << 52);
        var power = Math.Max(exponent, 1) - 1075;
        var numerator = mantissa * BigInteger.Pow(10, Math.Max(decimals, 0)) << Math.Max(power, 0);
        var denominator = BigInteger.Pow(10, Math.Max(-decimals, 0)) << Math.Max(-power, 0);
        var quotient = BigInteger.DivRem(numerator, denominator, out var rest);
        var order = (rest * 2).CompareTo(denominator);
        return order > 0 || (order == 0 && !quotient.IsEven) ? quotient + 1 : quotient;
    }

    /// <summary>Python's int(text, radix), or null where the text is no such number.</summary>
    public static BigInteger? ReadInteger(string text, int radix)
    {
        var digits = PythonCharacters.Strip(text);
        var negative = digits.StartsWith('-');
        if (negative || digits.StartsWith('+')) digits = digits[1..];
        if (digits.Length > 1 && digits[0] == '0')
        {
            var prefix = AsciiCase.ToLower(digits[1]) switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 0 };
            if (prefix != 0 && (radix == prefix || radix == 0))
            {
                digits = digits[2..].StartsWith('_') ? digits[3..] : digits[2..];
                radix = prefix;
            }
            else if (radix == 0 && digits.Trim('0', '_').Length > 0) return null;
        }
        if (radix == 0) radix = 10;
        if (digits.Length is 0 or > 4300 || digits.StartsWith('_') || digits.EndsWith('_') || digits.Contains("__")) return null;
        var value = BigInteger.Zero;
        for (var i = 0; i < digits.Length; i += CodePoints.Width(digits, i))
        {
            if (digits[i] == '_') continue;
            var digit = CharUnicodeInfo.GetDecimalDigitValue(digits, i);
            if (digit < 0 && char.IsAsciiLetter(digits[i])) digit = AsciiCase.ToLower(digits[i]) - 'a' + 10;
            if (digit < 0 || digit >= radix) return null;
            value = value * radix + digit;
        }
        return negative ? -value : value;
    }

    /// <summary>Python's float(text), or null where the text is no number.</summary>
    public static double? ReadReal(string text)
    {
        var plain = new StringBuilder();
        foreach (var c in PythonCharacters.Strip(text))
        {
            var digit = CharUnicodeInfo.GetDecimalDigitValue(c);
            plain.Append(digit >= 0 ? (char)('0' + digit) : c);
        }
        var number = plain.ToString();
        for (var i = 0; i < number.Length; i++)
            if (number[i] == '_' && (i == 0 || i + 1 == number.Length || !char.IsAsciiDigit(number[i - 1])
                || !char.IsAsciiDigit(number[i + 1]))) return null;
        number = number.Replace("_", "");
        var special = AsciiCase.ToLower(number.TrimStart('+', '-'));
        if (number.Length - special.Length <= 1 && special is "inf" or "infinity" or "nan")
            return special == "nan" ? double.NaN : number.StartsWith('-') ? double.NegativeInfinity : double.PositiveInfinity;
        const NumberStyles Style = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        if (number.Any(c => !char.IsAscii(c) || char.IsWhiteSpace(c))) return null;
        return double.TryParse(number, Style, CultureInfo.InvariantCulture, out var value) ? value : null;
    }

    /// <summary>The nearest float, ties to even (the conversion of <see cref="BigInteger"/> cuts off), or an infinity.</summary>
    public static double Round(BigInteger value)
    {
        var magnitude = BigInteger.Abs(value);
        var shift = (int)Math.Min(magnitude.GetBitLength() - 60, int.MaxValue);
        if (shift <= 0) return (long)value;
        var top = (ulong)(magnitude >> shift);
        // One bit stands for all that was cut off, so that it can break a tie but not make one.
        if (!(magnitude & ((BigInteger.One << shift) - 1)).IsZero) top |= 1;
        return Math.CopySign(Math.ScaleB((double)top, shift), value.Sign);
    }

    /// <summary>Whether every int of this size is a float exactly.</summary>
    public static bool IsExact(BigInteger value) => BigInteger.Abs(value) <= new BigInteger(ExactIntegers);
}
