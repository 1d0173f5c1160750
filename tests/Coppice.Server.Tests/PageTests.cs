using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Server.Tests;

/// <summary>The page: its files and their headers, what it is told of passes, and that it works in a browser where there is one.</summary>
public sealed class PageTests
{
    [Theory, InlineData("/", "text/html"), InlineData("/page.css", "text/css"), InlineData("/page.js", "text/javascript"),
        InlineData("/tree.js", "text/javascript")]
    public async Task Its_files_come_from_the_server_alone(string path, string type)
    {
        await using var server = await RunningServer.StartAsync(new ServerOptions { ApiKeys = ["key"] });
        using var response = await server.Client.GetAsync(new Uri(path, UriKind.Relative));
        Assert.Equal((HttpStatusCode.OK, type), (response.StatusCode, response.Content.Headers.ContentType!.MediaType));
        var policy = Assert.Single(response.Headers.GetValues("Content-Security-Policy"));
        Assert.StartsWith("default-src 'none'; script-src 'self'; style-src 'self'", policy, StringComparison.Ordinal);
        var text = await response.Content.ReadAsStringAsync();
        // no address of elsewhere
        Assert.DoesNotContain("//", text.Replace("// ", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.DoesNotContain("innerHTML", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Events_tell_every_pass_where_they_are_asked_to()
    {
        await using var server = await RunningServer.StartAsync();
        var tokens = new List<JsonElement>();
        await foreach (
            var chunk in server.StreamAsync("/v1/completions",
            """{"prompt": "Gets or sets the", "max_tokens": 20, "temperature": 0, "ignore_eos": true, "stream": true, "trace": true}"""))
        {
            if (chunk == "[DONE]" || !JsonDocument.Parse(chunk).RootElement.TryGetProperty("trace", out var steps)) continue;
            foreach (var step in steps.EnumerateArray())
            {
                tokens.AddRange(step.GetProperty("tokens").EnumerateArray());
                Assert.True(step.GetProperty("pass_ms").GetDouble() > 0 && step.GetProperty("kv_bytes").GetInt64() > 0);
            }
        }
        var (_, result) = await server.AloneAsync("Gets or sets the", new() { MaxTokens = 20, IgnoreEos = true });
        Assert.Equal(result.Ids, tokens.Select(token => token.GetProperty("id").GetInt32()));
        Assert.Equal(HttpStatusCode.BadRequest, (await server.PostAsync("/v1/completions", """{"prompt": "a", "trace": true}""")).Status);
    }

    /// <summary>
    /// tests/browser has the script; COPPICE_SCREENSHOT names a file for a picture.
    /// </summary>
    [Fact]
    public async Task It_drafts_answers_and_shows_passes_in_a_browser()
    {
        var scripts = Path.Combine(SharedData.Repository, "tests", "browser");
        Assert.SkipUnless(Directory.Exists(Path.Combine(scripts, "node_modules", "playwright-core")),
            "needs playwright-core: npm ci in tests/browser");
        var browser = new[] { "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome" }.FirstOrDefault(File.Exists);
        Assert.SkipWhen(browser is null, "needs Chromium");
        await using var server = await RunningServer.StartAsync();
        var start = new ProcessStartInfo("node", [Path.Combine(scripts, "page.mjs"), server.Server.Address.ToString(), browser!])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var node = Process.Start(start)!;
        var (output, error) = (node.StandardOutput.ReadToEndAsync(), node.StandardError.ReadToEndAsync());
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        await node.WaitForExitAsync(limit.Token);
        Assert.True(node.ExitCode == 0, await output + await error);
        var (text, _) = await server.AloneAsync("Gets or sets the", new() { MaxTokens = 24 });
        Assert.Equal(text, JsonDocument.Parse(await output).RootElement.GetProperty("answer").GetString());
    }
}
