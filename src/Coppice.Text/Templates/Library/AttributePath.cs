using System.Numerics;

namespace Coppice.Text.Templates;

/// <summary>The way to a part of an element that filters take as attribute: names and indices with dots between.</summary>
internal sealed class AttributePath
{
    private readonly object?[] _steps;

    private AttributePath(object?[] steps) => _steps = steps;

    /// <summary>The element itself.</summary>
    public static AttributePath Whole { get; } = new([]);

    /// <summary>The path that <paramref name="attribute"/> spells; None stands for the element itself.</summary>
    public static AttributePath Of(object? attribute)
    {
        if (attribute is null) return Whole;
        if (!Facts.IsText(attribute, out var text)) return new AttributePath([attribute]);
        return new AttributePath([.. text.Split('.').Select(Step)]);
    }

    /// <summary>The paths in a list with commas between.</summary>
    public static AttributePath[] AllOf(object? attribute) =>
        Facts.IsText(attribute, out var text) ? [.. text.Split(',').Select(part => Of(part))] : [Of(attribute)];

    private static object Step(string part) =>
        part.Length is > 0 and < 20 && part.All(char.IsAsciiDigit) ? BigInteger.Parse(part, null) : part;

    /// <summary>The part of <paramref name="element"/>; where that is undefined, <paramref name="otherwise"/> if given.</summary>
    public object? Get(object? element, object? otherwise = null)
    {
        foreach (var step in _steps)
        {
            element = Access.Item(element, step);
            if (otherwise is not null && element is Undefined) element = otherwise;
        }
        return element;
    }

    /// <summary>The part in lower case if it is text.</summary>
    public object? GetFolded(object? element, object? otherwise = null)
    {
        var part = Get(element, otherwise);
        return Facts.IsText(part, out var text) ? PythonCharacters.ToLower(text) : part;
    }
}
