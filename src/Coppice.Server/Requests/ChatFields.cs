using System.Text.Json;
using Coppice.Server.Http;
using Coppice.Text;

namespace Coppice.Server.Requests;

/// <summary>The messages and tools of a request to /v1/chat/completions.</summary>
internal static class ChatFields
{
    private const string MustBeText = "a text, or a list of parts {\"type\": \"text\", \"text\"}";

    /// <summary>The conversation.</summary>
    /// <exception cref="ApiException">It is not what it must be.</exception>
    public static IReadOnlyList<ChatMessage> Messages(RequestFields fields)
    {
        const string must = "a list of at least one message";
        var list = fields.List("messages") ?? throw ApiException.Wrong("messages", must, "nothing");
        if (list.GetArrayLength() == 0) throw ApiException.Wrong("messages", must, list);
        var names = new Dictionary<string, string>(StringComparer.Ordinal);       // of functions, by the ids of calls
        return [.. list.EnumerateArray().Select(message => Message(message, names))];
    }

    /// <summary>The functions that may be called.</summary>
    /// <exception cref="ApiException">They are not what they must be.</exception>
    public static IReadOnlyList<ChatTool> Tools(RequestFields fields) =>
        fields.List("tools") is { } list ? [.. list.EnumerateArray().Select(Tool)] : [];

    /// <summary>Whether one is called.</summary>
    /// <exception cref="ApiException">It is not what it must be.</exception>
    public static ToolChoice Choice(RequestFields fields)
    {
        const string must = "auto, none, required, or {\"type\": \"function\", \"function\": {\"name\"}}";
        if (fields.Any("tool_choice") is not { } value) return ToolChoice.Auto;
        if (value.ValueKind == JsonValueKind.Object)
        {
            var choice = new RequestFields(value);
            var named = choice.Choice("type", "function") is null ? null : choice.Object("function");
            var name = named is { } function ? new RequestFields(function).Text("name") : null;
            return string.IsNullOrEmpty(name) ? throw ApiException.Wrong("tool_choice", must, value) : ToolChoice.Function(name);
        }
        return (value.ValueKind == JsonValueKind.String ? value.GetString() : null) switch
        {
            "auto" => ToolChoice.Auto,
            "none" => ToolChoice.None,
            "required" => ToolChoice.Required,
            _ => throw ApiException.Wrong("tool_choice", must, value),
        };
    }

    /// <summary>The schema that the answer must follow; null for any text.</summary>
    /// <exception cref="ApiException">The format is not what it must be.</exception>
    public static string? Schema(RequestFields fields)
    {
        if (fields.Object("response_format") is not { } value) return null;
        var format = new RequestFields(value);
        switch (format.Choice("type", "text", "json_object", "json_schema"))
        {
            case "text": return null;
            case "json_object": return """{"type": "object"}""";
            case "json_schema":
                var given = new RequestFields(format.Object("json_schema")
                    ?? throw ApiException.Wrong("json_schema", "an object with a \"schema\"", "nothing"));
                var schema = given.Object("schema") ?? throw ApiException.Wrong("schema", "a JSON Schema", "nothing");
                (_, _, _) = (given.Text("name"), given.Text("description"), given.Flag("strict"));
                given.RefuseOthers();
                return schema.GetRawText();
            default: throw ApiException.Wrong("response_format", "an object with a \"type\"", value);
        }
    }

    /// <summary>Further variables of the template.</summary>
    /// <exception cref="ApiException">They are not what they must be.</exception>
    public static Dictionary<string, JsonElement> Variables(RequestFields fields)
    {
        var variables = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        if (fields.Object("chat_template_kwargs") is { } given)
        {
            foreach (var variable in given.EnumerateObject()) variables[variable.Name] = variable.Value.Clone();
        }
        if (fields.Text("reasoning_effort") is not null)
            variables.TryAdd("reasoning_effort", fields.Any("reasoning_effort")!.Value.Clone());
        return variables;
    }

    private static ChatMessage Message(JsonElement json, Dictionary<string, string> names)
    {
        if (json.ValueKind != JsonValueKind.Object) throw ApiException.Wrong("messages", "a list of objects", json);
        var fields = new RequestFields(json);
        var role = fields.Choice("role", "system", "developer", "user", "assistant", "tool")
            ?? throw ApiException.Wrong("role", "given for each message", "nothing");
        var content = Content(fields);
        fields.Text("name");
        if (role == "assistant") return Assistant(fields, content, names);
        if (content is null) throw ApiException.Wrong("content", MustBeText, "nothing");
        if (role == "tool")
        {
            var id = fields.Text("tool_call_id") ?? throw ApiException.Wrong("tool_call_id", "the id of a call", "nothing");
            fields.RefuseOthers();
            return ChatMessage.ToolResult(id, names.GetValueOrDefault(id, ""), content);
        }
        fields.RefuseOthers();
        // Templates know the older name of what instructs a model.
        return new ChatMessage(role == "developer" ? "system" : role, content);
    }

    private static ChatMessage Assistant(RequestFields fields, string? content, Dictionary<string, string> names)
    {
        var calls = new List<ToolCall>();
        foreach (var json in fields.List("tool_calls")?.EnumerateArray() ?? default)
        {
            if (json.ValueKind != JsonValueKind.Object) throw ApiException.Wrong("tool_calls", "a list of objects", json);
            var call = new RequestFields(json);
            var id = call.Text("id") ?? "";
            var function = call.Object("function") ?? throw ApiException.Wrong("function", "an object with name and arguments", json);
            var inner = new RequestFields(function);
            var name = inner.Text("name") ?? throw ApiException.Wrong("name", "the name of a function", function);
            names[id] = name;
            calls.Add(new ToolCall(id, name, inner.Text("arguments") ?? "{}"));
        }
        var reasoning = fields.Text("reasoning_content");
        // What an answer of the API has and a client sends back.
        foreach (var name in (string[])["refusal", "audio", "annotations"]) fields.Any(name);
        fields.RefuseOthers();
        if (content is null && calls.Count == 0)
            throw ApiException.Wrong("content", $"{MustBeText}, where there are no \"tool_calls\"", "nothing");
        return ChatMessage.Assistant(content ?? "", calls, reasoning);
    }

    private static string? Content(RequestFields fields)
    {
        if (fields.Any("content") is not { } value) return null;
        if (value.ValueKind != JsonValueKind.Array) return RequestFields.TextOf("content", value, MustBeText);
        return string.Concat(value.EnumerateArray().Select(part =>
        {
            if (part.ValueKind != JsonValueKind.Object) throw ApiException.Wrong("content", MustBeText, part);
            var inner = new RequestFields(part);
            inner.Choice("type", "text", "refusal");
            return inner.Text("text") ?? inner.Text("refusal") ?? throw ApiException.Wrong("content", MustBeText, part);
        }));
    }

    private static ChatTool Tool(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object) throw ApiException.Wrong("tools", "a list of objects", json);
        var outer = new RequestFields(json);
        var function = outer.Choice("type", "function") is null ? null : outer.Object("function");
        if (function is not { } value) throw ApiException.Wrong("tools", "objects {\"type\": \"function\", \"function\"}", json);
        var fields = new RequestFields(value);
        var name = fields.Text("name") ?? throw ApiException.Wrong("name", "the name of a function", value);
        var tool = new ChatTool(name, fields.Text("description"), fields.Object("parameters")?.Clone())
        {
            IsStrict = fields.Flag("strict") ?? true,
        };
        fields.RefuseOthers();
        return tool;
    }
}
