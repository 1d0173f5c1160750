using System.Text.Json;
using Coppice.Text;

namespace Coppice.Cli;

/// <summary>A model's chat templates with what they look at beside the messages: the special tokens and the clock.</summary>
internal sealed class ChatRenderer(ChatTemplate? template, IReadOnlyDictionary<string, string>? tokens = null)
{
    private const string WithTools = "tool_use";

    /// <summary>For conversations with tools, where the model has another template for those.</summary>
    private Lazy<ChatTemplate>? _withTools;

    /// <summary>The templates of a model's folder.</summary>
    /// <exception cref="CommandException">The folder has none.</exception>
    public static ChatRenderer Of(Tokenizer tokenizer)
    {
        var source = tokenizer.ChatTemplate ?? throw new CommandException("model: has no chat template (give the text with --prompt, or a template with `coppice render --template`).");
        var renderer = new ChatRenderer(new ChatTemplate(source), tokenizer.SpecialTokens.Named);
        if (tokenizer.ChatTemplates.TryGetValue(WithTools, out var other))
            renderer._withTools = new Lazy<ChatTemplate>(() => new ChatTemplate(other));
        return renderer;
    }

    /// <summary>The text of a conversation, up to where the answer begins.</summary>
    public string Render(IReadOnlyList<ChatMessage> messages, JsonElement? tools = null) =>
        Render(new ChatTemplateInput { Messages = messages, Tools = tools, AddGenerationPrompt = true });

    /// <summary>The text of a recorded conversation; one with a template of its own is rendered by that.</summary>
    public string Render(JsonElement recorded)
    {
        if (recorded.TryGetProperty("template", out _)) return ChatTemplate.RenderCase(recorded, template);
        return Render(ChatTemplateInput.FromJson(recorded));
    }

    private string Render(ChatTemplateInput input)
    {
        var by = input.Tools is null || _withTools is null ? template : _withTools.Value;
        foreach (var (name, token) in tokens ?? new Dictionary<string, string>())
            if (!input.Variables.ContainsKey(name)) input = input.WithVariable(name, token);
        if (by is null)
            throw new CommandException("render: a --template, a --model or a \"template\" in the line must be given, found none.");
        return by.Render(input.Now is null ? input with { Now = DateTime.Now } : input);
    }
}
