using System.Text.Json;
using Coppice.Text.Templates;

namespace Coppice.Text;

/// <summary>
/// A chat template: a Jinja template that turns a conversation into the text that a model was trained on. It is parsed once, does
/// not change, and may render on many threads at a time.
/// </summary>
/// <remarks>
/// Templates behave as in <c>jinja2</c> 3.1 under the environment of Hugging Face's <c>apply_chat_template</c>: trim_blocks and
/// lstrip_blocks, loop controls, <c>{% generation %}</c>, <c>tojson</c> without HTML escapes, <c>raise_exception</c> and
/// <c>strftime_now</c>. A template reaches nothing but the variables of its <see cref="ChatTemplateInput"/>.
/// </remarks>
public sealed class ChatTemplate
{
    private readonly IReadOnlyList<Statement> _statements;
    private readonly IReadOnlyDictionary<string, BlockStatement> _blocks;
    private readonly Scope _scope;
    private readonly TemplateLimits _limits;

    /// <summary>Parses <paramref name="source"/>.</summary>
    /// <param name="source">The text of the template.</param>
    /// <param name="limits">How much work a rendering may do; <see cref="TemplateLimits.Default"/> where null.</param>
    /// <exception cref="TemplateException">The template is not well formed, or is nested too deeply.</exception>
    public ChatTemplate(string source, TemplateLimits? limits = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        Source = source;
        _limits = limits ?? TemplateLimits.Default;
        (_statements, _blocks) = Parser.Parse(source);
        _scope = ScopeAnalyzer.Analyze(_statements);
    }

    /// <summary>The text of the template.</summary>
    public string Source { get; }

    /// <summary>The text of a conversation.</summary>
    /// <exception cref="TemplateException">The template refused the conversation, failed on it, or passed a limit.</exception>
    public string Render(ChatTemplateInput input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var renderer = new Renderer(_limits, input.Now);
        input.Define(renderer);
        return renderer.Render(_statements, _scope, _blocks);
    }

    /// <summary>
    /// The text of one recorded case, <c>{"messages", "tools", "add_generation_prompt", "variables", "now", "template"?}</c>. A case
    /// with a template of its own is rendered by that, with its messages untouched; any other by <paramref name="template"/>.
    /// </summary>
    /// <exception cref="TemplateException">The case is malformed or has no template, or its template failed.</exception>
    public static string RenderCase(JsonElement recorded, ChatTemplate? template)
    {
        var input = ChatTemplateInput.FromJson(recorded);
        if (!recorded.TryGetProperty("template", out var own))
            return (template ?? throw TemplateException.Other("case: a template must be given, and there is none")).Render(input);
        var source = JsonInput.Text(own) ?? throw TemplateException.Other($"case: template must be a text, found {own.ValueKind}");
        return new ChatTemplate(source).Render(input with { LeaveMessages = true });
    }
}
