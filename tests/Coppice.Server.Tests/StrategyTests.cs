using Xunit;

namespace Coppice.Server.Tests;

/// <summary>Strategies over HTTP: the text is the one that the model gives alone, as a whole and in events.</summary>
public sealed class StrategyTests
{
    private const string Path = "/v1/completions", Prompt = "Returns the number of";

    [Theory]
    [InlineData("blockwise:k=3,block=4,scorer=count:e", 1), InlineData("best-of:n=3", 1), InlineData("contrast:alpha=1,negative=Gets", 0)]
    [InlineData("value-guide:k=3,weight=2,scorer=regex:[aeiou]", 0), InlineData("planning:evaluations=4,scorer=count:e", 0)]
    public async Task A_text_is_the_one_that_the_model_gives_alone(string strategy, int temperature)
    {
        await using var server = await RunningServer.StartAsync();
        var options = new GenerationOptions
        {
            MaxTokens = 12,
            Temperature = temperature,
            Seed = 5,
            Strategy = StrategyOptions.Parse(strategy),
        };
        var (text, result) = await server.AloneAsync(Prompt, options);
        var body = $"\"prompt\": \"{Prompt}\", \"max_tokens\": 12, \"temperature\": {temperature}, \"seed\": 5, \"strategy\": "
            + $"\"{strategy}\"";
        var json = (await server.PostAsync(Path, $"{{{body}}}")).Json;
        Assert.Equal(text, json.GetProperty("choices")[0].GetProperty("text").GetString());
        Assert.Equal(result.Ids.Count, json.GetProperty("usage").GetProperty("completion_tokens").GetInt32());
        var events = await server.StreamAsync(Path, $"{{{body}, \"stream\": true}}").ToListAsync();
        Assert.Equal(text, string.Concat(events[..^1].Select(
            line => System.Text.Json.JsonDocument.Parse(line).RootElement.GetProperty("choices")[0].GetProperty("text").GetString())));
    }

    [Theory]
    [InlineData("planing", "did you mean planning"), InlineData("switch:model=x", "must not name a model")]
    [InlineData("contrast:alpha=1,model=x", "must not name a model"), InlineData("planning:scorer=regex:(a)\\\\1", "without references")]
    public async Task What_cannot_be_served_is_refused(string strategy, string expected)
    {
        await using var server = await RunningServer.StartAsync();
        var response = await server.PostAsync(Path, $"{{\"prompt\": \"{Prompt}\", \"strategy\": \"{strategy}\"}}");
        Assert.Equal(400, (int)response.Status);
        Assert.Contains(expected, response.Error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }
}
