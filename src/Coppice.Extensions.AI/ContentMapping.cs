using System.Text.Json;
using Coppice.Text;
using Microsoft.Extensions.AI;
using AIChatMessage = Microsoft.Extensions.AI.ChatMessage;
using ChatMessage = Coppice.Text.ChatMessage;

namespace Coppice.Extensions.AI;

/// <summary>Messages of Microsoft.Extensions.AI as messages for a template, and calls the other way round.</summary>
internal static class ContentMapping
{
    /// <summary>The messages, each with the results of calls apart: templates have a message for each.</summary>
    /// <exception cref="NotSupportedException">A content is neither text, reasoning, a call nor its result.</exception>
    public static List<ChatMessage> Messages(IEnumerable<AIChatMessage> messages)
    {
        var result = new List<ChatMessage>();
        var names = new Dictionary<string, string>(StringComparer.Ordinal);        // of calls, by id
        foreach (var message in messages)
        {
            if (message is null) throw new ArgumentException("messages: must not hold null.", nameof(messages));
            Add(message, names, result);
        }
        return result;
    }

    /// <summary>A call that the model makes; arguments that are not JSON are reported in its exception.</summary>
    public static FunctionCallContent Call(ToolCall call)
    {
        var content = FunctionCallContent.CreateFromParsedArguments(
            call.Arguments, call.Id, call.Name,
            static arguments => JsonSerializer.Deserialize(arguments, ClientJson.Default.DictionaryStringObject));
        content.RawRepresentation = call;
        return content;
    }

    private static void Add(AIChatMessage message, Dictionary<string, string> names, List<ChatMessage> result)
    {
        var (text, reasoning, calls, results) = (new List<string>(), new List<string>(), new List<ToolCall>(), 0);
        foreach (var content in message.Contents)
        {
            switch (content)
            {
                case TextContent said: text.Add(said.Text); break;
                case TextReasoningContent thought: reasoning.Add(thought.Text); break;
                case FunctionCallContent call:
                    names[call.CallId] = call.Name;
                    calls.Add(new ToolCall(call.CallId, call.Name, Arguments(call)));
                    break;
                case FunctionResultContent returned:
                    results++;
                    result.Add(ChatMessage.ToolResult(returned.CallId, names.GetValueOrDefault(returned.CallId, ""), Result(returned)));
                    break;
                case UsageContent: break;        // what an earlier answer cost says nothing to the model
                default:
                    throw new NotSupportedException(
                        $"messages: the model takes text, reasoning, calls of functions and their results, "
                        + $"found {content.GetType().Name} in a message of "
                        + $"{message.Role}.");
            }
        }
        if (results > 0 && text.Count == 0 && calls.Count == 0) return;
        var whole = string.Concat(text);
        result.Add(message.Role == ChatRole.Assistant
            ? ChatMessage.Assistant(whole, calls, string.Concat(reasoning))
            : new ChatMessage(message.Role.Value, whole));
    }

    private static string Arguments(FunctionCallContent call)
    {
        if (call.Arguments is null) return call.RawRepresentation is ToolCall raw ? raw.Arguments : "{}";
        return JsonSerializer.Serialize(call.Arguments, AIJsonUtilities.DefaultOptions.GetTypeInfo(typeof(IDictionary<string, object?>)));
    }

    /// <summary>A text as it is, anything else as JSON.</summary>
    private static string Result(FunctionResultContent returned) => returned.Result switch
    {
        null => returned.Exception is { } error ? $"Error: {error.Message}" : "null",
        string text => text,
        JsonElement { ValueKind: JsonValueKind.String } text => text.GetString()!,
        JsonElement json => json.GetRawText(),
        TextContent text => text.Text,
        var other => JsonSerializer.Serialize(other, AIJsonUtilities.DefaultOptions.GetTypeInfo(other.GetType())),
    };
}
