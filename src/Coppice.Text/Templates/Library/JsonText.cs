using System.Numerics;
using System.Text;

namespace Coppice.Text.Templates;

/// <summary>Python's json.dumps, as the chat templates' filter tojson has it: no HTML escapes, keys in their order.</summary>
internal sealed class JsonText
{
    private readonly Renderer _renderer;
    private readonly StringBuilder _json = new();
    private readonly bool _ascii;
    private readonly string? _indent;
    private readonly string _itemSeparator;
    private readonly string _keySeparator;
    private readonly bool _sortKeys;
    private int _level;

    private JsonText(Renderer renderer, Bound bound)
    {
        _renderer = renderer;
        _ascii = bound.IsTrue(0);
        _sortKeys = bound.IsTrue(3);
        if (bound.IsGiven(1))
        {
            if (!Facts.IsText(bound[1], out var indent))
            {
                var width = Math.Max(0, bound.Integer(1));
                renderer.Budget.SpendOnText(width);
                indent = new string(' ', width);
            }
            _indent = indent;
        }
        (_itemSeparator, _keySeparator) = (_indent is null ? ", " : ",", ": ");
        if (!bound.IsGiven(2)) return;
        var separators = Facts.ToArray(bound[2], renderer.Budget);
        if (separators.Length != 2 || !Facts.IsText(separators[0], out _itemSeparator) || !Facts.IsText(separators[1], out _keySeparator))
            throw TemplateException.Other("separators must be a pair of texts");
    }

    /// <summary>The filter.</summary>
    public static object? Filter(Renderer renderer, object? value, Arguments arguments)
    {
        var json = new JsonText(renderer, arguments.Bind("tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys"));
        json.Write(value);
        return json._json.ToString();
    }

    private void Write(object? value)
    {
        _renderer.Budget.Enter();
        switch (value)
        {
            case null or bool or BigInteger or double:
                Append(Scalar(value));
                break;
            case string or Markup:
                WriteText(value.ToString()!);
                break;
            case SequenceValue sequence:
                WriteItems('[', sequence.Items, ']', Write);
                break;
            case DictValue dict:
                WriteItems('{', _sortKeys ? Sorted(dict) : dict.Pairs, '}', WritePair);
                break;
            default:
                throw TemplateException.Other($"Object of type {Facts.TypeName(value)} is not JSON serializable");
        }
        _renderer.Budget.Leave();
    }

    private object?[] Sorted(DictValue dict) =>
        _renderer.Ordering.Sort([.. dict.Pairs], pair => ((TupleValue)pair!).Items[0], reverse: false);

    private void Append(string text)
    {
        _renderer.Budget.SpendOnText(text.Length);
        _renderer.Budget.CheckText(_json.Length + (long)text.Length);
        _json.Append(text);
    }

    private static string Scalar(object? value) => value switch
    {
        null => "null",
        bool truth => truth ? "true" : "false",
        BigInteger integer => Representation.Integer(integer),
        double real when double.IsNaN(real) => "NaN",
        double real when double.IsInfinity(real) => real > 0 ? "Infinity" : "-Infinity",
        double real => Numbers.Represent(real),
        _ => throw TemplateException.Other($"keys must be str, int, float, bool or None, not {Facts.TypeName(value)}"),
    };

    private void WriteItems(char open, IEnumerable<object?> items, char close, Action<object?> write)
    {
        Append(open.ToString());
        _level++;
        var first = true;
        foreach (var item in items)
        {
            if (!first) Append(_itemSeparator);
            first = false;
            BreakLine();
            write(item);
        }
        _level--;
        if (!first) BreakLine();
        Append(close.ToString());
    }

    private void BreakLine()
    {
        if (_indent is null) return;
        Append("\n");
        for (var i = 0; i < _level; i++) Append(_indent);
    }

    private void WritePair(object? pair)
    {
        var items = ((TupleValue)pair!).Items;
        if (Facts.IsText(items[0], out var key)) WriteText(key);
        else WriteText(Scalar(items[0]));
        Append(_keySeparator);
        Write(items[1]);
    }

    private void WriteText(string text)
    {
        var quoted = new StringBuilder(text.Length + 2).Append('"');
        foreach (var c in text)
        {
            var plain = "\"\\\n\r\t\b\f".IndexOf(c);
            if (plain >= 0) quoted.Append('\\').Append("\"\\nrtbf"[plain]);
            else if (c < ' ' || (_ascii && c > '~')) quoted.Append("\\u").Append(((int)c).ToString("x4", null));
            else quoted.Append(c);
        }
        Append(quoted.Append('"').ToString());
    }
}
