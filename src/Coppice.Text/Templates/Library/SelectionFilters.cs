namespace Coppice.Text.Templates;

/// <summary>map, select, reject, selectattr and rejectattr; like Jinja's they do nothing until their elements are asked for.</summary>
internal static class SelectionFilters
{
    public static object? Map(Renderer renderer, object? value, Arguments arguments)
    {
        return renderer.Lazy(Mapped());
        IEnumerable<object?> Mapped()
        {
            if (!Facts.IsTrue(value)) yield break;
            var map = Mapping(renderer, arguments);
            foreach (var element in Facts.Elements(value))
            {
                renderer.Budget.Spend();
                yield return map(element);
            }
        }
    }

    private static Func<object?, object?> Mapping(Renderer renderer, Arguments arguments)
    {
        if (arguments.Positional.Length == 0 && arguments.Keywords.Any(keyword => keyword.Key == "attribute"))
        {
            var bound = arguments.Bind("map", 0, "attribute", "default");
            var path = AttributePath.Of(bound[0]);
            var otherwise = bound.Or(1, null);
            return element => path.Get(element, otherwise);
        }
        if (arguments.Positional.Length == 0) throw TemplateException.Other("map requires a filter argument");
        var name = Name(arguments.Positional[0], "filter");
        var rest = arguments.Rest();
        return element => FilterTable.Apply(renderer, name, element, rest);
    }

    /// <summary>The elements, or those whose attribute, that pass a test (or are true), or that do not.</summary>
    public static object? Select(Renderer renderer, object? value, Arguments arguments, bool keep, bool byAttribute)
    {
        return renderer.Lazy(Selected());
        IEnumerable<object?> Selected()
        {
            if (!Facts.IsTrue(value)) yield break;
            if (byAttribute && arguments.Positional.Length == 0) throw TemplateException.Other("Missing parameter for attribute name");
            var path = byAttribute ? AttributePath.Of(arguments.Positional[0]) : AttributePath.Whole;
            var testArguments = byAttribute ? arguments.Rest() : arguments;
            var test = Testing(renderer, testArguments);
            foreach (var element in Facts.Elements(value))
            {
                renderer.Budget.Spend();
                if (test(path.Get(element)) == keep) yield return element;
            }
        }
    }

    private static Func<object?, bool> Testing(Renderer renderer, Arguments arguments)
    {
        if (arguments.Positional.Length == 0) return Facts.IsTrue;
        var name = Name(arguments.Positional[0], "test");
        var rest = arguments.Rest();
        return element => TestTable.Apply(renderer, name, element, rest);
    }

    private static string Name(object? value, string what) => Facts.IsText(value, out var name) ? name
        : throw TemplateException.Other($"No {what} named {Facts.TypeName(value)}.");
}
