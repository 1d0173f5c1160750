namespace Coppice.Text.Templates;

/// <summary>
/// A template value that is not one of the plain ones: null (Python's None), <see cref="bool"/>,
/// <see cref="System.Numerics.BigInteger"/>, <see cref="double"/> and <see cref="string"/>.
/// </summary>
internal abstract class TemplateValue
{
    /// <summary>The name of the Python type that this value stands for.</summary>
    public abstract string TypeName { get; }

    /// <summary>Python's truth value.</summary>
    public virtual bool IsTrue => Length is not 0;

    /// <summary>What len() answers, or null where the type has no len().</summary>
    public virtual int? Length => null;

    /// <summary>The elements in order, or null where the type cannot be iterated.</summary>
    public virtual IEnumerable<object?>? Elements => null;

    /// <summary>The Python attribute <paramref name="name"/>, or <see cref="Missing.Value"/>.</summary>
    public virtual object? Attribute(string name) => Missing.Value;

    /// <summary>Python's repr() of the value.</summary>
    public virtual string Represent(Representation writer) => $"<{TypeName} object>";
}

/// <summary>Stands for "no value here", which a template can never see.</summary>
internal sealed class Missing
{
    private Missing() { }

    /// <summary>The only instance.</summary>
    public static Missing Value { get; } = new();
}

/// <summary>Jinja's default Undefined: prints as nothing, is false and empty, and fails in every other use.</summary>
internal sealed class Undefined(string reason, TemplateErrorKind kind = TemplateErrorKind.Undefined) : TemplateValue
{
    public override string TypeName => "Undefined";

    public override int? Length => 0;

    public override IEnumerable<object?> Elements => [];

    public override string Represent(Representation writer) => "Undefined";

    /// <summary>The error of using this value.</summary>
    public TemplateException Error() => new(kind, reason);

    /// <summary>The value of the name <paramref name="name"/> that nothing defines.</summary>
    public static Undefined Name(string name) => new($"'{name}' is undefined");
}

/// <summary>Text that is already escaped for HTML and escapes what is joined to it.</summary>
internal sealed class Markup(string text)
{
    /// <summary>The escaped text.</summary>
    public string Text { get; } = text;

    /// <summary>The five characters that matter to HTML replaced by entities, as markupsafe writes them.</summary>
    public static string Escape(string text) =>
        text.Replace("&", "&amp;").Replace(">", "&gt;").Replace("<", "&lt;").Replace("'", "&#39;").Replace("\"", "&#34;");

    public override string ToString() => Text;
}
