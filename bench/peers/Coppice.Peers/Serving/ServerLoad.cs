using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Coppice.Peers.Comparison;

namespace Coppice.Peers.Serving;

/// <summary>Starts a server, sends it requests from several clients at once, and says how fast it answered.</summary>
/// <remarks>
/// Prompts are random tokens, different for each client but for what they share. Every client asks for the same number of tokens and reads
/// them as they come. Tokens per second are prompt and new tokens of all requests over the time from the first request to the last token.
/// </remarks>
internal sealed class ServerLoad(Arguments arguments, string program, IReadOnlyList<string> programArguments)
{
    private const int FirstId = 300;        // below it are special tokens and single bytes
    private static readonly TimeSpan LongestStart = TimeSpan.FromMinutes(3);

    private readonly int _clients = Number(arguments, "--clients"), _prompt = Number(arguments, "--prompt-tokens"),
        _new = Number(arguments, "--new-tokens");
    private readonly int _vocabulary = Number(arguments, "--vocabulary"), _shared = arguments.Number("--shared-tokens") ?? 0;

    /// <summary>One answer: when its tokens came, from the common start.</summary>
    private sealed record Answer(List<TimeSpan> Pieces, TimeSpan Begin);

    /// <summary>Runs it, and writes a line of JSON for <see cref="Read"/>.</summary>
    /// <exception cref="InvalidOperationException">The server did not start, or did not answer as it must.</exception>
    public void Run()
    {
        var port = FreePort();
        var text = port.ToString(CultureInfo.InvariantCulture);
        var start =
            new ProcessStartInfo(program, programArguments.Select(argument => argument.Replace("{port}", text, StringComparison.Ordinal)))
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
        using var server = Process.Start(start)!;
        var log = new StringBuilder();
        server.OutputDataReceived += (_, line) => { lock (log) log.AppendLine(line.Data); };
        server.ErrorDataReceived += (_, line) => { lock (log) log.AppendLine(line.Data); };
        server.BeginOutputReadLine();
        server.BeginErrorReadLine();
        try
        {
            using var handler = new SocketsHttpHandler { MaxConnectionsPerServer = _clients + 1 };
            using var http =
                new HttpClient(handler) { BaseAddress = new Uri($"http://127.0.0.1:{text}"), Timeout = Timeout.InfiniteTimeSpan };
            WaitUntilReady(http, server, log);
            Report(MeasureAsync(http).GetAwaiter().GetResult());
        }
        finally
        {
            if (!server.HasExited) server.Kill();
            server.WaitForExit();
        }
    }

    /// <summary>What a run says of its test.</summary>
    public static IReadOnlyList<Measurement> Read(string output)
    {
        using var document = JsonDocument.Parse(output);
        var root = document.RootElement;
        var details = root.EnumerateObject().Where(field => field.Name.EndsWith("_ms", StringComparison.Ordinal))
            .ToDictionary(field => field.Name, field => field.Value.GetDouble());
        return [new Measurement(root.GetProperty("test").GetString()!, root.GetProperty("tokens_per_s").GetDouble()) { Details = details }];
    }

    private async Task<Answer[]> MeasureAsync(HttpClient http)
    {
        var random = new Random(1);
        int[] Ids(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(FirstId, _vocabulary))];
        var shared = Ids(_shared);
        var prompts = Enumerable.Range(0, _clients).Select(_ => (int[])[.. shared, .. Ids(_prompt)]).ToArray();
        var start = Stopwatch.GetTimestamp();
        return await Task.WhenAll(prompts.Select(prompt => AskAsync(http, prompt, start)));
    }

    private async Task<Answer> AskAsync(HttpClient http, int[] prompt, long start)
    {
        var body = new Dictionary<string,
            object>
        { ["prompt"] = prompt, ["max_tokens"] = _new, ["temperature"] = 0, ["ignore_eos"] = true, ["stream"] = true };
        if (arguments.Text("--drafter") is { } drafter) body["drafter"] = drafter;
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions")
        {
            Content = new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json"),
        };
        var begin = Stopwatch.GetElapsedTime(start);
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        if (response.StatusCode != HttpStatusCode.OK)
            throw new InvalidOperationException($"status {(int)response.StatusCode}: {await response.Content.ReadAsStringAsync()}");
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        var pieces = new List<TimeSpan>();
        var reason = "";
        while (await reader.ReadLineAsync() is { } line)
        {
            if (!line.StartsWith("data: {", StringComparison.Ordinal)) continue;
            var now = Stopwatch.GetElapsedTime(start);
            using var chunk = JsonDocument.Parse(line["data: ".Length..]);
            if (chunk.RootElement.TryGetProperty("error", out var error)) throw new InvalidOperationException(error.GetRawText());
            if (chunk.RootElement.GetProperty("choices") is not { ValueKind: JsonValueKind.Array } choices || choices.GetArrayLength() == 0)
                continue;
            if (choices[0].TryGetProperty("finish_reason", out var ended) && ended.ValueKind == JsonValueKind.String)
                reason = ended.GetString();
            if (choices[0].GetProperty("text").GetString() is { Length: > 0 }) pieces.Add(now);
        }
        return reason == "length" && pieces.Count > 1 ? new Answer(pieces, begin)
            : throw new InvalidOperationException($"an answer must end by its length, found \"{reason}\".");
    }

    private void Report(Answer[] answers)
    {
        var whole = answers.Max(answer => answer.Pieces[^1]) - answers.Min(answer => answer.Begin);
        double[] first = [.. answers.Select(answer => (answer.Pieces[0] - answer.Begin).TotalMilliseconds).Order()];
        double[] between =
            [.. answers.SelectMany(answer =>
            answer.Pieces.Zip(answer.Pieces.Skip(1), (one, next) => (next - one).TotalMilliseconds)).Order()];
        Console.WriteLine(JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["test"] = arguments.Required("--test"),
            ["tokens_per_s"] = _clients * (_shared + _prompt + _new) / whole.TotalSeconds,
            [Details.FirstP50] = At(first, 0.5),
            [Details.FirstP99] = At(first, 0.99),
            [Details.BetweenP50] = At(between, 0.5),
            [Details.BetweenP99] = At(between, 0.99),
        }));
    }

    /// <summary>By nearest rank.</summary>
    private static double At(double[] sorted, double share) => sorted[Math.Max((int)Math.Ceiling(share * sorted.Length) - 1, 0)];

    private static void WaitUntilReady(HttpClient http, Process server, StringBuilder log)
    {
        for (var start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < LongestStart; Thread.Sleep(50))
        {
            if (server.HasExited) break;
            try
            {
                using var response = http.Send(new HttpRequestMessage(HttpMethod.Get, "/health"));
                if (response.StatusCode == HttpStatusCode.OK) return;
            }
            catch (HttpRequestException)
            {
                // It does not listen yet.
            }
        }
        lock (log) throw new InvalidOperationException($"the server did not start: {log.ToString().Trim().Split('\n')[^1]}");
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static int Number(Arguments arguments, string name) =>
        arguments.Number(name) ?? throw new ArgumentException($"{name}: must be given.");
}
