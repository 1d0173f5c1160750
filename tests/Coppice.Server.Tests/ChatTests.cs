using System.ClientModel;
using System.Net;
using System.Text.Json;
using Microsoft.Extensions.AI;
using OpenAI;
using OpenAI.Chat;
using Xunit;

namespace Coppice.Server.Tests;

/// <summary>/v1/chat/completions, by hand and through the official clients: every answer is the one of the library.</summary>
public sealed class ChatTests : IDisposable
{
    private const string Path = "/v1/chat/completions", Ask = "\"messages\": [{\"role\": \"user\", \"content\": \"Gets or sets\"}]";

    /// <summary>The small model with a template, as it has none of its own.</summary>
    private readonly string _folder = Directory.CreateTempSubdirectory("coppice-chat-").FullName;

    public ChatTests()
    {
        var files = Directory.GetFiles(RunningServer.Tiny, "*.json")
            .Append(System.IO.Path.Combine(RunningServer.Tiny, "model.safetensors"));
        foreach (var file in files) File.Copy(file, System.IO.Path.Combine(_folder, System.IO.Path.GetFileName(file)));
        File.WriteAllText(
            System.IO.Path.Combine(_folder, "chat_template.jinja"),
            "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
            + "{% if tools %}Functions: {{ tools | tojson }}\n{% endif %}assistant:");
    }

    [Fact]
    public async Task An_answer_is_that_of_the_library_whole_and_in_events()
    {
        await using var server = await RunningServer.StartAsync(folder: _folder);
        var expected = await server.Model.Chat.CompleteAsync(new ChatRequest
        {
            Messages = [new Text.ChatMessage("user", "Gets or sets")],
            Generation = new GenerationOptions { MaxTokens = 24, Temperature = 0.7f, Seed = 9 },
        });
        const string rest = $"{{{Ask}, \"max_completion_tokens\": 24, \"temperature\": 0.7, \"seed\": 9, \"user\": \"me\"";
        var json = (await server.PostAsync(Path, rest + "}")).Json;
        Assert.Equal("chat.completion", json.GetProperty("object").GetString());
        var choice = json.GetProperty("choices")[0];
        Assert.Equal(expected.Text, choice.GetProperty("message").GetProperty("content").GetString());
        Assert.Equal(expected.Generation.PromptTokens, json.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
        var events = await server.StreamAsync(Path, rest + ", \"stream\": true}").ToListAsync();
        var deltas = events[..^1].Select(text => JsonDocument.Parse(text).RootElement.GetProperty("choices")[0]).ToArray();
        Assert.Equal("assistant", deltas[0].GetProperty("delta").GetProperty("role").GetString());
        Assert.Equal(expected.Text,
            string.Concat(
            deltas.Select(delta => delta.GetProperty("delta").TryGetProperty("content", out var text) ? text.GetString() : "")));
        Assert.Equal(choice.GetProperty("finish_reason").GetString(), deltas[^1].GetProperty("finish_reason").GetString());
    }

    [Fact]
    public async Task A_schema_holds_and_a_required_tool_is_called_with_arguments_of_its_schema()
    {
        await using var server = await RunningServer.StartAsync(folder: _folder);
        const string schema = """
            {"type": "object", "properties": {"kind": {"enum": ["method", "property"]}}, "required": ["kind"],
             "additionalProperties": false}
            """;
        var format = $$$"""{"type": "json_schema", "json_schema": {"name": "n", "strict": true, "schema": {{{schema}}}}}""";
        var answer = (await server.PostAsync(Path, $$"""{ {{Ask}}, "max_tokens": 60, "response_format": {{format}} }""")).Json;
        var text = answer.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!;
        Assert.Contains(JsonDocument.Parse(text).RootElement.GetProperty("kind").GetString(), (string[])["method", "property"]);
        var function = $$"""{"name": "describe", "description": "d", "parameters": {{schema}} }""";
        var tools = $$"""
            { {{Ask}}, "max_tokens": 120, "tools": [{"type": "function", "function": {{function}} }],
              "tool_choice": "required", "parallel_tool_calls": false}
            """;
        var choice = (await server.PostAsync(Path, tools)).Json.GetProperty("choices")[0];
        Assert.Equal("tool_calls", choice.GetProperty("finish_reason").GetString());
        var called = Assert.Single(choice.GetProperty("message").GetProperty("tool_calls").EnumerateArray()).GetProperty("function");
        Assert.Equal("describe", called.GetProperty("name").GetString());
        Assert.True(JsonDocument.Parse(called.GetProperty("arguments").GetString()!).RootElement.TryGetProperty("kind", out _));
    }

    [Fact]
    public async Task What_is_no_conversation_is_refused_by_name()
    {
        await using var server = await RunningServer.StartAsync(folder: _folder);
        foreach (var (rest, field) in ((string, string)[])
        [
            ("{}", "messages"), ("{\"messages\": []}", "messages"), ("{\"messages\": [3]}", "messages"),
                ("{\"messages\": [{\"role\": \"king\", \"content\": \"a\"}]}", "role"),
            ("{\"messages\": [{\"role\": \"user\"}]}", "content"),
            ("{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\"}]}]}", "type"),
            ($"{{{Ask}, \"tools\": [{{}}]}}", "tools"), ($"{{{Ask}, \"tool_choice\": \"maybe\"}}", "tool_choice"),
            ($"{{{Ask}, \"response_format\": {{\"type\": \"xml\"}}}}", "type"),
            ($"{{{Ask}, \"top_logprobs\": 3}}", "top_logprobs"), ($"{{{Ask}, \"functions\": []}}", "functions"),
            ($"{{{Ask}, \"max_completion_tokens\": 9999}}", "max_completion_tokens"),
        ])
        {
            var answer = await server.PostAsync(Path, rest);
            Assert.True(answer.Status == HttpStatusCode.BadRequest, $"{rest}: {answer.Status} {answer.Body}");
            Assert.Equal(field, answer.Error.GetProperty("param").GetString());
        }
        // Half a surrogate pair is no text, wherever it stands.
        const string half = "\\ud800", function = "{\"type\": \"function\", \"function\": {\"name\": \"f\", \"parameters\": ";
        foreach (var rest in (string[])
        [
            $"{{\"messages\": [{{\"role\": \"user\", \"content\": \"{half}\"}}]}}",
            $"{{{Ask}, \"tools\": [{function}{{\"a\": \"{half}\"}}}}}}]}}",
            $"{{{Ask}, \"response_format\": {{\"type\": \"json_schema\", \"json_schema\": {{\"schema\": {{\"type\": \"{half}\"}}}}}}}}",
            $"{{{Ask}, \"chat_template_kwargs\": {{\"{half}\": 1}}}}",
        ])
        {
            var answer = await server.PostAsync(Path, rest);
            Assert.True(answer.Status == HttpStatusCode.BadRequest, $"{rest}: {answer.Status} {answer.Body}");
        }
        var longest = await server.PostAsync(Path, $$"""{"messages": [{"role": "user", "content": "{{new string('x', 9000)}}"}]}""");
        Assert.Equal("context_length_exceeded", longest.Error.GetProperty("code").GetString());
        await using var plain = await RunningServer.StartAsync();
        Assert.Equal("no_chat_template", (await plain.PostAsync(Path, $"{{{Ask}}}")).Error.GetProperty("code").GetString());
    }

    [Fact]
    public async Task The_official_clients_complete_and_stream()
    {
        await using var server = await RunningServer.StartAsync(folder: _folder);
        var expected = await server.Model.Chat.CompleteAsync(new ChatRequest
        {
            Messages = [new Text.ChatMessage("user", "Closes the")],
            Generation = new GenerationOptions { MaxTokens = 20 },
        });
        var client =
            new OpenAIClient(new ApiKeyCredential("any"), new OpenAIClientOptions { Endpoint = new Uri(server.Server.Address, "/v1") })
            .GetChatClient("tiny");
        var options = new ChatCompletionOptions { MaxOutputTokenCount = 20, Temperature = 0 };
        var whole = (await client.CompleteChatAsync([new UserChatMessage("Closes the")], options)).Value;
        Assert.Equal(expected.Text, whole.Content[0].Text);
        var streamed = "";
        await foreach (
            var update in client.CompleteChatStreamingAsync([new UserChatMessage("Closes the")], options)) streamed += string.Concat(
            update.ContentUpdate.Select(part => part.Text));
        Assert.Equal(expected.Text, streamed);
        using var general = client.AsIChatClient();
        var response = await general.GetResponseAsync("Closes the", new ChatOptions { MaxOutputTokens = 20, Temperature = 0 });
        Assert.Equal(expected.Text, response.Text);
        Assert.Equal(expected.Generation.PromptTokens, response.Usage!.InputTokenCount);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
