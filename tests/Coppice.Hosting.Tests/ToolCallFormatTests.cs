using System.Text.Json;
using System.Text.Json.Nodes;
using Coppice.Tests.Support;
using Coppice.Text;
using Xunit;

namespace Coppice.Hosting.Tests;

/// <summary>Calls are read back as templates write them.</summary>
public sealed class ToolCallFormatTests(ITestOutputHelper output)
{
    /// <summary>The published templates that write the calls of earlier turns.</summary>
    private static readonly string[] Writers =
    [
        "apertus", "deepseek-r1-distill", "functionary-v3.1", "hermes-3-tool-use", "kimi-k2", "llama-3.1", "llama-3.2", "mistral-nemo",
        "qwen2.5", "qwen3",
    ];

    public static TheoryData<string> Templates => [.. SharedData.Names("golden/templates").Where(name => name != "synthetic")];

    [Theory, MemberData(nameof(Templates))]
    public void What_a_template_renders_is_parsed_back(string name)
    {
        var folder = SharedData.Require(Path.Combine("golden", "templates", name));
        var template = new ChatTemplate(File.ReadAllText(Path.Combine(folder, "template.jinja")));
        var format = ToolCallFormat.Of(template.Source);
        var found = 0;
        foreach (var line in File.ReadLines(Path.Combine(folder, "cases.jsonl")))
        {
            using var document = JsonDocument.Parse(line);
            foreach (var leave in (bool[])[false, true])
            {
                var input = ChatTemplateInput.FromJson(document.RootElement) with { LeaveMessages = leave };
                for (var i = 0; i < input.Messages.Count; i++)
                    if (Calls(input.Messages[i]) is { Count: > 0 } calls && Rendered(template, input, i, calls) is { } answer)
                    {
                        found++;
                        AssertParsed(format, document.RootElement.GetProperty("id").GetString()!, answer, calls);
                    }
            }
        }
        output.WriteLine($"{name}: {found} answers with calls, format {format?.Name}");
        Assert.Equal(Writers.Contains(name), found > 0);
    }

    [Theory]
    [InlineData("[TOOL_CALLS]", "[TOOL_CALLS]get_weather[ARGS]{\"location\": \"Oslo\"}", "get_weather", "{\"location\": \"Oslo\"}")]
    [InlineData("[TOOL_CALLS]", "[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {}}]", "f", "{}")]
    [InlineData("<tool_call>", "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}}", "f", "{\"a\": 1}")]
    [InlineData("<tool_call>",
        "<tool_call>\n<function=f>\n<parameter=a>\nx\ny\n</parameter>\n<parameter=n>\n3\n</parameter>\n</function>\n</tool_call>",
        "f", "{\"a\": \"x\\ny\", \"n\": 3}")]
    [InlineData("<|tool_call|>", "<|tool_call|>[{\"name\": \"f\", \"arguments\": {\"a\": [1]}}]", "f", "{\"a\": [1]}")]
    [InlineData("\"parameters\": ", "<|python_tag|>{\"name\": \"f\", \"parameters\": {\"a\": \"b\"}}<|eom_id|>", "f", "{\"a\": \"b\"}")]
    [InlineData("\"parameters\": ", "[f(a='it\\'s', n=-1.5, l=[1, True, None], d={'k': \"v\"})]",
        "f", "{\"a\": \"it's\", \"n\": -1.5, \"l\": [1, true, null], \"d\": {\"k\": \"v\"}}")]
    [InlineData("\"parameters\": ", "<|python_tag|>print(1)", "python", "{\"code\": \"print(1)\"}")]
    [InlineData("tool_code", "```tool_code\nprint(f(a=\"b\"))\n```", "f", "{\"a\": \"b\"}")]
    [InlineData("<start_function_call>",
        "<start_function_call>call:f{a:<escape>b, {c}<escape>,n:3,l:[true,<escape>x<escape>],o:{k:1.5}}<end_function_call>",
        "f", "{\"a\": \"b, {c}\", \"n\": 3, \"l\": [true, \"x\"], \"o\": {\"k\": 1.5}}")]
    [InlineData("<|channel|>", "<|channel|>analysis<|message|>Hm.<|end|>"
        + "<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{\"a\": 1}<|call|>", "f", "{\"a\": 1}")]
    [InlineData("<|channel|>", " to=functions.f<|channel|>commentary json<|message|>{\"a\": 1}<|call|>", "f", "{\"a\": 1}")]
    public void Models_write_calls_in_these_ways_too(string sign, string answer, string name, string arguments)
    {
        var call = Assert.Single(ToolCallFormat.Of(sign)!.Parse(answer, out var text, ["f", "get_weather"]));
        Assert.Equal("", text);
        Assert.Equal(name, call.Name);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(arguments), JsonNode.Parse(call.Arguments)), call.Arguments);
    }

    [Theory]
    [InlineData("<tool_call>", "no call")]
    [InlineData("<tool_call>", "a <tool_call> that is none")]
    [InlineData("\"parameters\": ", "{\"answer\": 42}")]
    [InlineData("\"parameters\": ", "{\"name\": \"unknown\", \"parameters\": {}}")]
    [InlineData("\"parameters\": ", "[1, 2, 3]")]
    [InlineData("[TOOL_CALLS]", "[INST]")]
    [InlineData("<function=", "<function=")]
    [InlineData("<|tools_prefix|>", "<|tools_prefix|>[]")]
    public void What_is_no_call_stays_text(string sign, string answer)
    {
        Assert.Empty(ToolCallFormat.Of(sign)!.Parse(answer, out var text, ["f"]));
        Assert.Equal(answer, text);
    }

    /// <summary>Half a pair of surrogates is no character: it becomes U+FFFD, as when a conversation is encoded.</summary>
    [Theory]
    [InlineData("{\"a\": \"\ud83d\"}")]
    [InlineData("{\"\ud83d\": 1}")]
    [InlineData("{\"a\": \"\\ud83d\"}")]
    public void Half_a_pair_of_surrogates_in_arguments_is_no_error(string arguments)
    {
        var call = new ToolCall("1", "f", arguments);
        Assert.True(call.IsWellFormed);
        var message = ChatMessage.Assistant("\ude00", [call], "\ud83d");
        Assert.Equal("assistant", message.Role);
        Assert.Equal("\ufffd", message.Content);
        var said = new ChatMessage("user", "\ud83d");
        Assert.Equal("\ufffd", said.ToJson().GetProperty("content").GetString());
        var parsed = Assert.Single(ToolCallFormat.Tagged.Parse(
            "<tool_call>\n{\"name\": \"f\", \"arguments\": " + arguments + "}\n</tool_call>", out _));
        Assert.True(parsed.IsWellFormed);
    }

    /// <summary>Whatever a model writes, reading it ends and does not throw: random cuts, repetitions and mixtures of calls.</summary>
    [Fact]
    public void Nothing_that_a_model_writes_is_an_error()
    {
        string[] signs = ["<|tool_calls_section_begin|>", "<｜tool▁calls▁begin｜>", "<|tools_prefix|>", "[TOOL_CALLS]", "<|channel|>",
            "<start_function_call>", "<tool_call>", "<function=", "<|tool_call|>", "\"parameters\": ", "tool_code"];
        string[] shreds =
        [
            .. signs, "{", "}", "[", "]", "\"", "\\", "name", "\"name\": \"f\"", ", ", ": ", "\"arguments\": {}", "call:", "<escape>",
            "functions.f:0", "\n",
            "```json\n", "```", "(", ")", "f", "=", "'", "\ud83d", "\"\\ud83d\"", "<|message|>", "<|call|>", "<tool_call>", "</tool_call>",
                "<parameter=",
            "<|python_tag|>",
        ];
        var random = new Random(20);
        for (var i = 0; i < 20_000; i++)
        {
            var answer = string.Concat(Enumerable.Range(0, random.Next(1, 14)).Select(_ => shreds[random.Next(shreds.Length)]));
            foreach (var sign in signs)
            {
                foreach (var call in ToolCallFormat.Of(sign)!.Parse(answer, out _))
                    Assert.Equal(call.IsWellFormed, call.TryArguments(out _));
            }
        }
    }

    private static void AssertParsed(ToolCallFormat? format, string id, string answer, List<JsonElement> calls)
    {
        Assert.True(format is not null, $"{id}: the template writes calls, but no format was found");
        var parsed = format.Parse(answer, out _);
        Assert.True(parsed.Count == calls.Count, $"{id}: {calls.Count} calls were rendered, {parsed.Count} parsed from: {answer}");
        for (var i = 0; i < calls.Count; i++)
        {
            Assert.Equal(calls[i].GetProperty("name").GetString(), parsed[i].Name);
            var expected = calls[i].GetProperty("arguments");
            if (expected.ValueKind == JsonValueKind.String && new ToolCall("", "f", expected.GetString()!) is { IsWellFormed: false } code)
            {
                Assert.Equal(code.Arguments, parsed[i].Arguments);
                continue;
            }
            var node = expected.ValueKind == JsonValueKind.String ? JsonNode.Parse(expected.GetString()!)
                : JsonNode.Parse(expected.GetRawText());
            Assert.True(JsonNode.DeepEquals(node, JsonNode.Parse(parsed[i].Arguments)), $"{id}: {node} became {parsed[i].Arguments}");
        }
    }

    private static List<JsonElement> Calls(ChatMessage message) =>
        message.Role == "assistant" && message.ToJson().TryGetProperty("tool_calls", out var calls)
            && calls.ValueKind == JsonValueKind.Array
            ? [.. calls.EnumerateArray().Select(call => call.GetProperty("function"))]
            : [];

    /// <summary>What the template writes for message <paramref name="index"/>; null where it fails or writes no calls.</summary>
    private static string? Rendered(ChatTemplate template, ChatTemplateInput input, int index, List<JsonElement> calls)
    {
        var name = calls[0].GetProperty("name").GetString()!;
        try
        {
            var whole = template.Render(input with { Messages = [.. input.Messages.Take(index + 1)], AddGenerationPrompt = false });
            var before = template.Render(input with { Messages = [.. input.Messages.Take(index)], AddGenerationPrompt = true });
            if (!whole.StartsWith(before, StringComparison.Ordinal))
                before = template.Render(input with { Messages = [.. input.Messages.Take(index)], AddGenerationPrompt = false });
            if (!whole.StartsWith(before, StringComparison.Ordinal)) return null;
            var answer = whole[before.Length..];
            return answer.Contains(name, StringComparison.Ordinal) ? answer : null;
        }
        catch (TemplateException)
        {
            return null;
        }
    }
}
