using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Xunit;

namespace Coppice.Server.Tests;

/// <summary>Many clients at once, and those that go away, read slowly or come when there is no room.</summary>
public sealed class LoadTests
{
    private const string Path = "/v1/completions";

    [Fact]
    public async Task A_full_queue_is_refused_and_told_when_to_come_back()
    {
        var model = new ModelOptions { Device = "cpu", ContextLength = 256, MaxSequences = 2 };
        await using var server = await RunningServer.StartAsync(new ServerOptions { MaxQueued = 2 }, model);
        const string request = """{"prompt": "Gets", "max_tokens": 4}""";
        List<Task<Answer>> taken;
        using (server.HoldPasses())
        {
            taken = [.. Enumerable.Range(0, 4).Select(_ => server.PostAsync(Path, request))];
            await UntilAsync(server, "coppice_texts_admitted", 4);
            var refused = await server.PostAsync(Path, request);
            Assert.Equal((HttpStatusCode.TooManyRequests, "rate_limit_error"),
                (refused.Status, refused.Error.GetProperty("type").GetString()));
            Assert.True(refused.RetryAfter >= TimeSpan.FromSeconds(1));
            Assert.Equal(HttpStatusCode.BadRequest, (await server.PostAsync(Path, """{"prompt": "Gets", "n": 5}""")).Status);
        }
        foreach (var answer in await Task.WhenAll(taken)) Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.Equal(HttpStatusCode.OK, (await server.PostAsync(Path, request)).Status);
    }

    [Fact]
    public async Task A_client_that_goes_away_ends_its_text_within_a_pass()
    {
        await using var server = await RunningServer.StartAsync();
        foreach (var stream in (string[])["true", "false"])
        {
            using var gone = new CancellationTokenSource();
            using var hold = server.HoldPasses();
            var request =
                server.PostAsync(Path, $$"""{"prompt": "Gets", "max_tokens": 400, "n": 3, "ignore_eos": true, "stream": {{stream}}}""",
                gone.Token);
            await UntilAsync(server, "coppice_texts_admitted", 3);
            await gone.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => request);
            await UntilAsync(server, "coppice_texts_admitted", 0);      // while passes are held: nothing has run for it since
            await server.RequireIdleAsync();
        }
        var metrics = await server.Client.GetStringAsync(new Uri("/metrics", UriKind.Relative));
        Assert.Contains("coppice_requests_total{path=\"/v1/completions\",status=\"499\"} 2", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_slow_reader_gets_its_whole_text_and_holds_no_other_up()
    {
        await using var server = await RunningServer.StartAsync();
        var expected = (await server.AloneAsync("Gets", new() { MaxTokens = 300, IgnoreEos = true })).Text;
        using var socket = new TcpClient { ReceiveBufferSize = 2048 };
        await socket.ConnectAsync(IPAddress.Loopback, server.Server.Address.Port);
        const string body =
            """{"prompt": "Gets", "max_tokens": 300, "temperature": 0, "ignore_eos": true, "stream": true, "logprobs": 5}""";
        var stream = socket.GetStream();
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes(
            $"POST {Path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}"));
        var bytes = new byte[700];
        var text = new StringBuilder();
        for (var reads = 0; await stream.ReadAsync(bytes) is > 0 and var count; reads++)
        {
            text.Append(Encoding.UTF8.GetString(bytes, 0, count));
            if (reads % 50 == 0)
            {
                await Task.Delay(20);
                Assert.Equal(HttpStatusCode.OK, (await server.PostAsync(Path, """{"prompt": "Closes", "max_tokens": 2}""")).Status);
            }
        }
        var events = text.ToString().Split('\n').Where(line => line.StartsWith("data: {", StringComparison.Ordinal))
            .Select(line => JsonDocument.Parse(line["data: ".Length..]).RootElement);
        Assert.Equal(expected, string.Concat(events.Select(piece => piece.GetProperty("choices")[0].GetProperty("text").GetString())));
    }

    [Fact]
    public async Task A_server_that_stops_lets_texts_end_or_tells_their_clients()
    {
        await using var server = await RunningServer.StartAsync(new ServerOptions { DrainTime = TimeSpan.FromMilliseconds(300) });
        var short_ = server.PostAsync(Path, """{"prompt": "Gets", "max_tokens": 4}""");
        Assert.Equal(HttpStatusCode.OK, (await short_).Status);
        var held = server.HoldPasses();
        var waiting = server.PostAsync(Path, """{"prompt": "Gets", "max_tokens": 4}""");
        await UntilAsync(server, "coppice_texts_admitted", 1);
        var start = Stopwatch.GetTimestamp();
        var stopped = server.Server.StopAsync();
        var answer = await waiting;
        held.Dispose();
        await stopped;
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(5));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "unavailable"), (answer.Status, answer.Error.GetProperty("code").GetString()));
    }

    [Fact]
    public async Task A_body_that_does_not_come_does_not_hold_up_a_server_that_stops()
    {
        await using var server = await RunningServer.StartAsync(new ServerOptions { DrainTime = TimeSpan.FromMilliseconds(200) });
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, server.Server.Address.Port);
        var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            $"POST {Path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{\"prompt\": "));
        await UntilAsync(server, "coppice_requests_running", 2);     // this one, and the one that asks
        var start = Stopwatch.GetTimestamp();
        await server.Server.StopAsync();
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(2));
        using var reader = new StreamReader(stream);
        Assert.StartsWith("HTTP/1.1 503", await reader.ReadLineAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Shutdown_under_load_ends_every_answer_whole_or_with_an_error()
    {
        await using var server = await RunningServer.StartAsync(new ServerOptions { DrainTime = TimeSpan.FromMilliseconds(200) });
        var clients = Enumerable.Range(0, 12).Select(async i =>
        {
            var ended = 0;
            try
            {
                while (true)
                {
                    var events =
                        await server.StreamAsync(Path,
                        $$"""{"prompt": "Gets the {{i}}", "max_tokens": 450, "stream": true, "ignore_eos": true}""").ToListAsync();
                    var last = events[^1];
                    Assert.True(last == "[DONE]" || last.Contains("\"error\"", StringComparison.Ordinal), last);
                    ended++;
                }
            }
            catch (HttpRequestException)
            {
                return ended;       // refused, or the server has ended
            }
        }).ToArray();
        await UntilAsync(server, "coppice_generated_tokens_total", 200, atLeast: true);      // answers have begun
        var start = Stopwatch.GetTimestamp();
        await server.Server.StopAsync();
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(6));
        Assert.True((await Task.WhenAll(clients)).Sum() > 0);
    }

    /// <summary>
    /// 32 clients beside cancellations, slow readers, malformed and oversized requests and a full queue: each answer is the one computed
    /// alone. Seconds; COPPICE_LOAD_SECONDS=120 for longer.
    /// </summary>
    [Fact]
    public async Task Every_answer_under_load_is_the_one_computed_alone()
    {
        var seconds = int.Parse(
            Environment.GetEnvironmentVariable("COPPICE_LOAD_SECONDS") ?? "3", System.Globalization.CultureInfo.InvariantCulture);
        var model = new ModelOptions { Device = "cpu", ContextLength = 512, MaxSequences = 16 };
        await using var server = await RunningServer.StartAsync(new ServerOptions { MaxQueued = 8, MaxBodyBytes = 10_000 }, model);
        string[] kinds = ["number", "name", "type"];
        string[] prompts = [.. Enumerable.Range(0, 24).Select(i => $"Gets or sets the {kinds[i % 3]} of the {i} item")];
        var options = new GenerationOptions { MaxTokens = 40, Temperature = 0.8f, Seed = 3, IgnoreEos = true };
        var expected = new Dictionary<string, string>();
        foreach (var prompt in prompts) expected[prompt] = (await server.AloneAsync(prompt, options)).Text;
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(seconds));
        int answered = 0, refused = 0, left = 0;
        long early = 0, late = 0;
        var clients = Enumerable.Range(0, 32).Select(async client =>
        {
            var random = new Random(client);
            while (!end.IsCancellationRequested)
            {
                var prompt = prompts[random.Next(prompts.Length)];
                var stream = random.Next(2) == 0;
                var body = JsonSerializer.Serialize(
                    new { prompt, max_tokens = 40, temperature = 0.8, seed = 3, ignore_eos = true, stream });
                var kind = random.Next(10);
                switch (kind)
                {
                    case 0:
                        using (var gone = new CancellationTokenSource(TimeSpan.FromMilliseconds(random.Next(1, 60))))
                        {
                            try { await server.PostAsync(Path, body, gone.Token); }
                            catch (OperationCanceledException) { Interlocked.Increment(ref left); }
                        }
                        break;
                    case 1:
                        Assert.Equal(HttpStatusCode.BadRequest, (await server.PostAsync(Path, body[..^2])).Status);
                        break;
                    case 2:
                        var large = $"{body[..^1]}, \"user\": \"{new string('x', 20_000)}\"}}";
                        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await server.PostAsync(Path, large)).Status);
                        break;
                    default:
                        var answer = kind == 3 ? await ReadSlowlyAsync(server, body) : await server.PostAsync(Path, body);
                        if (answer.Status == HttpStatusCode.TooManyRequests)
                        {
                            Interlocked.Increment(ref refused);
                            await Task.Delay(random.Next(30));
                            break;
                        }
                        Assert.Equal(HttpStatusCode.OK, answer.Status);
                        Assert.Equal(expected[prompt], TextOf(answer.Body));
                        Interlocked.Increment(ref answered);
                        break;
                }
            }
        }).ToArray();
        await Task.Delay(TimeSpan.FromSeconds(seconds * 0.3));
        early = GC.GetTotalMemory(forceFullCollection: true);
        await Task.Delay(TimeSpan.FromSeconds(seconds * 0.6));
        late = GC.GetTotalMemory(forceFullCollection: true);
        await Task.WhenAll(clients);
        TestContext.Current.SendDiagnosticMessage(
            $"{answered} answered, {refused} refused, {left} left; {early >> 20} MiB, then {late >> 20} MiB");
        Assert.True(answered > 10 && left > 0, $"{answered} answered, {left} left");
        Assert.True(late < early + (24 << 20), $"memory grew from {early:N0} to {late:N0} bytes");
        await server.RequireIdleAsync();
    }

    private static async Task<Answer> ReadSlowlyAsync(RunningServer server, string body)
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, Path) { Content = content };
        using var response = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        await using var stream = await response.Content.ReadAsStreamAsync();
        var (bytes, part) = (new MemoryStream(), new byte[200]);
        while (await stream.ReadAsync(part) is > 0 and var count)
        {
            bytes.Write(part, 0, count);
            await Task.Delay(1);
        }
        return new Answer(response.StatusCode, Encoding.UTF8.GetString(bytes.ToArray()), response.Headers.RetryAfter?.Delta);
    }

    private static string TextOf(string body)
    {
        if (body.StartsWith('{')) return JsonDocument.Parse(body).RootElement.GetProperty("choices")[0].GetProperty("text").GetString()!;
        var lines = body.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("data: [DONE]", lines[^1]);
        return string.Concat(lines[..^1].Select(line =>
            JsonDocument.Parse(line["data: ".Length..]).RootElement.GetProperty("choices")[0].GetProperty("text").GetString()));
    }

    private static async Task UntilAsync(RunningServer server, string metric, int value, bool atLeast = false)
    {
        for (var tries = 0; tries < 1000; tries++)
        {
            var text = await server.Client.GetStringAsync(new Uri("/metrics", UriKind.Relative));
            var line = text.Split('\n').Single(line =>
                line.StartsWith(metric + "{", StringComparison.Ordinal) || line.StartsWith(metric + " ", StringComparison.Ordinal));
            var found = int.Parse(line.Split(' ')[^1], System.Globalization.CultureInfo.InvariantCulture);
            if (found == value || atLeast && found > value) return;
            await Task.Delay(5);
        }
        Assert.Fail($"{metric} did not become {value}");
    }
}
