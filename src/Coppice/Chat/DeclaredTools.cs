using System.Text;
using System.Text.Json;
using Coppice.Text;

namespace Coppice;

/// <summary>
/// Tools for a model whose template knows of none: declared in a system message, and calls and results of earlier turns as text, all in the
/// form of <see cref="ToolCallFormat.Tagged"/>, which most instruction-tuned models have seen.
/// </summary>
internal static class DeclaredTools
{
    private const string Introduction =
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are provided with function signatures within "
        + "<tools></tools> XML tags:\n<tools>\n";
    private const string Instruction =
        "</tools>\n\n"
        + "For each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\n"
        + "<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>";

    /// <summary>The conversation as such a model is given it.</summary>
    /// <param name="messages">The conversation.</param>
    /// <param name="tools">The declarations; null for none, then only calls and results are rewritten.</param>
    public static IReadOnlyList<ChatMessage> Write(IReadOnlyList<ChatMessage> messages, JsonElement? tools)
    {
        var result = new List<ChatMessage>();
        var first = 0;
        if (tools is { } declarations)
        {
            var text = new StringBuilder(Introduction);
            foreach (var tool in declarations.EnumerateArray()) text.Append(tool.GetRawText()).Append('\n');
            text.Append(Instruction);
            if (messages.Count > 0 && messages[0].Role == "system")
            {
                text.Insert(0, messages[0].Content + "\n\n");
                first = 1;
            }
            result.Add(new ChatMessage("system", text.ToString()));
        }
        foreach (var message in messages.Skip(first)) Add(message, result);
        return result;
    }

    private static void Add(ChatMessage message, List<ChatMessage> result)
    {
        if (message.Role == "tool")
        {
            var text = $"<tool_response>\n{message.Content}\n</tool_response>";
            // Results of several calls are one turn.
            if (result.Count > 0 && result[^1] is { Role: "user" } last
                && last.Content.EndsWith("</tool_response>", StringComparison.Ordinal))
                result[^1] = new ChatMessage("user", last.Content + "\n" + text);
            else result.Add(new ChatMessage("user", text));
            return;
        }
        if (message.Role != "assistant" || !message.ToJson().TryGetProperty("tool_calls", out var calls)
            || calls.ValueKind != JsonValueKind.Array)
        {
            result.Add(message);
            return;
        }
        var written = new StringBuilder(message.Content);
        foreach (var call in calls.EnumerateArray())
        {
            if (!call.TryGetProperty("function", out var function)) function = call;
            if (function.ValueKind != JsonValueKind.Object || !function.TryGetProperty("name", out var name)) continue;
            if (written.Length > 0) written.Append('\n');
            var arguments = !function.TryGetProperty("arguments", out var given) ? "{}"
                : given.ValueKind == JsonValueKind.String ? given.GetString() : given.GetRawText();
            written.Append("<tool_call>\n{\"name\": ").Append(name.GetRawText()).Append(", \"arguments\": ").Append(arguments).Append(
                "}\n</tool_call>");
        }
        result.Add(new ChatMessage("assistant", written.ToString()));
    }
}
