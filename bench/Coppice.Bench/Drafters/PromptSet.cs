using System.Text.Json;
using Coppice.Text;

namespace Coppice.Bench.Drafters;

/// <summary>A prompt, and the kind of text that it asks for.</summary>
internal sealed record ClassedPrompt(string Class, string Id, int[] Ids);

/// <summary>Prompts of a JSON lines file: {"class", "id", "prompt" or "messages"} a line.</summary>
internal static class PromptSet
{
    /// <summary>Reads <paramref name="path"/>; messages are rendered by the model's chat template, or joined where it has none.</summary>
    public static IReadOnlyList<ClassedPrompt> Read(string path, Tokenizer tokenizer)
    {
        var template = tokenizer.ChatTemplate is { } source ? new ChatTemplate(source) : null;
        return [.. File.ReadLines(path).Where(line => line.Length > 0)
            .Select(line => Parse(JsonDocument.Parse(line).RootElement, tokenizer, template))];
    }

    private static ClassedPrompt Parse(JsonElement json, Tokenizer tokenizer, ChatTemplate? template)
    {
        var (kind, id) = (json.GetProperty("class").GetString()!, json.GetProperty("id").GetString()!);
        if (json.TryGetProperty("prompt", out var text)) return new ClassedPrompt(kind, id, tokenizer.Encode(text.GetString()!));
        (string Role, string Content)[] messages =
            [.. json.GetProperty("messages").EnumerateArray()
                .Select(message => (message.GetProperty("role").GetString()!, message.GetProperty("content").GetString()!))];
        if (template is null)
            return new ClassedPrompt(kind, id, tokenizer.Encode(string.Join('\n', messages.Select(message => message.Content))));
        var input = new ChatTemplateInput
        {
            Messages = [.. messages.Select(message => new ChatMessage(message.Role, message.Content))],
            AddGenerationPrompt = true,
            Now = DateTime.Now,
        };
        foreach (var (name, token) in tokenizer.SpecialTokens.Named) input = input.WithVariable(name, token);
        return new ClassedPrompt(kind, id, tokenizer.Encode(template.Render(input), addSpecialTokens: false));
    }
}
