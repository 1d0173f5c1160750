namespace Coppice.Text;

/// <summary>How a model writes calls of functions: found in its chat template, read back from its answers.</summary>
/// <remarks>
/// Immutable and safe for concurrent use. For every template that writes the calls of earlier turns, <see cref="Parse"/> gives back what
/// was rendered.
/// </remarks>
public sealed class ToolCallFormat
{
    private ToolCallFormat(CallSyntax syntax) => Syntax = syntax;

    /// <summary>For models whose template knows no tools: objects with name and arguments between &lt;tool_call&gt; tags.</summary>
    public static ToolCallFormat Tagged { get; } = new(CallSyntax.Tagged);

    /// <summary>The text by which the format was recognised.</summary>
    public string Name => Syntax.Sign;

    internal CallSyntax Syntax { get; }

    internal IEnumerable<string> Marks => Syntax.Marks;

    /// <summary>The format that a chat template writes calls in; null where it writes none.</summary>
    public static ToolCallFormat? Of(string template)
    {
        ArgumentNullException.ThrowIfNull(template);
        foreach (var syntax in CallSyntax.Known)
        {
            if (template.Contains(syntax.Sign, StringComparison.Ordinal)) return new ToolCallFormat(syntax);
        }
        return null;
    }

    /// <summary>The calls in an answer.</summary>
    /// <param name="answer">All that the model wrote after its reasoning, special tokens included.</param>
    /// <param name="text">The answer without them; what only looks like a call stays in it.</param>
    /// <param name="names">The functions there are: other names make no call where nothing else announces one. Null for any.</param>
    /// <returns>In the order in which they stand; arguments that are not a whole JSON object stay as the model wrote them.</returns>
    public IReadOnlyList<ToolCall> Parse(string answer, out string text, IReadOnlyCollection<string>? names = null)
    {
        ArgumentNullException.ThrowIfNull(answer);
        return new CallParser(Syntax, names).Parse(answer, out text);
    }
}
