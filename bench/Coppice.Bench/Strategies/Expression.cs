using System.Globalization;

namespace Coppice.Bench.Strategies;

/// <summary>A program of one line: whole numbers, a, b, c, +, -, *, max and min. Its tree has a node for each part.</summary>
internal sealed class Expression
{
    /// <summary>The same language for constrained decoding.</summary>
    public const string Grammar = """
        root ::= sum
        sum ::= product ((" + " | " - ") product){0,3}
        product ::= term (" * " term){0,2}
        term ::= [abc] | [0-9] | "(" sum ")" | ("max" | "min") "(" sum ", " sum ")"
        """;

    private readonly string _code;
    private int _at;

    private Expression(string code) => _code = code;

    /// <summary>What an expression computes of a, b and c, with its tree; null where it is not one.</summary>
    public static (Func<long[], long> Value, CodeNode Tree)? Parse(string code)
    {
        var reader = new Expression(code);
        return reader.Sum() is { } parsed && reader._at == code.Length ? parsed : null;
    }

    private (Func<long[], long>, CodeNode)? Sum() => Chain(Product, " + ", " - ");

    private (Func<long[], long>, CodeNode)? Product() => Chain(Term, " * ");

    private (Func<long[], long> Value, CodeNode Tree)? Chain(Func<(Func<long[], long> Value, CodeNode Tree)?> part, params string[] signs)
    {
        var start = _at;
        if (part() is not { } first) return null;
        var (value, children) = (first.Value, new List<CodeNode> { first.Tree });
        while (Array.Find(signs, Takes) is { } sign)
        {
            if (part() is not { } next) return null;
            var (left, right) = (value, next.Value);
            value = sign switch
            {
                " + " => names => unchecked(left(names) + right(names)),
                " - " => names => unchecked(left(names) - right(names)),
                _ => names => unchecked(left(names) * right(names)),
            };
            children.Add(next.Tree);
        }
        return (value, children.Count == 1 ? first.Tree : new CodeNode(start, _at, children));
    }

    private (Func<long[], long>, CodeNode)? Term()
    {
        var start = _at;
        if (_at < _code.Length && _code[_at] is >= 'a' and <= 'c' and var name)
        {
            _at++;
            return (names => names[name - 'a'], new CodeNode(start, _at, []));
        }
        if (_at < _code.Length && char.IsAsciiDigit(_code[_at]))
        {
            while (_at < _code.Length && char.IsAsciiDigit(_code[_at])) _at++;
            var number = long.Parse(_code.AsSpan(start, _at - start), CultureInfo.InvariantCulture);
            return (_ => number, new CodeNode(start, _at, []));
        }
        if (Takes("("))
        {
            if (Sum() is not { } inner || !Takes(")")) return null;
            return (inner.Item1, new CodeNode(start, _at, [inner.Item2]));
        }
        var isMax = Takes("max(");
        if (!isMax && !Takes("min(")) return null;
        if (Sum() is not { } one || !Takes(", ") || Sum() is not { } two || !Takes(")")) return null;
        return (names => isMax ? Math.Max(one.Item1(names), two.Item1(names)) : Math.Min(one.Item1(names), two.Item1(names)),
            new CodeNode(start, _at, [one.Item2, two.Item2]));
    }

    private bool Takes(string text)
    {
        if (!_code.AsSpan(_at).StartsWith(text, StringComparison.Ordinal)) return false;
        _at += text.Length;
        return true;
    }
}
