using System.Numerics;
using System.Text;

namespace Coppice.Text.Templates;

/// <summary>Python's str() and repr().</summary>
internal sealed class Representation(Budget budget)
{
    private readonly HashSet<object> _open = new(ReferenceEqualityComparer.Instance);

    /// <summary>str(value).</summary>
    public string Text(object? value) => value switch
    {
        string text => text,
        Markup markup => markup.Text,
        Undefined => "",
        _ => Of(value),
    };

    /// <summary>repr(value).</summary>
    public string Of(object? value)
    {
        budget.Spend();
        switch (value)
        {
            case null: return "None";
            case bool truth: return truth ? "True" : "False";
            case BigInteger integer: return Integer(integer);
            case double real: return Numbers.Represent(real);
            case string text: return Quote(text);
            case Markup markup: return $"Markup({Quote(markup.Text)})";
            default:
                budget.Enter();
                var represented = ((TemplateValue)value).Represent(this);
                budget.Leave();
                return represented;
        }
    }

    /// <summary>The digits of an int; Python refuses to write more than 4300 of them.</summary>
    public static string Integer(BigInteger integer)
    {
        if (integer.GetBitLength() < 14_000) return integer.ToString(System.Globalization.CultureInfo.InvariantCulture);
        var digits = integer.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return digits.Length - (integer.Sign < 0 ? 1 : 0) <= 4300 ? digits
            : throw TemplateException.Other("Exceeds the limit (4300 digits) for integer string conversion");
    }

    /// <summary>The elements between brackets.</summary>
    public string Join(string open, IEnumerable<object?> elements, string close)
    {
        var text = new StringBuilder(open);
        var first = true;
        foreach (var element in elements)
        {
            if (!first) text.Append(", ");
            first = false;
            Append(text, Of(element));
        }
        return text.Append(close).ToString();
    }

    /// <summary>A dict as a literal.</summary>
    public string Join(DictValue dict)
    {
        // Only a namespace can come to hold itself, and what it holds is a dict.
        if (!_open.Add(dict)) return "{...}";
        var text = new StringBuilder("{");
        foreach (var (key, value) in dict.Entries)
        {
            if (text.Length > 1) text.Append(", ");
            Append(text, Of(key));
            text.Append(": ");
            Append(text, Of(value));
        }
        _open.Remove(dict);
        return text.Append('}').ToString();
    }

    private void Append(StringBuilder target, string text)
    {
        budget.SpendOnText(text.Length);
        budget.CheckText(target.Length + (long)text.Length);
        target.Append(text);
    }

    /// <summary>A string literal as repr() writes it: single quotes unless only double ones avoid an escape.</summary>
    public string Quote(string text)
    {
        budget.SpendOnText(text.Length);
        var quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        var quoted = new StringBuilder(text.Length + 2).Append(quote);
        for (var i = 0; i < text.Length; i += CodePoints.Width(text, i))
        {
            var c = text[i];
            if (c == quote || c == '\\') quoted.Append('\\').Append(c);
            else if (c is '\n' or '\r' or '\t') quoted.Append(c switch { '\n' => "\\n", '\r' => "\\r", _ => "\\t" });
            else if (PythonCharacters.IsPrintable(text, i)) quoted.Append(text, i, CodePoints.Width(text, i));
            else quoted.Append(Escape(CodePoints.At(text, i)));
        }
        return quoted.Append(quote).ToString();
    }

    private static string Escape(int character) =>
        character > 0xFFFF ? $"\\U{character:x8}" : character > 0xFF ? $"\\u{character:x4}" : $"\\x{character:x2}";

    /// <summary>ascii(value): repr() with everything beyond ASCII escaped.</summary>
    public string Ascii(object? value)
    {
        var text = Of(value);
        var ascii = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i += CodePoints.Width(text, i))
        {
            if (text[i] < 128) ascii.Append(text[i]);
            else ascii.Append(Escape(CodePoints.At(text, i)));
        }
        return ascii.ToString();
    }
}
