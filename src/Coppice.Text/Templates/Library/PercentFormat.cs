using System.Numerics;
using System.Text;

namespace Coppice.Text.Templates;

/// <summary>Python's text % values.</summary>
internal sealed class PercentFormat(Budget budget, Representation representation)
{
    /// <summary>One conversion: what stands between % and its letter.</summary>
    private record struct Conversion(string Flags, int Width, int? Precision, char Code)
    {
        public readonly bool Has(char flag) => Flags.Contains(flag);
    }

    /// <summary>The text with its conversions filled in; Markup escapes what comes in.</summary>
    public object Apply(object? format, object? values)
    {
        Facts.IsText(format, out var text);
        var source = new Values(values);
        var result = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '%')
            {
                result.Append(text[i]);
                continue;
            }
            i++;
            var keyed = i < text.Length && text[i] == '(';
            var value = keyed ? source.Named(ReadKey(text, ref i)) : Missing.Value;
            var conversion = ReadConversion(text, ref i, source);
            if (conversion.Code == '%') result.Append('%');
            else result.Append(Convert(conversion, keyed ? value : source.Next(), format is Markup));
            budget.SpendOnText(conversion.Width);
            budget.CheckText(result.Length);
        }
        source.CheckAllUsed();
        budget.SpendOnText(result.Length);
        return Arithmetic.Like(format, result.ToString());
    }

    private static string ReadKey(string text, ref int i)
    {
        var start = ++i;
        for (var depth = 1; depth > 0; i++)
        {
            if (i >= text.Length) throw TemplateException.Other("incomplete format key");
            depth += text[i] switch { '(' => 1, ')' => -1, _ => 0 };
        }
        return text[start..(i - 1)];
    }

    private static Conversion ReadConversion(string text, ref int i, Values source)
    {
        var start = i;
        while (i < text.Length && "-+ #0".Contains(text[i])) i++;
        var flags = text[start..i];
        var width = ReadCount(text, ref i, source) ?? 0;
        if (width < 0) (flags, width) = (flags + "-", -width);
        int? precision = null;
        if (i < text.Length && text[i] == '.')
        {
            i++;
            precision = Math.Max(ReadCount(text, ref i, source) ?? 0, 0);
        }
        while (i < text.Length && text[i] is 'h' or 'l' or 'L') i++;
        if (i >= text.Length) throw TemplateException.Other("incomplete format");
        return new Conversion(flags, width, precision, text[i]);
    }

    private static int? ReadCount(string text, ref int i, Values source)
    {
        if (i < text.Length && text[i] == '*')
        {
            i++;
            return Math.Max(Facts.ToIndex(source.Next(), "*"), -int.MaxValue);
        }
        var start = i;
        while (i < text.Length && char.IsAsciiDigit(text[i])) i++;
        if (i == start) return null;
        return int.TryParse(text.AsSpan(start, i - start), out var count) ? count : throw TemplateException.Other("width too big");
    }

    private string Convert(Conversion conversion, object? value, bool escape)
    {
        switch (conversion.Code)
        {
            case 's' or 'r' or 'a':
                var text = conversion.Code switch
                {
                    's' => representation.Text(value),
                    'r' => representation.Of(value),
                    _ => representation.Ascii(value),
                };
                if (escape && value is not Markup) text = Markup.Escape(text);
                if (conversion.Precision is { } limit) text = CodePoints.Cut(text, 0, Math.Min(limit, CodePoints.Count(text)));
                return Pad(conversion, "", text, zeros: false);
            case 'c':
                return Pad(conversion, "", Character(value), zeros: false);
            case 'd' or 'i' or 'u' or 'x' or 'X' or 'o':
                var integer = WholeNumber(conversion.Code, value);
                var digits = NumberText.Integer(integer, conversion.Code, conversion.Has('#'));
                if (conversion.Precision > NumberText.MaxPrecision) throw TemplateException.Limit("a precision of a format is too large");
                return Pad(conversion, Sign(conversion, integer.Sign < 0), digits.PadLeft(conversion.Precision ?? 0, '0'), zeros: true);
            case 'e' or 'E' or 'f' or 'F' or 'g' or 'G':
                if (value is Undefined undefined) throw undefined.Error();
                if (!Facts.IsNumber(value, out var real))
                    throw TemplateException.Other($"must be real number, not {Facts.TypeName(value)}");
                var number = NumberText.Real(real, conversion.Code, conversion.Precision ?? 6, conversion.Has('#'));
                return Pad(conversion, Sign(conversion, double.IsNegative(real)), number, double.IsFinite(real));
            default:
                throw TemplateException.Other($"unsupported format character '{conversion.Code}'");
        }
    }

    private static string Sign(Conversion conversion, bool negative) =>
        negative ? "-" : conversion.Has('+') ? "+" : conversion.Has(' ') ? " " : "";

    private static BigInteger WholeNumber(char code, object? value)
    {
        if (value is Undefined undefined) throw undefined.Error();
        if (Facts.IsInteger(value, out var integer)) return integer;
        if (value is double real && code is 'd' or 'i' or 'u')
            return double.IsFinite(real) ? new BigInteger(real) : throw TemplateException.Other("cannot convert float to integer");
        throw TemplateException.Other($"%{code} format: a real number is required, not {Facts.TypeName(value)}");
    }

    private static string Character(object? value)
    {
        if (Facts.IsText(value, out var text) && CodePoints.Count(text) == 1) return text;
        if (Facts.IsInteger(value, out var number) && number >= 0 && number <= 0x10FFFF)
            return number > 0xFFFF ? char.ConvertFromUtf32((int)number) : ((char)number).ToString();
        throw TemplateException.Other("%c requires int or char");
    }

    private string Pad(Conversion conversion, string sign, string text, bool zeros)
    {
        budget.SpendOnText(conversion.Width);
        var missing = conversion.Width - sign.Length - CodePoints.Count(text);
        if (missing <= 0) return sign + text;
        if (conversion.Has('-')) return sign + text + new string(' ', missing);
        if (!zeros || !conversion.Has('0')) return new string(' ', missing) + sign + text;
        var prefix = conversion.Has('#') && conversion.Code is 'x' or 'X' or 'o' && text.Length > 1 ? text[..2] : "";
        return sign + prefix + new string('0', missing) + text[prefix.Length..];
    }

    /// <summary>The values after the operator: a tuple one by one, a dict by name, anything else alone.</summary>
    private sealed class Values(object? values)
    {
        private readonly object?[] _items = values is TupleValue tuple ? tuple.Items : [values];
        private int _next;
        private bool _named;

        public object? Next() => _named || _next >= _items.Length
            ? throw TemplateException.Other("not enough arguments for format string") : _items[_next++];

        public object? Named(string name)
        {
            _named = true;
            if (values is not DictValue dict) throw TemplateException.Other("format requires a mapping");
            return dict.TryGet(name, out var value) ? value : throw TemplateException.Other($"'{name}'");
        }

        public void CheckAllUsed()
        {
            var isOther = values is DictValue or ListValue or RangeValue or Undefined;
            if (!_named && !isOther && _next < _items.Length)
                throw TemplateException.Other("not all arguments converted during string formatting");
        }
    }
}
