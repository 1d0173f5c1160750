using System.Net;
using System.Text;
using System.Text.Json;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Server.Tests;

/// <summary>The small model of the repository, a server of it on a free port, and a client.</summary>
internal sealed class RunningServer : IAsyncDisposable
{
    private RunningServer(LanguageModel model, CoppiceServer server) =>
        (Model, Server, Client) = (model, server, new HttpClient { BaseAddress = server.Address });

    public static string Tiny { get; } = Path.Combine(SharedData.Repository, "weights", "tiny");

    public LanguageModel Model { get; }
    public CoppiceServer Server { get; }
    public HttpClient Client { get; }

    /// <summary>Starts one.</summary>
    public static async Task<RunningServer> StartAsync(ServerOptions? options = null, ModelOptions? model = null, string? folder = null)
    {
        var loaded =
            await LanguageModel.LoadAsync(folder ?? Tiny, model ?? new ModelOptions { Device = "cpu", Threads = 2, ContextLength = 512 });
        var server = await CoppiceServer.StartAsync([new ServedModel("tiny", loaded)], (options ?? new ServerOptions()) with { Port = 0 });
        return new RunningServer(loaded, server);
    }

    /// <summary>Posts JSON and gives the answer, which may be an error.</summary>
    public async Task<Answer> PostAsync(string path, string json, CancellationToken cancellation = default)
    {
        using var content = new StringContent(json, Encoding.UTF8, "application/json");
        using var response = await Client.PostAsync(new Uri(path, UriKind.Relative), content, cancellation);
        return new Answer(response.StatusCode, await response.Content.ReadAsStringAsync(cancellation), response.Headers.RetryAfter?.Delta);
    }

    /// <summary>Posts JSON and reads the events of the answer; what failed is thrown.</summary>
    public async IAsyncEnumerable<string> StreamAsync(string path, string json)
    {
        using var request =
            new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(json, Encoding.UTF8, "application/json") };
        using var response = await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        response.EnsureSuccessStatusCode();
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        while (await reader.ReadLineAsync() is { } line)
        {
            if (line.Length == 0) continue;
            Assert.StartsWith("data: ", line, StringComparison.Ordinal);
            yield return line["data: ".Length..];
        }
    }

    /// <summary>Waits until nothing of any request is left in the model.</summary>
    public async Task RequireIdleAsync()
    {
        for (var tries = 0; tries < 500
            && (Model.Statistics.RunningSequences > 0 || Model.Statistics.WaitingSequences > 0); tries++) await Task.Delay(10);
        Assert.Equal((0, 0), (Model.Statistics.RunningSequences, Model.Statistics.WaitingSequences));
    }

    /// <summary>Holds all passes until the returned one is disposed.</summary>
    public IDisposable HoldPasses()
    {
        var (begun, end) = (new ManualResetEventSlim(), new ManualResetEventSlim());
        var holder = new Thread(() => Model.Scheduler.Exclusive(() =>
        {
            begun.Set();
            end.Wait();
        }));
        holder.Start();
        begun.Wait();
        return new Hold(end, holder);
    }

    /// <summary>The text that the model gives alone, without a server.</summary>
    public async Task<(string Text, GenerationResult Result)> AloneAsync(string prompt, GenerationOptions options)
    {
        using var session = Model.NewSession(new SessionOptions { SharePrefixes = false });
        await foreach (var _ in session.GenerateAsync(prompt, options)) { }
        return (session.LastResult!.Text, session.LastResult);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
        var left = Model.Scheduler.Count();
        Model.Dispose();
        Assert.Equal((0, 0), left);
    }

    private sealed class Hold(ManualResetEventSlim end, Thread holder) : IDisposable
    {
        public void Dispose()
        {
            end.Set();
            holder.Join();
        }
    }
}

/// <summary>A status and a body.</summary>
internal sealed record Answer(HttpStatusCode Status, string Body, TimeSpan? RetryAfter)
{
    /// <summary>The body of a request that was answered.</summary>
    public JsonElement Json
    {
        get
        {
            Assert.True(Status == HttpStatusCode.OK, $"{Status}: {Body}");
            return JsonDocument.Parse(Body).RootElement;
        }
    }

    /// <summary>The error of one that was refused, in the shape of the OpenAI API.</summary>
    public JsonElement Error
    {
        get
        {
            Assert.NotEqual(HttpStatusCode.OK, Status);
            var error = JsonDocument.Parse(Body).RootElement.GetProperty("error");
            Assert.Equal(["message", "type", "param", "code"], error.EnumerateObject().Select(part => part.Name));
            return error;
        }
    }
}
