using System.Numerics;
using System.Text;

namespace Coppice.Text.Templates;

/// <summary>Python's text.format(...), with the sandbox's attribute rules inside the braces.</summary>
internal sealed class BraceFormat(Renderer renderer, object? format, object?[] positional, Func<string, object?> named)
{
    private int _nextIndex;
    private bool _usesNumbers;

    /// <summary>The text with its fields filled in.</summary>
    public object Apply()
    {
        Facts.IsText(format, out var text);
        return Arithmetic.Like(format, Fill(text, depth: 2));
    }

    private string Fill(string text, int depth)
    {
        if (depth < 0) throw TemplateException.Other("Max string recursion exceeded");
        var result = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c is '{' or '}' && i + 1 < text.Length && text[i + 1] == c)
            {
                result.Append(c);
                i++;
            }
            else if (c == '}') throw TemplateException.Other("Single '}' encountered in format string");
            else if (c == '{') result.Append(Field(ReadField(text, ref i), depth));
            else result.Append(c);
            renderer.Budget.CheckText(result.Length);
        }
        renderer.Budget.SpendOnText(result.Length);
        return result.ToString();
    }

    private static string ReadField(string text, ref int i)
    {
        var start = i + 1;
        for (var depth = 0; i < text.Length; i++)
        {
            depth += text[i] switch { '{' => 1, '}' => -1, _ => 0 };
            if (depth == 0) return text[start..i];
        }
        throw TemplateException.Other(
            start < text.Length ? "expected '}' before end of string" : "Single '{' encountered in format string");
    }

    private string Field(string field, int depth)
    {
        var nameEnd = 0;
        for (var inBracket = false; nameEnd < field.Length && (inBracket || field[nameEnd] is not ('!' or ':')); nameEnd++)
            inBracket = field[nameEnd] == '[' || (inBracket && field[nameEnd] != ']');
        if (field.AsSpan(0, nameEnd).Contains('{')) throw TemplateException.Other("unexpected '{' in field name");
        var conversion = '\0';
        var rest = nameEnd;
        if (rest < field.Length && field[rest] == '!')
        {
            if (rest + 1 >= field.Length) throw TemplateException.Other("end of string while looking for conversion specifier");
            conversion = field[rest + 1];
            rest += 2;
            if (rest < field.Length && field[rest] != ':') throw TemplateException.Other("expected ':' after conversion specifier");
        }
        var specification = rest < field.Length ? Fill(field[(rest + 1)..], depth - 1) : "";
        var value = Find(field[..nameEnd]);
        value = conversion switch
        {
            '\0' => value,
            's' => renderer.Representation.Text(value),
            'r' => renderer.Representation.Of(value),
            'a' => renderer.Representation.Ascii(value),
            _ => throw TemplateException.Other($"Unknown conversion specifier {conversion}"),
        };
        if (value is Undefined && specification.Length > 0)
            throw TemplateException.Other("unsupported format string passed to Undefined.__format__");
        var text = FormatSpecification.Apply(value, specification, renderer.Representation, renderer.Budget);
        return format is Markup && value is not Markup ? Markup.Escape(text) : text;
    }

    /// <summary>The value of a field's name: an index or a name, then attributes and elements.</summary>
    private object? Find(string name)
    {
        var end = name.IndexOfAny(['.', '[']);
        var first = end < 0 ? name : name[..end];
        var value = First(first);
        for (var i = end < 0 ? name.Length : end; i < name.Length;)
        {
            if (name[i] == '.')
            {
                var stop = name.IndexOfAny(['.', '['], i + 1);
                if (stop < 0) stop = name.Length;
                if (stop == i + 1) throw TemplateException.Other("Empty attribute in format string");
                value = Access.Attribute(value, name[(i + 1)..stop]);
                i = stop;
                continue;
            }
            var close = name[i] == '[' ? name.IndexOf(']', i) : -1;
            if (close <= i + 1) throw TemplateException.Other("Missing ']' in format string");
            var key = name[(i + 1)..close];
            value = Access.Item(value, key.All(char.IsAsciiDigit) && key.Length < 19 ? BigInteger.Parse(key, null) : key);
            i = close + 1;
        }
        return value;
    }

    private object? First(string name)
    {
        if (name.Length > 0 && !name.All(char.IsAsciiDigit)) return named(name);
        if (name.Length == 0 ? _usesNumbers : _nextIndex > 0)
            throw TemplateException.Other("cannot switch between manual field specification and automatic field numbering");
        _usesNumbers |= name.Length > 0;
        var index = name.Length == 0 ? _nextIndex++ : int.TryParse(name, out var number) ? number : int.MaxValue;
        return index < positional.Length ? positional[index]
            : throw TemplateException.Other($"Replacement index {index} out of range for positional args tuple");
    }
}
