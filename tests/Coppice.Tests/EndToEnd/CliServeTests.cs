using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>`coppice serve` as a process: what it prints, what it answers, and how it ends.</summary>
public sealed class CliServeTests
{
    private const int Interrupt = 2, Terminate = 15;
    private static readonly string Tiny = Path.Combine(SharedData.Repository, "weights", "tiny");
    private static readonly string[] Arguments = ["serve", "--model", Tiny, "--device", "cpu", "--port", "0", "--json", "--context", "256"];

    [Fact]
    public async Task It_says_where_it_listens_serves_and_ends_in_order_when_told_to()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs signals");
        var expected = CliProcess.Run("generate", "Gets or sets the", "--model", Tiny, "--device", "cpu", "--max-tokens", "12", "--json")
            .Json.GetProperty("text").GetString();
        var start = 0L;
        var outcome = await CliProcess.SignalAsync(Terminate, async line =>
        {
            var url = JsonDocument.Parse(line).RootElement.GetProperty("url").GetString()!;
            Assert.StartsWith("http://127.0.0.1:", url, StringComparison.Ordinal);
            using var client = new HttpClient { BaseAddress = new Uri(url) };
            using var body =
                new StringContent("""{"prompt": "Gets or sets the", "max_tokens": 12, "temperature": 0}""", Encoding.UTF8,
                "application/json");
            using var response = await client.PostAsync(new Uri("/v1/completions", UriKind.Relative), body);
            var json = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
            Assert.Equal(expected, json.GetProperty("choices")[0].GetProperty("text").GetString());
            Assert.Equal("tiny", json.GetProperty("model").GetString());
            start = Stopwatch.GetTimestamp();
        }, Arguments);
        Assert.Equal(0, outcome.Status);
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(10));
        Assert.Single(outcome.JsonLines);
        Assert.Matches("^listening on http://127.0.0.1:[0-9]+\n$", outcome.Error);
    }

    [Fact]
    public async Task Told_to_end_amid_an_answer_it_ends_within_ten_seconds_with_status_0()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs signals");
        Task<string>? answer = null;
        var start = 0L;
        var outcome = await CliProcess.SignalAsync(Terminate, async line =>
        {
            var client = new HttpClient { BaseAddress = new Uri(JsonDocument.Parse(line).RootElement.GetProperty("url").GetString()!) };
            var body =
                new StringContent("""{"prompt": "Gets", "max_tokens": 240, "n": 100, "ignore_eos": true, "stream": true}""", Encoding.UTF8,
                "application/json");
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = body };
            var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            answer = response.Content.ReadAsStringAsync();
            start = Stopwatch.GetTimestamp();
        }, Arguments);
        Assert.Equal(0, outcome.Status);
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(10));
        var last = (await answer!).Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1];
        Assert.True(last == "data: [DONE]" || last.Contains("\"error\"", StringComparison.Ordinal), last);
    }

    [Fact]
    public async Task Ctrl_C_is_told_apart()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs signals");
        Assert.Equal(130, (await CliProcess.SignalAsync(Interrupt, _ => Task.CompletedTask, Arguments)).Status);
    }

    [Fact]
    public void What_cannot_be_served_is_one_line()
    {
        Assert.Contains("an IP address",
            CliProcess.Run("serve", "--model", Tiny, "--device", "cpu", "--host", "nowhere.example", "--port", "0").OneError,
            StringComparison.Ordinal);
        Assert.Contains("different names", CliProcess.Run("serve", "--model", Tiny, "--model", Tiny, "--device", "cpu").OneError,
            StringComparison.Ordinal);
        Assert.Contains("scheme and a host",
            CliProcess.Run("serve", "--model", Tiny, "--device", "cpu", "--allow-origin", "example.org").OneError,
            StringComparison.Ordinal);
    }
}
