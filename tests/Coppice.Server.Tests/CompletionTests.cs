using System.Text.Json;
using Xunit;

namespace Coppice.Server.Tests;

/// <summary>/v1/completions: every text is the one that the model gives alone.</summary>
public sealed class CompletionTests
{
    private const string Path = "/v1/completions", Prompt = "Returns the number of";

    [Fact]
    public async Task A_text_is_the_one_that_the_model_gives_alone()
    {
        await using var server = await RunningServer.StartAsync();
        var (text, result) = await server.AloneAsync(Prompt, new() { MaxTokens = 24 });
        var json =
            (await server.PostAsync(Path, """{"model": "any", "prompt": "Returns the number of", "max_tokens": 24, "temperature": 0}"""))
            .Json;
        Assert.Equal("text_completion", json.GetProperty("object").GetString());
        Assert.Equal("tiny", json.GetProperty("model").GetString());
        Assert.StartsWith("cmpl-", json.GetProperty("id").GetString(), StringComparison.Ordinal);
        var choice = Assert.Single(json.GetProperty("choices").EnumerateArray());
        Assert.Equal(text, choice.GetProperty("text").GetString());
        Assert.Equal(result.FinishReason == FinishReason.Length ? "length" : "stop", choice.GetProperty("finish_reason").GetString());
        Assert.Equal(JsonValueKind.Null, choice.GetProperty("logprobs").ValueKind);
        var usage = json.GetProperty("usage");
        Assert.Equal(result.PromptTokens, usage.GetProperty("prompt_tokens").GetInt32());
        Assert.Equal(result.Ids.Count, usage.GetProperty("completion_tokens").GetInt32());
        Assert.Equal(result.PromptTokens + result.Ids.Count, usage.GetProperty("total_tokens").GetInt32());
    }

    [Fact]
    public async Task Events_together_are_the_text()
    {
        await using var server = await RunningServer.StartAsync();
        const string rest =
            "\"prompt\": \"Returns the number of\", \"max_tokens\": 40, \"temperature\": 0.9, \"seed\": 5, \"ignore_eos\": true";
        var whole = (await server.PostAsync(Path, $"{{{rest}}}")).Json.GetProperty("choices")[0];
        var events = await server.StreamAsync(Path, $"{{{rest}, \"stream\": true, \"stream_options\": {{\"include_usage\": true}}}}")
            .ToListAsync();
        Assert.Equal("[DONE]", events[^1]);
        var chunks = events[..^1].Select(text => JsonDocument.Parse(text).RootElement).ToArray();
        var pieces = chunks[..^1].Select(chunk => chunk.GetProperty("choices")[0]).ToArray();
        Assert.Equal(whole.GetProperty("text").GetString(), string.Concat(pieces.Select(piece => piece.GetProperty("text").GetString())));
        Assert.All(pieces[..^1], piece => Assert.Equal(JsonValueKind.Null, piece.GetProperty("finish_reason").ValueKind));
        Assert.Equal("length", pieces[^1].GetProperty("finish_reason").GetString());
        Assert.Equal(40, chunks[^1].GetProperty("usage").GetProperty("completion_tokens").GetInt32());
        Assert.Empty(chunks[^1].GetProperty("choices").EnumerateArray());
        Assert.Single(chunks.Select(chunk => chunk.GetProperty("id").GetString()).Distinct());
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Several_texts_of_several_prompts_are_those_of_the_seeds_alone(bool stream)
    {
        await using var server = await RunningServer.StartAsync();
        string[] prompts = ["Gets or sets the", "Closes the"];
        var expected = new List<string>();
        foreach (var prompt in prompts)
            for (ulong i = 0; i < 3; i++)
                expected.Add((await server.AloneAsync(prompt, new() { MaxTokens = 12, Temperature = 1, Seed = 7 + i })).Text);
        Assert.True(expected.Distinct().Count() > 3);       // else nothing would be told apart
        var request = $$"""
            {"prompt": ["Gets or sets the", "Closes the"], "n": 3, "seed": 7, "max_tokens": 12, "stream": {{(stream ? "true" : "false")}}}
            """;
        var texts = new string[6];
        if (!stream)
        {
            var json = (await server.PostAsync(Path, request)).Json;
            foreach (var choice in json.GetProperty("choices").EnumerateArray())
                texts[choice.GetProperty("index").GetInt32()] = choice.GetProperty("text").GetString()!;
            Assert.Equal(prompts.Sum(prompt => server.Model.Tokenizer!.Encode(prompt).Length),
                json.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
        }
        else
        {
            await foreach (var chunk in server.StreamAsync(Path, request))
            {
                if (chunk == "[DONE]") continue;
                var choice = JsonDocument.Parse(chunk).RootElement.GetProperty("choices")[0];
                texts[choice.GetProperty("index").GetInt32()] += choice.GetProperty("text").GetString();
            }
        }
        Assert.Equal(expected, texts);
    }

    [Fact]
    public async Task Log_probabilities_are_those_of_the_model()
    {
        await using var server = await RunningServer.StartAsync();
        using var session = server.Model.NewSession();
        var expected = new List<GeneratedPiece>();
        await foreach (var piece in session.GenerateAsync(Prompt, new() { MaxTokens = 8, LogProbs = 3, IgnoreEos = true })) expected.Add(
            piece);
        var choice =
            (await server.PostAsync(Path,
            """{"prompt": "Returns the number of", "max_tokens": 8, "temperature": 0, "logprobs": 3, "ignore_eos": true}"""))
            .Json.GetProperty("choices")[0];
        var rows = choice.GetProperty("logprobs");
        Assert.Equal(expected.Select(piece => piece.LogProbs!.Chosen),
            rows.GetProperty("token_logprobs").EnumerateArray().Select(value => value.GetDouble()));
        Assert.All(rows.GetProperty("top_logprobs").EnumerateArray(), row => Assert.Equal(3, row.EnumerateObject().Count()));
        Assert.Equal(choice.GetProperty("text").GetString(),
            string.Concat(rows.GetProperty("tokens").EnumerateArray().Select(token => token.GetString())));
        Assert.Equal(0, rows.GetProperty("text_offset")[0].GetInt32());
    }

    [Fact]
    public async Task Stop_texts_echoes_and_tokens_as_prompts_are_served()
    {
        await using var server = await RunningServer.StartAsync();
        var (text, _) = await server.AloneAsync(Prompt, new() { MaxTokens = 24 });
        var word = text.Split(' ', StringSplitOptions.RemoveEmptyEntries)[2];
        var stopped =
            (await server.PostAsync(Path,
            $$"""{"prompt": "{{Prompt}}", "max_tokens": 24, "temperature": 0, "stop": "{{word}}", "echo": true}""")).Json.GetProperty(
            "choices")[0];
        Assert.Equal(Prompt + text[..text.IndexOf(word, StringComparison.Ordinal)], stopped.GetProperty("text").GetString());
        Assert.Equal("stop", stopped.GetProperty("finish_reason").GetString());
        var ids = string.Join(',', server.Model.Tokenizer!.Encode(Prompt));
        Assert.Equal(text,
            (await server.PostAsync(Path, $$"""{"prompt": [{{ids}}], "max_tokens": 24, "temperature": 0}"""))
            .Json.GetProperty("choices")[0].GetProperty("text").GetString());
    }

    [Fact]
    public async Task A_prompt_that_was_there_before_is_reported_as_cached()
    {
        await using var server = await RunningServer.StartAsync();
        var prompt = string.Concat(Enumerable.Repeat("Gets the number of items in the list. ", 20));
        var request = $$"""{"prompt": "{{prompt}}", "max_tokens": 2}""";
        Assert.Equal(0, Cached((await server.PostAsync(Path, request)).Json));
        Assert.True(Cached((await server.PostAsync(Path, request)).Json) >= 64);

        static int Cached(JsonElement json) =>
            json.GetProperty("usage").GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32();
    }
}
