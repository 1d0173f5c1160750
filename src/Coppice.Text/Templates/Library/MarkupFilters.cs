using System.Buffers;
using System.Text;

namespace Coppice.Text.Templates;

/// <summary>The filters about HTML.</summary>
internal static class MarkupFilters
{
    private static readonly SearchValues<char> NameEnds = SearchValues.Create(" \t\n\r\f\v/>=");

    public static object? Escape(Renderer renderer, object? value, Arguments arguments)
    {
        arguments.Bind("escape", 0);
        return value is Markup ? value : new Markup(Escaped(renderer, value));
    }

    public static object? ForceEscape(Renderer renderer, object? value, Arguments arguments)
    {
        arguments.Bind("forceescape", 0);
        return new Markup(Escaped(renderer, value));
    }

    public static object? Safe(Renderer renderer, object? value, Arguments arguments)
    {
        arguments.Bind("safe", 0);
        return value is Markup ? value : new Markup(renderer.Representation.Text(value));
    }

    private static string Escaped(Renderer renderer, object? value)
    {
        var text = renderer.Representation.Text(value);
        renderer.Budget.SpendOnText(text.Length * 5L);
        return Markup.Escape(text);
    }

    /// <summary>The text without comments and tags, entities read back, and white space collapsed.</summary>
    public static object? StripTags(Renderer renderer, object? value, Arguments arguments)
    {
        arguments.Bind("striptags", 0);
        var text = TextFilters.Soft(renderer, value);
        text = Remove(Remove(text, "<!--", "-->"), "<", ">");
        var words = string.Join(" ", StringSplitting.Split(renderer, text, Arguments.None, fromRight: false).Items);
        return System.Net.WebUtility.HtmlDecode(words);
    }

    private static string Remove(string text, string open, string close)
    {
        var kept = new StringBuilder(text.Length);
        var from = 0;
        while (true)
        {
            var start = text.IndexOf(open, from, StringComparison.Ordinal);
            var end = start < 0 ? -1 : text.IndexOf(close, start, StringComparison.Ordinal);
            if (end < 0) return kept.Append(text, from, text.Length - from).ToString();
            kept.Append(text, from, start - from);
            from = end + close.Length;
        }
    }

    public static object? XmlAttributes(Renderer renderer, object? value, Arguments arguments)
    {
        var bound = arguments.Bind("xmlattr", 0, "autospace");
        if (value is Undefined undefined) throw undefined.Error();
        if (value is not DictValue dict) throw TemplateException.Other($"'{Facts.TypeName(value)}' object has no attribute 'items'");
        var attributes = new List<string>();
        foreach (var (key, attribute) in dict.Entries)
        {
            if (attribute is null or Undefined) continue;
            if (!Facts.IsText(key, out var name)) throw TemplateException.Other("expected string or bytes-like object");
            if (name.AsSpan().ContainsAny(NameEnds)) throw TemplateException.Other($"Invalid character in attribute name: '{name}'");
            attributes.Add($"{Markup.Escape(name)}=\"{(attribute is Markup ? attribute.ToString() : Escaped(renderer, attribute))}\"");
        }
        var joined = string.Join(" ", attributes);
        if (joined.Length > 0 && bound.IsTrue(0, true)) joined = " " + joined;
        return renderer.Autoescapes ? new Markup(joined) : joined;
    }
}
