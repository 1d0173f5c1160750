using System.Numerics;

namespace Coppice.Text.Templates;

/// <summary>Python's arithmetic operators.</summary>
internal sealed class Arithmetic(Budget budget, PercentFormat percentFormat)
{
    /// <summary>The value of <paramref name="left"/> <paramref name="symbol"/> <paramref name="right"/>.</summary>
    public object? Apply(string symbol, object? left, object? right)
    {
        budget.Spend();
        if (symbol == "%" && Facts.IsText(left, out _) && left is not Undefined) return percentFormat.Apply(left, right);
        if (left is Undefined undefined) throw undefined.Error();
        if (right is Undefined other) throw other.Error();
        if (Facts.IsInteger(left, out var a) && Facts.IsInteger(right, out var b)) return OnIntegers(symbol, a, b);
        if (left is bool or BigInteger or double && right is bool or BigInteger or double)
        {
            Facts.IsNumber(left, out var x);
            Facts.IsNumber(right, out var y);
            return OnReals(symbol, x, y);
        }
        return OnSequences(symbol, left, right) ?? throw Unsupported(symbol, left, right);
    }

    /// <summary>A sign in front of a value.</summary>
    public static object? Sign(bool negative, object? operand)
    {
        if (operand is Undefined undefined) throw undefined.Error();
        if (operand is double real) return negative ? -real : real;
        if (Facts.IsInteger(operand, out var integer)) return negative ? -integer : integer;
        throw TemplateException.Other($"bad operand type for unary {(negative ? '-' : '+')}: '{Facts.TypeName(operand)}'");
    }

    private static TemplateException Unsupported(string symbol, object? left, object? right)
    {
        if (symbol == "+" && Facts.IsText(left, out _))
            return TemplateException.Other($"can only concatenate str (not \"{Facts.TypeName(right)}\") to str");
        if (symbol == "+" && left is SequenceValue)
            return TemplateException.Other(
                $"can only concatenate {Facts.TypeName(left)} (not \"{Facts.TypeName(right)}\") to {Facts.TypeName(left)}");
        return TemplateException.Other($"unsupported operand type(s) for {symbol}: '{Facts.TypeName(left)}' and '{Facts.TypeName(right)}'");
    }

    private object OnIntegers(string symbol, BigInteger left, BigInteger right)
    {
        switch (symbol)
        {
            case "+": return left + right;
            case "-": return left - right;
            case "*":
                budget.CheckIntegerBits(left.GetBitLength() + right.GetBitLength());
                return left * right;
            case "**": return Power(left, right);
        }
        if (right.IsZero) throw TemplateException.Other(symbol == "/" ? "division by zero" : "integer division or modulo by zero");
        if (symbol == "/") return Divide(left, right);
        var quotient = BigInteger.DivRem(left, right, out var rest);
        // Python rounds down, so that the rest takes the divisor's sign.
        var adjust = !rest.IsZero && rest.Sign != right.Sign;
        return symbol == "//" ? (adjust ? quotient - 1 : quotient) : (adjust ? rest + right : rest);
    }

    private static double Divide(BigInteger left, BigInteger right)
    {
        if (Numbers.IsExact(left) && Numbers.IsExact(right)) return (double)left / (double)right;
        // Enough bits of the quotient for the conversion to round it once; a lost rest must not look like a tie.
        var shift = (int)Math.Max(0, 66 - (left.GetBitLength() - right.GetBitLength()));
        var quotient = BigInteger.DivRem(BigInteger.Abs(left) << shift, BigInteger.Abs(right), out var rest);
        if (!rest.IsZero) quotient |= 1;
        var result = Math.ScaleB(Numbers.Round(quotient), -shift);
        if (double.IsInfinity(result)) throw TemplateException.Other("integer division result too large for a float");
        return left.Sign * right.Sign < 0 ? -result : result;
    }

    private object Power(BigInteger value, BigInteger exponent)
    {
        if (exponent.Sign < 0)
        {
            if (value.IsZero) throw TemplateException.Other("0.0 cannot be raised to a negative power");
            return Math.Pow(Facts.ToReal(value), Facts.ToReal(exponent));
        }
        var power = (int)BigInteger.Min(exponent, int.MaxValue);
        if (BigInteger.Abs(value) > 1) budget.CheckIntegerBits(value.GetBitLength() * power);
        else power = exponent.IsEven ? Math.Min(power, 2) : 1;
        return exponent.IsZero ? BigInteger.One : BigInteger.Pow(value, power);
    }

    private static double OnReals(string symbol, double left, double right)
    {
        switch (symbol)
        {
            case "+": return left + right;
            case "-": return left - right;
            case "*": return left * right;
            case "**":
                if (left == 0 && right < 0) throw TemplateException.Other("0.0 cannot be raised to a negative power");
                if (left < 0 && Math.Floor(right) != right) throw TemplateException.Other("complex numbers are not supported");
                var power = Math.Pow(left, right);
                return double.IsInfinity(power) && double.IsFinite(left) && double.IsFinite(right)
                    ? throw TemplateException.Other("Numerical result out of range") : power;
        }
        if (right == 0)
            throw TemplateException.Other(symbol == "/" ? "float division by zero" : "float floor division or modulo by zero");
        if (symbol == "/") return left / right;
        var rest = left % right;
        if (rest != 0 && rest < 0 != right < 0) rest += right;
        else if (rest == 0) rest = Math.CopySign(0, right);
        if (symbol == "%") return rest;
        var quotient = (left - rest) / right;
        if (quotient == 0) return Math.CopySign(0, left / right);
        var floor = Math.Floor(quotient);
        return quotient - floor > 0.5 ? floor + 1 : floor;
    }

    private object? OnSequences(string symbol, object? left, object? right)
    {
        if (symbol == "+")
        {
            if (Facts.IsText(left, out var a) && Facts.IsText(right, out var b)) return Concatenate(left is Markup, a, right is Markup, b);
            if (left is SequenceValue first && right is SequenceValue second && first is ListValue == second is ListValue)
            {
                budget.SpendOnContainer(first.Items.Length + second.Items.Length);
                object?[] joined = [.. first.Items, .. second.Items];
                return left is ListValue ? new ListValue(joined) : new TupleValue(joined);
            }
            return null;
        }
        if (symbol != "*") return null;
        if (Facts.IsInteger(left, out _)) (left, right) = (right, left);
        if (!Facts.IsInteger(right, out var count)) return null;
        var times = (int)BigInteger.Clamp(count, 0, int.MaxValue);
        if (Facts.IsText(left, out var text))
        {
            budget.SpendOnText((long)text.Length * times);
            return Like(left, text.Length == 0 ? "" : new System.Text.StringBuilder().Insert(0, text, times).ToString());
        }
        if (left is not SequenceValue sequence) return null;
        budget.SpendOnContainer((long)sequence.Items.Length * times);
        var items = sequence.Items.Length == 0 ? [] : Enumerable.Repeat(sequence.Items, times).SelectMany(part => part).ToArray();
        return left is ListValue ? new ListValue(items) : new TupleValue(items);
    }

    private object Concatenate(bool leftMarkup, string left, bool rightMarkup, string right)
    {
        if (leftMarkup && !rightMarkup) right = Markup.Escape(right);
        else if (rightMarkup && !leftMarkup) left = Markup.Escape(left);
        budget.SpendOnText((long)left.Length + right.Length);
        var joined = left + right;
        if (leftMarkup || rightMarkup) return new Markup(joined);
        return joined;
    }

    /// <summary>A text of the same type as <paramref name="model"/>.</summary>
    public static object Like(object? model, string text) => model is Markup ? new Markup(text) : text;
}
