namespace Coppice.Text;

/// <summary>What kind of thing went wrong while a chat template was parsed or rendered.</summary>
public enum TemplateErrorKind
{
    /// <summary>The template is not well formed, or names a tag, filter or test that does not exist.</summary>
    Syntax,

    /// <summary>The template used a value that was not given.</summary>
    Undefined,

    /// <summary>The template refused its input with <c>raise_exception</c>.</summary>
    Raised,

    /// <summary>The template tried to reach something that the sandbox withholds.</summary>
    Security,

    /// <summary>The template ran longer, deeper or wider than <see cref="TemplateLimits"/> allow.</summary>
    Limit,

    /// <summary>An operation failed: wrong types, a division by zero, a missing file, an argument too many.</summary>
    Other,
}

/// <summary>A chat template could not be parsed or rendered; the message names the template line and the reason.</summary>
public sealed class TemplateException : EngineException
{
    internal TemplateException(TemplateErrorKind kind, string reason, int line = 0)
        : base(line > 0 ? $"chat template, line {line}: {reason}" : $"chat template: {reason}")
    {
        Kind = kind;
        Reason = reason;
        Line = line;
    }

    /// <summary>What kind of error this is.</summary>
    public TemplateErrorKind Kind { get; }

    /// <summary>The message without the position; for <see cref="TemplateErrorKind.Raised"/> exactly the template's own words.</summary>
    public string Reason { get; }

    /// <summary>The line of the template, counted from 1, or 0 where none is known.</summary>
    public int Line { get; }

    internal static TemplateException Other(string reason) => new(TemplateErrorKind.Other, reason);

    internal static TemplateException Limit(string reason) => new(TemplateErrorKind.Limit, reason);

    internal static TemplateException Syntax(string reason, int line) => new(TemplateErrorKind.Syntax, reason, line);
}
