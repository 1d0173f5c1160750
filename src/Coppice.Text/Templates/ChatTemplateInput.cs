using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Coppice.Text.Templates;

namespace Coppice.Text;

/// <summary>What a chat template is rendered with.</summary>
public sealed record ChatTemplateInput
{
    /// <summary>The conversation, oldest message first.</summary>
    public IReadOnlyList<ChatMessage> Messages { get; init; } = [];

    /// <summary>The tools that the model may call, as a JSON array; null where there are none.</summary>
    public JsonElement? Tools { get; init; }

    /// <summary>The documents that the model may cite, as a JSON array; null where there are none.</summary>
    public JsonElement? Documents { get; init; }

    /// <summary>Whether the text ends with the beginning of an answer.</summary>
    public bool AddGenerationPrompt { get; init; }

    /// <summary>Everything else that the template may look at: bos_token, eos_token, enable_thinking and the like.</summary>
    public IReadOnlyDictionary<string, JsonElement> Variables { get; init; } = new Dictionary<string, JsonElement>();

    /// <summary>The time that strftime_now tells; a template that asks for it fails where this is null.</summary>
    public DateTime? Now { get; init; }

    /// <summary>
    /// Whether the template sees the messages exactly as given. Otherwise keys whose value is null are dropped, and a message with
    /// any of reasoning_content, thinking and reasoning has the first two of them, as apply_chat_template arranges it.
    /// </summary>
    public bool LeaveMessages { get; init; }

    /// <summary>A copy with one variable more.</summary>
    public ChatTemplateInput WithVariable(string name, JsonElement value) =>
        this with { Variables = new Dictionary<string, JsonElement>(Variables) { [name] = value } };

    /// <summary>A copy with one variable more.</summary>
    public ChatTemplateInput WithVariable(string name, string value) =>
        WithVariable(name, JsonElement.Parse($"\"{JavaScriptEncoder.Default.Encode(value)}\""));

    /// <summary>A copy with one variable more.</summary>
    public ChatTemplateInput WithVariable(string name, bool value) => WithVariable(name, JsonElement.Parse(value ? "true" : "false"));

    /// <summary>The input that a recorded case describes: messages, tools, add_generation_prompt, variables and now.</summary>
    /// <exception cref="TemplateException">The case is malformed.</exception>
    public static ChatTemplateInput FromJson(JsonElement recorded)
    {
        Expect(recorded, JsonValueKind.Object, "case");
        var messages = Part(recorded, "messages", JsonValueKind.Array);
        var variables = new Dictionary<string, JsonElement>();
        if (Part(recorded, "variables", JsonValueKind.Object) is { } given)
            foreach (var property in given.EnumerateObject()) variables[JsonInput.Name(property)] = property.Value;
        return new ChatTemplateInput
        {
            Messages = messages is { } array ? [.. array.EnumerateArray().Select(message => new ChatMessage(message))] : [],
            Tools = Part(recorded, "tools", JsonValueKind.Array),
            AddGenerationPrompt = recorded.TryGetProperty("add_generation_prompt", out var prompt)
                && prompt.ValueKind == JsonValueKind.True,
            Variables = variables,
            Now = Part(recorded, "now", JsonValueKind.String) is { } now ? ReadTime(JsonInput.Text(now)!) : null,
        };
    }

    private static DateTime ReadTime(string text) =>
        DateTime.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out var time) ? time
            : throw TemplateException.Other($"case: now must be a time such as 2026-11-23T12:34:56, found '{text}'");

    private static JsonElement? Part(JsonElement recorded, string name, JsonValueKind kind)
    {
        if (!recorded.TryGetProperty(name, out var part) || part.ValueKind == JsonValueKind.Null) return null;
        Expect(part, kind, $"case: {name}");
        return part;
    }

    private static void Expect(JsonElement element, JsonValueKind kind, string what)
    {
        if (element.ValueKind != kind) throw TemplateException.Other($"{what} must be of the JSON kind {kind}, found {element.ValueKind}");
    }

    /// <summary>Defines the variables of a rendering.</summary>
    internal void Define(Renderer renderer)
    {
        renderer.Define("messages", new ListValue([.. Messages.Select(message => message.ToValue(renderer, LeaveMessages))]));
        renderer.Define("tools", Tools is { } tools ? JsonInput.ToValue(tools, renderer) : null);
        renderer.Define("documents", Documents is { } documents ? JsonInput.ToValue(documents, renderer) : null);
        renderer.Define("add_generation_prompt", AddGenerationPrompt);
        foreach (var (name, value) in Variables) renderer.Define(name, JsonInput.ToValue(value, renderer));
    }
}
