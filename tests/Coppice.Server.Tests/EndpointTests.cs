using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Server.Tests;

/// <summary>The endpoints beside completions.</summary>
public sealed partial class EndpointTests
{
    [Fact]
    public async Task Vectors_are_those_of_the_library_as_numbers_and_as_bytes()
    {
        await using var server = await RunningServer.StartAsync();
        using var alone = new EmbeddingModel(server.Model);
        string[] texts = ["Returns the number of elements", "Closes the file"];
        var expected = alone.Embed(texts);
        var json =
            (await server.PostAsync("/v1/embeddings",
            """{"input": ["Returns the number of elements", "Closes the file"], "model": "m", "user": "me"}""")).Json;
        Assert.Equal(expected.Sum(vector => vector.TokenCount), json.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
        foreach (var (entry, i) in json.GetProperty("data").EnumerateArray().Select((entry, i) => (entry, i)))
        {
            Assert.Equal(i, entry.GetProperty("index").GetInt32());
            Assert.Equal(expected[i].Vector.ToArray(), entry.GetProperty("embedding").EnumerateArray().Select(value => value.GetSingle()));
        }
        var bytes = (await server.PostAsync("/v1/embeddings", """{"input": "Closes the file", "encoding_format": "base64"}"""))
            .Json.GetProperty("data")[0].GetProperty("embedding").GetBytesFromBase64();
        Assert.Equal(expected[1].Vector.ToArray(), Enumerable.Range(0, bytes.Length / 4).Select(i => BitConverter.ToSingle(bytes, i * 4)));
        var ids = string.Join(',', server.Model.Tokenizer!.Encode(texts[1]));
        var tokens = (await server.PostAsync("/v1/embeddings", $$"""{"input": [{{ids}}]}""")).Json.GetProperty("data")[0]
            .GetProperty("embedding");
        Assert.Equal(expected[1].Vector.ToArray(), tokens.EnumerateArray().Select(value => value.GetSingle()));
        foreach (
            var wrong in (string[])["""{}""", """{"input": 5}""", """{"input": "a", "dimensions": 7}""",
            """{"input": "a", "encoding_format": "int8"}""", """{"input": [99999999]}"""])
            Assert.Equal(HttpStatusCode.BadRequest, (await server.PostAsync("/v1/embeddings", wrong)).Status);
    }

    [Fact]
    public async Task An_encoder_gives_vectors_and_no_texts()
    {
        using var model = EmbeddingModel.Load(SharedData.Require("models/all-minilm-l6-v2"), new ModelOptions { Device = "cpu" });
        await using var server = await CoppiceServer.StartAsync([new ServedModel("minilm", model)], new ServerOptions { Port = 0 });
        using var client = new HttpClient { BaseAddress = server.Address };
        using var body = new StringContent("""{"input": "The sky is blue."}""", null, "application/json");
        using var response = await client.PostAsync(new Uri("/v1/embeddings", UriKind.Relative), body);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        using var prompt = new StringContent("""{"prompt": "The sky"}""", null, "application/json");
        using var refused = await client.PostAsync(new Uri("/v1/completions", UriKind.Relative), prompt);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains("not_a_text_model", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Models_tokens_and_health_are_told()
    {
        await using var server = await RunningServer.StartAsync();
        var ids = server.Model.Tokenizer!.Encode("Gets or sets");
        var json = (await server.PostAsync("/tokenize", """{"prompt": "Gets or sets"}""")).Json;
        Assert.Equal(ids, json.GetProperty("tokens").EnumerateArray().Select(id => id.GetInt32()));
        Assert.Equal((ids.Length, 512), (json.GetProperty("count").GetInt32(), json.GetProperty("max_model_len").GetInt32()));
        Assert.Equal("""{"status":"ok"}""", await server.Client.GetStringAsync(new Uri("/health", UriKind.Relative)));
        Assert.Contains("\"id\":\"tiny\"", await server.Client.GetStringAsync(new Uri("/v1/models", UriKind.Relative)),
            StringComparison.Ordinal);
        Assert.Contains("\"id\":\"tiny\"", await server.Client.GetStringAsync(new Uri("/v1/models/tiny", UriKind.Relative)),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_are_Prometheus_text_and_count_what_was_done()
    {
        await using var server = await RunningServer.StartAsync();
        var prompt = string.Concat(Enumerable.Repeat("Gets the number of items. ", 20));
        for (var i = 0; i < 2; i++)
            await server.PostAsync("/v1/completions", $$"""{"prompt": "{{prompt}}", "max_tokens": 30, "ignore_eos": true}""");
        await server.PostAsync("/v1/completions", "{}");
        await server.PostAsync("/made/up", "{}");
        using var response = await server.Client.GetAsync(new Uri("/metrics", UriKind.Relative));
        Assert.StartsWith("text/plain; version=0.0.4", response.Content.Headers.ContentType!.ToString(), StringComparison.Ordinal);
        var text = await response.Content.ReadAsStringAsync();
        var lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(lines, line => Assert.Matches(Line(), line));
        Assert.Equal(60, Value("coppice_generated_tokens_total{model=\"tiny\"}"));
        Assert.Equal(2, Value("coppice_texts_total{model=\"tiny\"}"));
        Assert.Equal(1, Value("coppice_prefix_hits_total{model=\"tiny\"}"));
        Assert.Equal(2, Value("coppice_time_to_first_token_seconds_count{model=\"tiny\"}"));
        Assert.Equal(2, Value("coppice_requests_total{path=\"/v1/completions\",status=\"200\"}"));
        Assert.Equal(1, Value("coppice_requests_total{path=\"/v1/completions\",status=\"400\"}"));
        Assert.Equal(1, Value("coppice_requests_total{path=\"other\",status=\"404\"}"));
        Assert.Equal(1, Value("coppice_requests_running"));
        Assert.True(Value("coppice_kv_pages{model=\"tiny\"}") > Value("coppice_kv_pages_used{model=\"tiny\"}"));
        Assert.True(Value("coppice_draft_tokens_total{model=\"tiny\"}") >= Value("coppice_accepted_draft_tokens_total{model=\"tiny\"}"));

        double Value(string name) =>
            double.Parse(Assert.Single(lines, line => line.StartsWith(name + " ", StringComparison.Ordinal)).Split(' ')[^1],
            CultureInfo.InvariantCulture);
    }

    [GeneratedRegex("""^(# (HELP|TYPE) coppice_[a-z_]+ .+|coppice_[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.eE+-]+)$""")]
    private static partial Regex Line();
}
