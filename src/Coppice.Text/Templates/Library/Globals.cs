using System.Numerics;

namespace Coppice.Text.Templates;

/// <summary>The functions that every template can call.</summary>
internal static class Globals
{
    /// <summary>The functions by name.</summary>
    public static IReadOnlyDictionary<string, object?> Table { get; } = new Dictionary<string, object?>
    {
        ["range"] = new FunctionValue("function", Range),
        ["dict"] = new FunctionValue("type", Dict, new Dictionary<string, object?> { ["fromkeys"] = FunctionValue.Method(FromKeys) }),
        ["namespace"] = new FunctionValue("type", Namespace),
        ["cycler"] = new FunctionValue("type", Cycler),
        ["joiner"] = new FunctionValue("type", (_, arguments) => new JoinerValue(arguments.Bind("joiner", 0, "sep").Or(0, ", "))),
        ["lipsum"] = new FunctionValue("function", (_, _) =>
            throw TemplateException.Other("'lipsum' is not available: a rendering must be repeatable")),
        ["raise_exception"] = new FunctionValue("function", RaiseException),
        ["strftime_now"] = new FunctionValue("function", StrftimeNow),
    };

    private static RangeValue Range(Renderer renderer, Arguments arguments)
    {
        if (arguments.Keywords.Count > 0) throw TemplateException.Other("range() takes no keyword arguments");
        var bound = arguments.Bind("range", 1, "start", "stop", "step");
        var first = bound.BigInteger(0);
        if (!bound.Has(1)) return new RangeValue(BigInteger.Zero, first, BigInteger.One);
        return new RangeValue(first, bound.BigInteger(1), bound.Has(2) ? bound.BigInteger(2) : BigInteger.One);
    }

    private static DictValue Dict(Renderer renderer, Arguments arguments)
    {
        if (arguments.Positional.Length > 1)
            throw TemplateException.Other($"dict expected at most 1 argument, got {arguments.Positional.Length}");
        var dict = new DictValue(renderer.Comparer);
        if (arguments.Positional is [Undefined undefined]) throw undefined.Error();
        if (arguments.Positional.Length == 1) Fill(renderer, dict, arguments.Positional[0]);
        foreach (var (name, value) in arguments.Keywords)
        {
            renderer.Budget.SpendOnContainer(4);
            dict.Set(name, value);
        }
        return dict;
    }

    private static DictValue FromKeys(Renderer renderer, Arguments arguments)
    {
        if (arguments.Keywords.Count > 0) throw TemplateException.Other("dict.fromkeys() takes no keyword arguments");
        var bound = arguments.Bind("fromkeys", 1, "iterable", "value");
        var dict = new DictValue(renderer.Comparer);
        foreach (var key in Facts.Elements(bound[0]))
        {
            renderer.Budget.SpendOnContainer(4);
            dict.Set(key, bound.Or(1, null));
        }
        return dict;
    }

    private static void Fill(Renderer renderer, DictValue dict, object? source)
    {
        foreach (var pair in source is DictValue other ? other.Pairs : Facts.Elements(source))
        {
            renderer.Budget.SpendOnContainer(4);
            var parts = Facts.ToArray(pair, renderer.Budget);
            if (parts.Length != 2)
                throw TemplateException.Other($"dictionary update sequence element has length {parts.Length}; 2 is required");
            dict.Set(parts[0], parts[1]);
        }
    }

    private static NamespaceValue Namespace(Renderer renderer, Arguments arguments)
    {
        var attributes = Dict(renderer, arguments);
        foreach (var name in attributes.Keys) NamespaceValue.CheckName(name);
        return new NamespaceValue(attributes);
    }

    private static CyclerValue Cycler(Renderer renderer, Arguments arguments)
    {
        if (arguments.Keywords.Count > 0) throw TemplateException.Other("cycler() takes no keyword arguments");
        return arguments.Positional.Length > 0 ? new CyclerValue(arguments.Positional)
            : throw TemplateException.Other("at least one item has to be provided");
    }

    private static object? RaiseException(Renderer renderer, Arguments arguments) => throw new TemplateException(
        TemplateErrorKind.Raised, renderer.Representation.Text(arguments.Bind("raise_exception", 1, "message")[0]));

    private static string StrftimeNow(Renderer renderer, Arguments arguments)
    {
        var format = arguments.Bind("strftime_now", 1, "format").Text(0);
        var now = renderer.Now ?? throw TemplateException.Other("strftime_now needs the time, and none was given (set Now of the input)");
        return StrftimeFormat.Apply(now, format, renderer.Budget);
    }
}
