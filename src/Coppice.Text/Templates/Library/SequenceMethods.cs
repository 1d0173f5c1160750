using System.Numerics;

namespace Coppice.Text.Templates;

/// <summary>The methods of lists, tuples and ranges, and the knowledge of which methods change their object.</summary>
internal static class SequenceMethods
{
    private static readonly string[] ListChanges = ["append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"];
    private static readonly string[] DictChanges = ["clear", "pop", "popitem", "setdefault", "update"];

    /// <summary>Whether the method <paramref name="name"/> would change a list or dict.</summary>
    public static bool Modifies(object? target, string name) => target switch
    {
        ListValue => ListChanges.Contains(name),
        DictValue => DictChanges.Contains(name),
        _ => false,
    };

    /// <summary>A method of a list.</summary>
    public static object? ListMethod(ListValue list, string name) => name switch
    {
        "copy" => FunctionValue.Method((_, _) => list),
        _ when ListChanges.Contains(name) => FunctionValue.Method((_, _) => throw TemplateException.Other("lists cannot be changed")),
        _ => TupleMethod(list, name),
    };

    /// <summary>A method of a tuple or range.</summary>
    public static object? TupleMethod(TemplateValue sequence, string name) => name switch
    {
        "count" => FunctionValue.Method((renderer, arguments) => Count(renderer, sequence, arguments)),
        "index" => FunctionValue.Method((renderer, arguments) => Index(renderer, sequence, arguments)),
        _ => Missing.Value,
    };

    private static BigInteger Count(Renderer renderer, TemplateValue sequence, Arguments arguments)
    {
        var value = arguments.Bind("count", 1, "value")[0];
        return sequence.Elements!.Count(element => renderer.Comparer.AreEqual(element, value));
    }

    private static BigInteger Index(Renderer renderer, TemplateValue sequence, Arguments arguments)
    {
        var bound = arguments.Bind("index", 1, "value", "start", "stop");
        var items = Facts.ToArray(sequence, renderer.Budget);
        int Place(int index, int otherwise) => !bound.Has(index) ? otherwise
            : bound.Integer(index) is var place && place < 0 ? (int)Math.Max(0, (long)place + items.Length) : place;
        var stop = Math.Min(Place(2, items.Length), items.Length);
        for (var i = Place(1, 0); i < stop; i++)
            if (renderer.Comparer.AreEqual(items[i], bound[0])) return i;
        throw TemplateException.Other($"{renderer.Representation.Of(bound[0])} is not in {sequence.TypeName}");
    }
}

/// <summary>The methods of dicts.</summary>
internal static class DictMethods
{
    /// <summary>A method of a dict, or <see cref="Missing"/>.</summary>
    public static object? Find(DictValue dict, string name) => name switch
    {
        "get" => FunctionValue.Method((_, arguments) => Get(dict, arguments)),
        "keys" => View(dict, "dict_keys", () => dict.Keys),
        "values" => View(dict, "dict_values", () => dict.Values),
        "items" => View(dict, "dict_items", () => dict.Pairs),
        "copy" => FunctionValue.Method((_, _) => dict),
        "fromkeys" => FunctionValue.Method((renderer, arguments) => FromKeys(renderer, arguments)),
        _ when SequenceMethods.Modifies(dict, name) =>
            FunctionValue.Method((_, _) => throw TemplateException.Other("dicts cannot be changed")),
        _ => Missing.Value,
    };

    private static FunctionValue View(DictValue dict, string typeName, Func<IEnumerable<object?>> elements) =>
        FunctionValue.Method((renderer, arguments) =>
        {
            arguments.Bind(typeName, 0);
            renderer.Budget.Spend();
            return new DictView(typeName, dict.Length!.Value, elements());
        });

    private static object? Get(DictValue dict, Arguments arguments)
    {
        if (arguments.Keywords.Count > 0) throw TemplateException.Other("dict.get() takes no keyword arguments");
        var bound = arguments.Bind("get", 1, "key", "default");
        return dict.TryGet(bound[0], out var value) ? value : bound.Or(1, null);
    }

    private static DictValue FromKeys(Renderer renderer, Arguments arguments)
    {
        var bound = arguments.Bind("fromkeys", 1, "iterable", "value");
        var result = new DictValue(renderer.Comparer);
        foreach (var key in Facts.Elements(bound[0]))
        {
            renderer.Budget.SpendOnContainer(2);
            result.Set(key, bound.Or(1, null));
        }
        return result;
    }
}
