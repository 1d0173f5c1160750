namespace Coppice.Text.Templates;

/// <summary>A macro together with the frame in which it was defined.</summary>
internal sealed class MacroValue(MacroBody body, Frame definition) : CallableValue
{
    /// <summary>The name; a call block has none.</summary>
    public string? Name => Body.Name;

    public MacroBody Body { get; } = body;

    /// <summary>The frame around the definition.</summary>
    public Frame Definition { get; } = definition;

    public override string TypeName => "Macro";

    public override object? Attribute(string name) => name switch
    {
        "name" => Name,
        "arguments" => new TupleValue([.. Body.Parameters.Select(parameter => parameter.Name)]),
        "catch_kwargs" => Body.TakesKeywords,
        "catch_varargs" => Body.TakesRest,
        "caller" => Body.TakesCaller,
        _ => Missing.Value,
    };

    public override object? Call(Renderer renderer, Arguments arguments)
    {
        var text = renderer.Invoke(this, arguments);
        return renderer.Autoescapes ? new Markup(text) : text;
    }

    public override string Represent(Representation writer) => Name is null ? "<Macro anonymous>" : $"<Macro '{Name}'>";
}

internal sealed partial class Renderer
{
    /// <summary>The text that a macro prints when called with <paramref name="arguments"/>.</summary>
    public string Invoke(MacroValue macro, Arguments arguments)
    {
        var body = macro.Body;
        var frame = new Frame(body.Scope, macro.Definition);
        var keywords = arguments.Keywords.ToList();
        Bind(macro, frame, arguments, keywords);
        if (!body.TakesKeywords && keywords.Count > 0)
            throw TemplateException.Other(keywords.Exists(keyword => keyword.Key == "caller")
                ? $"macro '{macro.Name}' was invoked with two values for the special caller argument. This is most likely a bug."
                : $"macro '{macro.Name}' takes no keyword argument '{keywords[0].Key}'");
        if (body.TakesKeywords) frame.Set("kwargs", ToDict(keywords));
        var rest = arguments.Positional.Skip(body.Parameters.Count).ToArray();
        if (body.TakesRest) frame.Set("varargs", new TupleValue(rest));
        else if (rest.Length > 0)
            throw TemplateException.Other($"macro '{macro.Name}' takes not more than {body.Parameters.Count} argument(s)");
        frame.Enter(Resolve);
        var line = _line;
        var text = Capture(() => RunMacro(body, frame), out _);
        _line = line;
        return text;
    }

    private static void Bind(MacroValue macro, Frame frame, Arguments arguments, List<KeyValuePair<string, object?>> keywords)
    {
        object? Take(string name)
        {
            var index = keywords.FindIndex(keyword => keyword.Key == name);
            if (index < 0) return Missing.Value;
            var value = keywords[index].Value;
            keywords.RemoveAt(index);
            return value;
        }
        var parameters = macro.Body.Parameters;
        for (var i = 0; i < parameters.Count; i++)
            frame.Set(parameters[i].Name, i < arguments.Positional.Length ? arguments.Positional[i] : Take(parameters[i].Name));
        if (!macro.Body.TakesCaller || parameters.Any(parameter => parameter.Name == "caller")) return;
        var caller = Take("caller");
        frame.Set("caller", caller is null or Missing ? new Undefined("No caller defined") : caller);
    }

    private DictValue ToDict(List<KeyValuePair<string, object?>> keywords)
    {
        Budget.SpendOnContainer(4L * keywords.Count);
        var dict = new DictValue(Comparer);
        foreach (var (name, value) in keywords) dict.Set(name, value);
        return dict;
    }

    private Flow RunMacro(MacroBody body, Frame frame)
    {
        var firstDefault = body.Parameters.Count - body.Defaults.Count;
        for (var i = 0; i < body.Parameters.Count; i++)
        {
            var name = body.Parameters[i].Name;
            if (!ReferenceEquals(frame.Find(name), Missing.Value)) continue;
            frame.Set(name, i < firstDefault ? new Undefined($"parameter '{name}' was not provided")
                : Evaluate(body.Defaults[i - firstDefault], frame));
        }
        return Execute(body.Body, frame);
    }
}
