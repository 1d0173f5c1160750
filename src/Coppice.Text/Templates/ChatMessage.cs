using System.Buffers;
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

    /// <summary>Who speaks, as "user" or "assistant"; empty where the object does not say.</summary>
    public string Role => _role ?? TextOf("role");

    /// <summary>What is said; empty where the object has no "content" that is a text.</summary>
    public string Content => _content ?? TextOf("content");

    /// <summary>An answer of the model: its text, what it reasoned before, and the functions that it called.</summary>
    /// <param name="text">The text; may be empty.</param>
    /// <param name="calls">The calls, in order; null for none.</param>
    /// <param name="reasoning">What it reasoned; null for nothing. Most templates leave it out of later turns.</param>
    public static ChatMessage Assistant(string text, IReadOnlyList<ToolCall>? calls = null, string? reasoning = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (calls is null or { Count: 0 } && string.IsNullOrEmpty(reasoning)) return new ChatMessage("assistant", text);
        return Write(writer =>
        {
            writer.WriteString("role", "assistant");
            writer.WriteString("content", text);
            if (!string.IsNullOrEmpty(reasoning)) writer.WriteString("reasoning_content", reasoning);
            if (calls is null or { Count: 0 }) return;
            writer.WriteStartArray("tool_calls");
            foreach (var call in calls)
            {
                writer.WriteStartObject();
                writer.WriteString("id", call.Id);
                writer.WriteString("type", "function");
                writer.WriteStartObject("function");
                writer.WriteString("name", call.Name);
                writer.WritePropertyName("arguments");
                if (call.TryArguments(out var arguments)) JsonText.WriteAsItStands(writer, arguments);
                else writer.WriteStringValue(call.Arguments);
                writer.WriteEndObject();
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
        });
    }

    /// <summary>What a function that the model called has returned.</summary>
    /// <param name="id">The call's <see cref="ToolCall.Id"/>.</param>
    /// <param name="name">The function.</param>
    /// <param name="result">What it returned, as text.</param>
    public static ChatMessage ToolResult(string id, string name, string result)
    {
        ArgumentNullException.ThrowIfNull(id);
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(result);
        return Write(writer =>
        {
            writer.WriteString("role", "tool");
            writer.WriteString("tool_call_id", id);
            writer.WriteString("name", name);
            writer.WriteString("content", result);
        });
    }

    /// <summary>The message as a JSON object.</summary>
    public JsonElement ToJson()
    {
        if (_role is null) return _json;
        var (role, content) = (_role, _content!);
        return Write(writer =>
        {
            writer.WriteString("role", role);
            writer.WriteString("content", content);
        })._json;
    }

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

    /// <summary>The message with other texts: of its role and its content, or of every text in its object.</summary>
    internal ChatMessage With(Func<string, string> text) =>
        _role is null ? new ChatMessage(JsonRewriter.Texts(_json, text)) : new ChatMessage(text(_role), text(_content!));

    private string TextOf(string name) =>
        _json.ValueKind == JsonValueKind.Object && _json.TryGetProperty(name, out var value) ? JsonInput.Text(value) ?? "" : "";

    private static ChatMessage Write(Action<Utf8JsonWriter> members)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            members(writer);
            writer.WriteEndObject();
        }
        return new ChatMessage(JsonRewriter.Parse(buffer.WrittenMemory));
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
