using System.Text.Json;
using Coppice.Text.Templates;

namespace Coppice.Text;

/// <summary>One message of a conversation: a role and a text, or any JSON object that a template understands.</summary>
public sealed class ChatMessage
{
    private readonly string? _role;
    private readonly string? _content;
    private readonly JsonElement _json;

    /// <summary>A message with a role (such as "user") and a text.</summary>
    public ChatMessage(string role, string content)
    {
        ArgumentNullException.ThrowIfNull(role);
        ArgumentNullException.ThrowIfNull(content);
        (_role, _content) = (role, content);
    }

    /// <summary>A message as a JSON object, whose keys keep their order; of a key given twice the last value counts.</summary>
    public ChatMessage(JsonElement json) => _json = json;

    internal object? ToValue(Renderer renderer, bool leave)
    {
        if (_role is null)
        {
            var value = JsonInput.ToValue(_json, renderer);
            return leave || value is not DictValue given ? value : Prepare(given, renderer);
        }
        var message = new DictValue(renderer.Comparer);
        message.Set("role", _role);
        message.Set("content", _content);
        return message;
    }

    // What apply_chat_template does first: null means absent, and the names under which reasoning is known all have it.
    private static DictValue Prepare(DictValue given, Renderer renderer)
    {
        var message = new DictValue(renderer.Comparer);
        foreach (var (key, value) in given.Entries)
            if (value is not null) message.Set(key, value);
        foreach (var name in new[] { "reasoning_content", "thinking", "reasoning" })
        {
            if (!message.TryGet(name, out var reasoning)) continue;
            message.Set("reasoning_content", reasoning);
            if (!message.TryGet("thinking", out _)) message.Set("thinking", reasoning);
            break;
        }
        return message;
    }
}
