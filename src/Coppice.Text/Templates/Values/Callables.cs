using System.Numerics;

namespace Coppice.Text.Templates;

/// <summary>A value that a template can call.</summary>
internal abstract class CallableValue : TemplateValue
{
    /// <summary>The result of a call.</summary>
    public abstract object? Call(Renderer renderer, Arguments arguments);
}

/// <summary>A global function or a method bound to its object.</summary>
/// <param name="typeName">What Python calls its type.</param>
/// <param name="body">What a call does.</param>
/// <param name="attributes">Its methods, where it is a type with some.</param>
internal sealed class FunctionValue(
    string typeName, Func<Renderer, Arguments, object?> body, IReadOnlyDictionary<string, object?>? attributes = null) : CallableValue
{
    public override string TypeName => typeName;

    public override object? Attribute(string name) => attributes?.GetValueOrDefault(name, Missing.Value) ?? Missing.Value;

    public override object? Call(Renderer renderer, Arguments arguments) => body(renderer, arguments);

    /// <summary>A method of a value.</summary>
    public static FunctionValue Method(Func<Renderer, Arguments, object?> body) => new("builtin_function_or_method", body);
}

/// <summary>Jinja's cycler: hands out its items in turn.</summary>
internal sealed class CyclerValue(object?[] items) : TemplateValue
{
    private int _position;

    public override string TypeName => "Cycler";

    public override object? Attribute(string name) => name switch
    {
        "current" => items[_position],
        "next" => FunctionValue.Method((_, arguments) => Next(arguments)),
        "reset" => FunctionValue.Method((_, arguments) => Reset(arguments)),
        "items" => new TupleValue(items),
        "pos" => (BigInteger)_position,
        _ => Missing.Value,
    };

    private object? Next(Arguments arguments)
    {
        arguments.Bind("next", 0);
        var current = items[_position];
        _position = (_position + 1) % items.Length;
        return current;
    }

    private object? Reset(Arguments arguments)
    {
        arguments.Bind("reset", 0);
        _position = 0;
        return null;
    }
}

/// <summary>Jinja's joiner: nothing the first time, then the separator.</summary>
internal sealed class JoinerValue(object? separator) : CallableValue
{
    private bool _used;

    public override string TypeName => "Joiner";

    public override object? Call(Renderer renderer, Arguments arguments)
    {
        arguments.Bind("joiner", 0);
        if (_used) return separator;
        _used = true;
        return "";
    }
}
