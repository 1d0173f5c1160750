using System.Numerics;

namespace Coppice.Text.Templates;

/// <summary>Python's format(value, specification): [[fill]align][sign][z][#][0][width][grouping][.precision][type].</summary>
internal readonly struct FormatSpecification
{
    private readonly string _fill = " ";
    private readonly char _align = '\0';
    private readonly char _sign = '-';
    private readonly bool _alternate;
    private readonly int _width;
    private readonly char _grouping = '\0';
    private readonly int? _precision;
    private readonly char _code = '\0';

    private FormatSpecification(string text)
    {
        var i = 0;
        var width = text.Length > 0 ? CodePoints.Width(text, 0) : 0;
        if (text.Length > width && text[width] is '<' or '>' or '^' or '=')
        {
            _fill = text[..width];
            _align = text[width];
            i = width + 1;
        }
        else if (text.Length > 0 && text[0] is '<' or '>' or '^' or '=')
        {
            _align = text[i++];
        }
        char Peek() => i < text.Length ? text[i] : '\0';
        if (Peek() is '+' or '-' or ' ') _sign = text[i++];
        if (Peek() == 'z') i++;
        if (Peek() == '#')
        {
            _alternate = true;
            i++;
        }
        if (Peek() == '0' && _align == '\0')
        {
            (_fill, _align) = ("0", '=');
            i++;
        }
        _width = ReadCount(text, ref i) ?? 0;
        if (Peek() is ',' or '_') _grouping = text[i++];
        if (Peek() == '.')
        {
            i++;
            _precision = ReadCount(text, ref i) ?? throw TemplateException.Other("Format specifier missing precision");
        }
        if (i < text.Length) _code = text[i++];
        if (i < text.Length) throw TemplateException.Other("Invalid format specifier");
    }

    private static int? ReadCount(string text, ref int i)
    {
        var start = i;
        while (i < text.Length && char.IsAsciiDigit(text[i])) i++;
        if (i == start) return null;
        return int.TryParse(text.AsSpan(start, i - start), out var count) ? count
            : throw TemplateException.Other("Too many decimal digits in format string");
    }

    /// <summary>The value in the format that <paramref name="specification"/> asks for.</summary>
    public static string Apply(object? value, string specification, Representation representation, Budget budget)
    {
        if (specification.Length == 0) return representation.Text(value);
        var format = new FormatSpecification(specification);
        budget.SpendOnText(format._width);
        if (Facts.IsText(value, out var text)) return format.OfText(text);
        if (value is double || (Facts.IsInteger(value, out _) && format._code is 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or '%'))
        {
            Facts.IsNumber(value, out var real);
            return format.OfReal(real);
        }
        if (Facts.IsInteger(value, out var integer)) return format.OfInteger(integer);
        throw TemplateException.Other($"unsupported format string passed to {Facts.TypeName(value)}.__format__");
    }

    private string OfText(string text)
    {
        if (_code is not ('\0' or 's')) throw UnknownCode("str");
        if (_sign != '-' || _alternate || _align == '=' && _fill != "0")
            throw TemplateException.Other("Sign, '#' and '=' alignment not allowed in string format specifier");
        if (_precision is { } limit) text = CodePoints.Cut(text, 0, Math.Min(limit, CodePoints.Count(text)));
        return Pad("", text, _align is '\0' or '=' ? '<' : _align);
    }

    private string OfInteger(BigInteger value)
    {
        if (_code == 'c') return Pad("", char.ConvertFromUtf32((int)BigInteger.Clamp(value, 0, 0xD7FF)), '<');
        if (_code is not ('\0' or 'd' or 'n' or 'x' or 'X' or 'o' or 'b')) throw UnknownCode("int");
        if (_precision is not null) throw TemplateException.Other("Precision not allowed in integer format specifier");
        var digits = NumberText.Integer(value, _code == '\0' ? 'd' : _code, _alternate);
        if (_grouping != '\0') digits = NumberText.Group(digits, _grouping, _code is 'x' or 'X' or 'o' or 'b' ? 4 : 3);
        return Pad(SignOf(value.Sign < 0), digits, _align == '\0' ? '>' : _align);
    }

    private string OfReal(double value)
    {
        string text;
        if (_code == '\0' && _precision is null) text = Numbers.Represent(Math.Abs(value));
        else if (_code == '\0')
        {
            text = NumberText.Real(value, 'g', _precision!.Value, _alternate);
            if (!text.Contains('.') && !text.Contains('e') && double.IsFinite(value)) text += ".0";
        }
        else if (_code is 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or 'n' or '%')
            text = NumberText.Real(value, _code == 'n' ? 'g' : _code, _precision ?? 6, _alternate);
        else throw UnknownCode("float");
        if (_grouping != '\0') text = NumberText.Group(text, _grouping, 3);
        return Pad(SignOf(double.IsNegative(value) && !double.IsNaN(value)), text, _align == '\0' ? '>' : _align);
    }

    private TemplateException UnknownCode(string type) =>
        TemplateException.Other($"Unknown format code '{_code}' for object of type '{type}'");

    private string SignOf(bool negative) => negative ? "-" : _sign == '-' ? "" : _sign.ToString();

    private string Pad(string sign, string text, char align)
    {
        var missing = Math.Max(0, _width - sign.Length - CodePoints.Count(text));
        var left = align switch { '<' => 0, '^' => missing / 2, _ => missing };
        return align == '=' ? sign + Fill(missing) + text : Fill(left) + sign + text + Fill(missing - left);
    }

    private string Fill(int count) => string.Concat(Enumerable.Repeat(_fill, count));
}
