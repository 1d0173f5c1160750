using System.Numerics;
using System.Text;

namespace Coppice.Text.Templates;

/// <summary>The filters that take collections apart and put them together.</summary>
internal static class CollectionFilters
{
    public static object? Attribute(Renderer renderer, object? value, Arguments arguments)
    {
        var name = arguments.Bind("attr", 1, "name").Text(0);
        if (value is Undefined undefined) throw undefined.Error();
        var found = Access.FindAttribute(value, name);
        return ReferenceEquals(found, Missing.Value) ? new Undefined($"'{Facts.Description(value)}' has no attribute '{name}'") : found;
    }

    public static object? Default(Renderer renderer, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("default", 0, "default_value", "boolean");
        return value is Undefined || (bound.IsTrue(1) && !Facts.IsTrue(value)) ? bound.Or(0, "") : value;
    }

    public static object? Length(Renderer renderer, object? value, Arguments arguments)
    {
        arguments.Bind("length", 0);
        return (BigInteger)Facts.Length(value);
    }

    public static object? First(Renderer renderer, object? value, Arguments arguments)
    {
        arguments.Bind("first", 0);
        foreach (var element in Facts.Elements(value)) return element;
        return new Undefined("No first item, sequence was empty.");
    }

    public static object? Last(Renderer renderer, object? value, Arguments arguments)
    {
        arguments.Bind("last", 0);
        if (value is IteratorValue || !Facts.IsIterable(value))
            throw TemplateException.Other($"'{Facts.TypeName(value)}' object is not reversible");
        var items = Facts.ToArray(value, renderer.Budget);
        return items.Length > 0 ? items[^1] : new Undefined("No last item, sequence was empty.");
    }

    public static object? ToList(Renderer renderer, object? value, Arguments arguments)
    {
        arguments.Bind("list", 0);
        return new ListValue(Facts.ToArray(value, renderer.Budget));
    }

    public static object? Items(Renderer renderer, object? value, Arguments arguments)
    {
        arguments.Bind("items", 0);
        return renderer.Lazy(Pairs());
        IEnumerable<object?> Pairs()
        {
            if (value is Undefined) yield break;
            if (value is not DictValue dict) throw TemplateException.Other("Can only get item pairs from a mapping.");
            foreach (var pair in dict.Pairs) yield return pair;
        }
    }

    public static object? Join(Renderer renderer, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("join", 0, "d", "attribute");
        var separator = bound.Has(0) ? renderer.Representation.Text(bound[0]) : "";
        var path = bound.IsGiven(1) ? AttributePath.Of(bound[1]) : AttributePath.Whole;
        if (renderer.Autoescapes)
        {
            object?[] parts = [.. Facts.Elements(value).Select(element => path.Get(element))];
            return JoinEscaped(renderer, parts, bound.Has(0) ? bound[0] : "");
        }
        var joined = new StringBuilder();
        var first = true;
        foreach (var element in Facts.Elements(value))
        {
            if (!first) joined.Append(separator);
            first = false;
            var text = renderer.Representation.Text(path.Get(element));
            renderer.Budget.SpendOnText(separator.Length + text.Length);
            joined.Append(text);
            renderer.Budget.CheckText(joined.Length);
        }
        return joined.ToString();
    }

    /// <summary>As in autoescape blocks: where one part is markup, the others are escaped.</summary>
    private static object JoinEscaped(Renderer renderer, object?[] parts, object? separator)
    {
        var isMarkup = separator is Markup || parts.Any(part => part is Markup);
        string Text(object? part)
        {
            var text = renderer.Representation.Text(part);
            renderer.Budget.SpendOnText(text.Length * 5L);
            return isMarkup && part is not Markup ? Markup.Escape(text) : text;
        }
        var between = Text(separator);
        var joined = string.Join(between, parts.Select(Text));
        renderer.Budget.SpendOnText(joined.Length);
        renderer.Budget.CheckText(joined.Length);
        return isMarkup ? new Markup(joined) : joined;
    }

    public static object? Reverse(Renderer renderer, object? value, Arguments arguments)
    {
        arguments.Bind("reverse", 0);
        if (Facts.IsText(value, out _)) return Access.Slice(value, null, null, BigInteger.MinusOne, renderer.Budget);
        if (!Facts.IsIterable(value)) throw TemplateException.Other("argument must be iterable");
        var items = Facts.ToArray(value, renderer.Budget).Reverse().ToArray();
        return value is IteratorValue ? new ListValue(items) : renderer.Lazy(items);
    }

    public static object? Batch(Renderer renderer, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("batch", 1, "linecount", "fill_with");
        var (size, fill) = (bound[0], bound.Or(1, null));
        return renderer.Lazy(Rows());
        IEnumerable<object?> Rows()
        {
            var row = new List<object?>();
            foreach (var element in Facts.Elements(value))
            {
                if (renderer.Comparer.AreEqual((BigInteger)row.Count, size))
                {
                    yield return new ListValue([.. row]);
                    row.Clear();
                }
                renderer.Budget.SpendOnContainer(1);
                row.Add(element);
            }
            if (row.Count == 0) yield break;
            if (fill is not null)
            {
                var missing = Math.Max(0, (long)Facts.ToIndex(size) - row.Count);
                renderer.Budget.SpendOnContainer(missing);
                row.AddRange(Enumerable.Repeat(fill, (int)missing));
            }
            yield return new ListValue([.. row]);
        }
    }

    public static object? Slice(Renderer renderer, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("slice", 1, "slices", "fill_with");
        var (slices, fill) = (bound.Integer(0), bound.Or(1, null));
        return renderer.Lazy(Columns());
        IEnumerable<object?> Columns()
        {
            var items = Facts.ToArray(value, renderer.Budget);
            if (slices == 0) throw TemplateException.Other("integer division or modulo by zero");
            var start = 0;
            for (var slice = 0; slice < slices; slice++)
            {
                var longer = slice < items.Length % slices;
                var count = items.Length / slices + (longer ? 1 : 0);
                renderer.Budget.SpendOnContainer(count + 1);
                var column = items[start..(start + count)];
                start += count;
                yield return new ListValue(fill is not null && !longer ? [.. column, fill] : column);
            }
        }
    }
}
