using System.Text.Json;
using Coppice.Text;

namespace Coppice.Cli;

/// <summary>What renders conversations: the templates of a model's folder, or one template alone.</summary>
internal sealed class ChatRenderer(ChatTemplate? template, ChatFormat? format = null)
{
    /// <summary>The templates of a model's folder.</summary>
    /// <exception cref="CommandException">The folder has none.</exception>
    public static ChatRenderer Of(Tokenizer tokenizer) => tokenizer.ChatTemplate is null
        ? throw new CommandException(
            "model: has no chat template (give the text with --prompt, or a template with `coppice render --template`).")
        : new ChatRenderer(null, new ChatFormat(tokenizer));

    /// <summary>The tokens of a conversation, up to where the answer begins; what it spells is text.</summary>
    public int[] Encode(IReadOnlyList<ChatMessage> messages, JsonElement? tools = null) =>
        format!.Encode(new ChatTemplateInput { Messages = messages, Tools = tools, AddGenerationPrompt = true, Now = DateTime.Now });

    /// <summary>The text of a recorded conversation; one with a template of its own is rendered by that.</summary>
    public string Render(JsonElement recorded)
    {
        if (recorded.TryGetProperty("template", out _)) return ChatTemplate.RenderCase(recorded, template);
        var input = ChatTemplateInput.FromJson(recorded);
        if (input.Now is null) input = input with { Now = DateTime.Now };
        if (format is not null) return format.Render(input);
        if (template is null)
            throw new CommandException("render: a --template, a --model or a \"template\" in the line must be given, found none.");
        return template.Render(input);
    }
}
