using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace Coppice.Server.Tests;

/// <summary>What is not a request is refused with the reason, in the shape of the OpenAI API, and the server goes on.</summary>
public sealed class RefusalTests
{
    [Fact]
    public async Task Fields_of_wrong_types_are_named()
    {
        (string Body, string Field)[] wrong =
        [
            ("""{}""", "prompt"), ("""{"prompt": 3}""", "prompt"), ("""{"prompt": []}""", "prompt"), ("""{"prompt": [1.5]}""", "prompt"),
            ("""{"prompt": [[]]}""", "prompt"), ("""{"prompt": "\ud800"}""", "prompt"), ("""{"prompt": {"a": 1}}""", "prompt"),
            ("""{"prompt": "a", "temperature": "hot"}""", "temperature"), ("""{"prompt": "a", "temperature": -1}""", "temperature"),
            ("""{"prompt": "a", "temperature": 1e999}""", "temperature"), ("""{"prompt": "a", "top_p": 2}""", "top_p"),
            ("""{"prompt": "a", "max_tokens": 0}""", "max_tokens"), ("""{"prompt": "a", "max_tokens": 1.5}""", "max_tokens"),
            ("""{"prompt": "a", "max_tokens": 100000}""", "max_tokens"), ("""{"prompt": "a", "n": 0}""", "n"),
            ("""{"prompt": "a", "n": "2"}""", "n"),
            ("""{"prompt": "a", "seed": 1.5}""", "seed"), ("""{"prompt": "a", "stop": 5}""", "stop"),
            ("""{"prompt": "a", "stop": [""]}""", "stop"),
            ("""{"prompt": "a", "stream": "yes"}""", "stream"),
            ("""{"prompt": "a", "stream_options": {"include_usage": true}}""", "stream_options"),
            ("""{"prompt": "a", "stream": true, "stream_options": {"include_usage": 1}}""", "include_usage"),
            ("""{"prompt": "a", "logprobs": 21}""", "logprobs"), ("""{"prompt": "a", "logprobs": true}""", "logprobs"),
            ("""{"prompt": "a", "logit_bias": [1]}""", "logit_bias"), ("""{"prompt": "a", "logit_bias": {"x": 1}}""", "logit_bias"),
            ("""{"prompt": "a", "logit_bias": {"1": 1000}}""", "logit_bias"), ("""{"prompt": "a", "user": 7}""", "user"),
            ("""{"prompt": "a", "store": "no"}""", "store"), ("""{"prompt": "a", "metadata": []}""", "metadata"),
            ("""{"prompt": "a", "suffix": "b"}""", "suffix"),
            ("""{"prompt": "a", "best_of": 4}""", "best_of"), ("""{"prompt": "a", "echo": true, "logprobs": 1}""", "echo"),
            ("""{"prompt": "a", "model": 3}""", "model"),
            ("""{"prompt": "a", "promt": "b"}""", "promt"), ("""{"prompt": "a", "presence_penalty": 3}""", "presence_penalty"),
            ("""{"prompt": "a", "min_tokens": 20}""", "min_tokens"),
        ];
        await using var server = await RunningServer.StartAsync();
        foreach (var (body, field) in wrong)
        {
            var answer = await server.PostAsync("/v1/completions", body);
            Assert.True(answer.Status == HttpStatusCode.BadRequest, $"{body}: {answer.Status} {answer.Body}");
            Assert.Equal((field, "invalid_request_error"),
                (answer.Error.GetProperty("param").GetString(), answer.Error.GetProperty("type").GetString()));
            Assert.Contains($"\"{field}\"", answer.Error.GetProperty("message").GetString(), StringComparison.Ordinal);
        }
        foreach (var body in (string[])[
            """{"prompt": [96000000]}""", """{"prompt": "a", "\ud800": 1}""", """{"prompt": "a", "metadata": {"\udc00\ud800": 1}}"""])
            Assert.Equal(HttpStatusCode.BadRequest, (await server.PostAsync("/v1/completions", body)).Status);
        await server.RequireIdleAsync();
    }

    [Fact]
    public async Task Fields_without_effect_and_nulls_are_accepted()
    {
        await using var server = await RunningServer.StartAsync();
        var answer = await server.PostAsync("/v1/completions",
            """
            {"model": "x", "prompt": "Gets", "max_tokens": 2, "user": "me", "store": false, "metadata": {"a": "b"}, "service_tier": "auto",
             "n": null, "stop": null, "suffix": "", "logprobs": null, "best_of": 1, "logit_bias": {}, "stream": false,
             "stream_options": null, "prompt_cache_key": "k", "safety_identifier": "s", "echo": false}
            """);
        Assert.Equal(HttpStatusCode.OK, answer.Status);
    }

    [Theory]
    [InlineData("", HttpStatusCode.BadRequest)]
    [InlineData("{", HttpStatusCode.BadRequest)]
    [InlineData("[]", HttpStatusCode.BadRequest)]
    [InlineData("\"text\"", HttpStatusCode.BadRequest)]
    [InlineData("{\"prompt\": \"a\", \"prompt\": \"b\"}", HttpStatusCode.BadRequest)]
    [InlineData("{\"prompt\": \"a\",}", HttpStatusCode.BadRequest)]
    public async Task What_is_not_a_JSON_object_is_refused(string body, HttpStatusCode status)
    {
        await using var server = await RunningServer.StartAsync();
        var answer = await server.PostAsync("/v1/completions", body);
        Assert.Equal(status, answer.Status);
        Assert.Equal("json", answer.Error.GetProperty("code").GetString());
    }

    [Fact]
    public async Task Deep_and_oversized_bodies_are_refused()
    {
        await using var server = await RunningServer.StartAsync(new ServerOptions { MaxBodyBytes = 10_000 });
        var deep = await server.PostAsync("/v1/completions", "{\"metadata\":" + string.Concat(Enumerable.Repeat("[", 2000)));
        Assert.Equal("json", deep.Error.GetProperty("code").GetString());
        var large = await server.PostAsync("/v1/completions", $"{{\"prompt\": \"{new string('a', 20_000)}\"}}");
        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "body_too_large"), (large.Status, large.Error.GetProperty("code").GetString()));
        using var chunked = new StreamContent(new MemoryStream(Encoding.UTF8.GetBytes($"{{\"prompt\": \"{new string('a', 20_000)}\"}}")));
        chunked.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = chunked };
        request.Headers.TransferEncodingChunked = true;
        using var response = await server.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await server.PostAsync("/v1/completions", """{"prompt": "Gets", "max_tokens": 1}""")).Status);
    }

    [Fact]
    public async Task Other_types_paths_and_methods_are_refused()
    {
        await using var server = await RunningServer.StartAsync();
        using var form = new StringContent("{\"prompt\": \"a\"}", Encoding.UTF8, "text/plain");
        using (var response = await server.Client.PostAsync(new Uri("/v1/completions", UriKind.Relative), form)) Assert.Equal(
            HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await server.PostAsync("/v1/nothing", "{}")).Status);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await server.PostAsync("/health", "{}")).Status);
        using (var response = await server.Client.GetAsync(new Uri("/v1/completions", UriKind.Relative)))
        {
            Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
            Assert.Equal("POST", Assert.Single(response.Content.Headers.Allow));
        }
    }

    [Theory]
    [InlineData("evil.example", null, HttpStatusCode.Forbidden)]
    [InlineData("192.0.2.7", null, HttpStatusCode.Forbidden)]
    [InlineData("localhost", null, HttpStatusCode.OK)]
    [InlineData("[::1]", null, HttpStatusCode.OK)]
    [InlineData(null, "https://evil.example", HttpStatusCode.Forbidden)]
    [InlineData(null, "null", HttpStatusCode.Forbidden)]
    [InlineData(null, "http://localhost:1", HttpStatusCode.Forbidden)]
    [InlineData(null, "https://good.example", HttpStatusCode.OK)]
    [InlineData("good.example", null, HttpStatusCode.OK)]
    public async Task Pages_of_other_sites_are_refused_unless_allowed(string? host, string? origin, HttpStatusCode status)
    {
        await using var server = await RunningServer.StartAsync(new ServerOptions { AllowedOrigins = ["https://good.example"] });
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models");
        if (host is not null) request.Headers.Host = host;
        if (origin is not null) request.Headers.Add("Origin", origin);
        using var response = await server.Client.SendAsync(request);
        Assert.Equal(status, response.StatusCode);
        Assert.Equal(status == HttpStatusCode.OK && origin is not null, response.Headers.Contains("Access-Control-Allow-Origin"));
    }

    [Fact]
    public async Task The_servers_own_page_and_the_preflight_of_an_allowed_one_are_let_in()
    {
        await using var server = await RunningServer.StartAsync(new ServerOptions { AllowedOrigins = ["*"] });
        using var request = new HttpRequestMessage(HttpMethod.Options, "/v1/completions");
        request.Headers.Add("Origin", "https://any.example");
        using var preflight = await server.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.NoContent, preflight.StatusCode);
        Assert.Equal("https://any.example", Assert.Single(preflight.Headers.GetValues("Access-Control-Allow-Origin")));
        await using var closed = await RunningServer.StartAsync();
        using var own = new HttpRequestMessage(HttpMethod.Get, "/v1/models");
        own.Headers.Add("Origin", closed.Server.Address.GetLeftPart(UriPartial.Authority));
        using var response = await closed.Client.SendAsync(own);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task Without_one_of_the_keys_only_the_health_is_told()
    {
        await using var server = await RunningServer.StartAsync(new ServerOptions { ApiKeys = ["first", "second"] });
        foreach (
            var (key, status) in ((string?, HttpStatusCode)[])[(null, HttpStatusCode.Unauthorized), ("third", HttpStatusCode.Unauthorized),
            ("second", HttpStatusCode.OK)])
        {
            server.Client.DefaultRequestHeaders.Authorization = key is null ? null : new AuthenticationHeaderValue("Bearer", key);
            foreach (var path in (string[])["/v1/models", "/metrics"])
            {
                using var response = await server.Client.GetAsync(new Uri(path, UriKind.Relative));
                Assert.Equal(status, response.StatusCode);
            }
            using var health = await server.Client.GetAsync(new Uri("/health", UriKind.Relative));
            Assert.Equal(HttpStatusCode.OK, health.StatusCode);
        }
    }

    [Fact]
    public async Task Keys_do_not_share_prompts()
    {
        await using var server = await RunningServer.StartAsync(new ServerOptions { ApiKeys = ["first", "second"] });
        var prompt = string.Concat(Enumerable.Repeat("Gets the number of items in the list. ", 20));
        var cached = new List<int>();
        foreach (var key in (string[])["first", "first", "second"])
        {
            server.Client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
            var usage = (await server.PostAsync("/v1/completions", $$"""{"prompt": "{{prompt}}", "max_tokens": 2}"""))
                .Json.GetProperty("usage");
            cached.Add(usage.GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32());
        }
        Assert.Equal(0, cached[0]);
        Assert.True(cached[1] > 0);
        Assert.Equal(0, cached[2]);
    }

    [Fact]
    public async Task With_several_models_an_unknown_name_is_not_found()
    {
        using var one = LanguageModel.Load(RunningServer.Tiny, new ModelOptions { Device = "cpu", ContextLength = 128 });
        await using var server =
            await CoppiceServer.StartAsync([new ServedModel("one", one), new ServedModel("org/two", one)], new ServerOptions { Port = 0 });
        using var client = new HttpClient { BaseAddress = server.Address };
        foreach (
            var (name, status) in ((string, HttpStatusCode)[])[("one", HttpStatusCode.OK), ("org/two", HttpStatusCode.OK),
            ("three", HttpStatusCode.NotFound)])
        {
            using var content =
                new StringContent($$"""{"model": "{{name}}", "prompt": "Gets", "max_tokens": 1}""", Encoding.UTF8, "application/json");
            using var response = await client.PostAsync(new Uri("/v1/completions", UriKind.Relative), content);
            Assert.Equal(status, response.StatusCode);
            using var shown = await client.GetAsync(new Uri($"/v1/models/{Uri.EscapeDataString(name)}", UriKind.Relative));
            Assert.Equal(status, shown.StatusCode);
        }
    }

    [Fact]
    public async Task Rubbish_on_the_wire_ends_its_connection_alone()
    {
        await using var server = await RunningServer.StartAsync();
        foreach (
            var rubbish in (string[])["\0\0\0\0", "GET\r\n\r\n",
            "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"])
        {
            using var socket = new TcpClient();
            await socket.ConnectAsync(IPAddress.Loopback, server.Server.Address.Port);
            var stream = socket.GetStream();
            await stream.WriteAsync(Encoding.Latin1.GetBytes(rubbish));
            socket.Client.Shutdown(SocketShutdown.Send);
            using var reader = new StreamReader(stream);
            var answer = await reader.ReadToEndAsync();
            Assert.True(answer.Length == 0 || answer.StartsWith("HTTP/1.1 4", StringComparison.Ordinal)
                || answer.StartsWith("HTTP/1.1 505", StringComparison.Ordinal), answer);
        }
        Assert.Equal(HttpStatusCode.OK, (await server.PostAsync("/v1/completions", """{"prompt": "Gets", "max_tokens": 1}""")).Status);
    }

    [Fact]
    public async Task Options_out_of_range_are_refused_before_anything_listens()
    {
        ServerOptions[] wrong =
        [
            new() { Host = "not an address" }, new() { Host = "" }, new() { Port = 70000 }, new() { ApiKeys = [" "] },
                new() { AllowedOrigins = ["example.org"] },
            new() { AllowedOrigins = ["https://example.org/path"] }, new() { MaxQueued = -1 }, new() { MaxBodyBytes = 0 },
            new() { DrainTime = TimeSpan.FromSeconds(-1) },
        ];
        using var model = LanguageModel.Load(RunningServer.Tiny, new ModelOptions { Device = "cpu", ContextLength = 128 });
        foreach (var options in wrong)
            await Assert.ThrowsAnyAsync<ArgumentException>(() => CoppiceServer.StartAsync([new ServedModel("m", model)], options));
        await Assert.ThrowsAsync<ArgumentException>(() => CoppiceServer.StartAsync([]));
    }
}
