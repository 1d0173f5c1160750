using System.Numerics;

namespace Coppice.Text.Templates;

/// <summary>The filters that work on numbers.</summary>
internal static class NumberFilters
{
    public static object? Absolute(Renderer renderer, object? value, Arguments arguments)
    {
        arguments.Bind("abs", 0);
        if (Facts.IsInteger(value, out var integer)) return BigInteger.Abs(integer);
        return value is double real ? Math.Abs(real)
            : throw TemplateException.Other($"bad operand type for abs(): '{Facts.TypeName(value)}'");
    }

    public static object? ToInteger(Renderer renderer, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("int", 0, "default", "base");
        var otherwise = bound.Or(0, BigInteger.Zero);
        if (value is Undefined undefined) throw undefined.Error();
        if (Facts.IsInteger(value, out var integer)) return integer;
        if (value is double real)
        {
            if (double.IsInfinity(real)) throw TemplateException.Other("cannot convert float infinity to integer");
            return double.IsNaN(real) ? otherwise : new BigInteger(real);
        }
        if (!Facts.IsText(value, out var text)) return otherwise;
        renderer.Budget.SpendOnText(text.Length);
        var radix = bound.Integer(1, 10);
        if (radix is 0 or (>= 2 and <= 36) && Numbers.ReadInteger(text, radix) is { } whole) return whole;
        return Numbers.ReadReal(text) is { } number && double.IsFinite(number) ? new BigInteger(number) : otherwise;
    }

    public static object? ToReal(Renderer renderer, object? value, Arguments arguments)
    {
        var otherwise = arguments.Bind("float", 0, "default").Or(0, 0.0);
        if (value is Undefined undefined) throw undefined.Error();
        if (Facts.IsText(value, out var text))
        {
            renderer.Budget.SpendOnText(text.Length);
            return Numbers.ReadReal(text) is { } read ? read : otherwise;
        }
        return Facts.IsNumber(value, out var real) ? real : otherwise;
    }

    /// <summary>Rounds half to even on the exact value; an int stays one.</summary>
    public static object? Round(Renderer renderer, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("round", 0, "precision", "method");
        var method = bound.Text(1, "common");
        if (method is not ("common" or "ceil" or "floor")) throw TemplateException.Other("method must be common, ceil or floor");
        if (!Facts.IsNumber(value, out var real))
            throw TemplateException.Other($"type {Facts.TypeName(value)} doesn't define __round__ method");
        var precision = bound.Integer(0);
        if (method == "common")
        {
            if (Facts.IsInteger(value, out var integer))
                return precision >= 0 ? integer : RoundInteger(integer, -precision, renderer.Budget);
            return RoundReal(real, precision);
        }
        if (Math.Abs(precision) > 300) throw TemplateException.Limit("a precision must lie within -300 and 300");
        var scaled = renderer.Arithmetic.Apply("*", value, renderer.Arithmetic.Apply("**", (BigInteger)10, (BigInteger)precision));
        Facts.IsNumber(scaled, out var product);
        if (!double.IsFinite(product)) throw TemplateException.Other("cannot convert float infinity or NaN to integer");
        var whole = scaled is BigInteger exact ? exact : new BigInteger(method == "ceil" ? Math.Ceiling(product) : Math.Floor(product));
        return renderer.Arithmetic.Apply("/", whole, renderer.Arithmetic.Apply("**", (BigInteger)10, (BigInteger)precision));
    }

    private static BigInteger RoundInteger(BigInteger value, int digits, Budget budget)
    {
        if (digits > 5_000) return BigInteger.Zero;
        budget.CheckIntegerBits(digits * 4L);
        var unit = BigInteger.Pow(10, digits);
        var quotient = BigInteger.DivRem(BigInteger.Abs(value), unit, out var rest);
        var order = (rest * 2).CompareTo(unit);
        if (order > 0 || (order == 0 && !quotient.IsEven)) quotient++;
        return quotient * unit * value.Sign;
    }

    private static double RoundReal(double value, int precision)
    {
        if (!double.IsFinite(value) || precision > 323 || value == 0) return value;
        if (precision < -308) return Math.CopySign(0, value);
        var scaled = Numbers.Scale(value, precision).ToString(System.Globalization.CultureInfo.InvariantCulture);
        var decimals = FormattableString.Invariant($"{scaled}e{-precision}");
        var rounded = double.Parse(decimals, System.Globalization.CultureInfo.InvariantCulture);
        if (double.IsInfinity(rounded)) throw TemplateException.Other("rounded value too large to represent");
        return Math.CopySign(rounded, value);
    }

    public static object? Sum(Renderer renderer, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("sum", 0, "attribute", "start");
        var path = bound.IsGiven(0) ? AttributePath.Of(bound[0]) : AttributePath.Whole;
        var total = bound.Or(1, BigInteger.Zero);
        if (total is string or Markup) throw TemplateException.Other("sum() can't sum strings [use ''.join(seq) instead]");
        foreach (var element in Facts.Elements(value)) total = renderer.Arithmetic.Apply("+", total, path.Get(element));
        return total;
    }

    public static object? FileSize(Renderer renderer, object? value, Arguments arguments)
    {
        var binary = arguments.Bind("filesizeformat", 0, "binary").IsTrue(0);
        if (value is Undefined undefined) throw undefined.Error();
        var size = Facts.IsText(value, out var text)
            ? Numbers.ReadReal(text) ?? throw TemplateException.Other($"could not convert string to float: '{text}'")
            : Facts.IsNumber(value, out var number) ? number
            : throw TemplateException.Other($"float() argument must be a string or a real number, not '{Facts.TypeName(value)}'");
        double unit = binary ? 1024 : 1000;
        if (size == 1) return "1 Byte";
        if (size < unit) return FormattableString.Invariant($"{new BigInteger(size)} Bytes");
        var prefix = 0;
        while (prefix < 7 && size >= Math.Pow(unit, prefix + 2)) prefix++;
        var amount = NumberText.Real(unit * size / Math.Pow(unit, prefix + 2), 'f', 1, false);
        return $"{amount} {(binary ? "KMGTPEZY"[prefix] + "iB" : "kMGTPEZY"[prefix] + "B")}";
    }
}
