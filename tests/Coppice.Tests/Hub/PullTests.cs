using Coppice.Cli;
using Coppice.Cli.Hub;
using Coppice.Tests.EndToEnd;
using Coppice.Tests.Support;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Coppice.Tests.Hub;

/// <summary>Fetching models from a hub on this machine that misbehaves.</summary>
public sealed class PullTests : IAsyncDisposable
{
    /// <summary>What is fetched of the model.</summary>
    private static readonly string[] Names =
        ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"];

    private readonly FakeHub _hub = new();
    private readonly string _cache = Directory.CreateTempSubdirectory("coppice-hub-").FullName;
    private readonly string _tiny = Path.Combine(SharedData.Repository, "weights", "tiny");

    public PullTests()
    {
        foreach (var name in Names) _hub.Files[name] = File.ReadAllBytes(Path.Combine(_tiny, name));
        _hub.Files["pytorch_model.bin"] = [1, 2, 3];
        _hub.Files["README.md"] = [4];
        _hub.Files["modeling_evil.py"] = [5];
    }

    private string Folder => Path.Combine(_cache, "models--owner--model");

    [Fact]
    public void The_command_fetches_into_the_hubs_layout_and_the_model_is_found_by_name()
    {
        (string, string)[] environment = [("HF_ENDPOINT", _hub.Endpoint), ("HF_TOKEN", "secret"), ("HF_HUB_CACHE", _cache)];
        var json = CliProcess.Run("", environment, ["pull", "owner/model", "--json"]).Json;
        var snapshot = Path.Combine(Folder, "snapshots", FakeHub.Commit);
        Assert.Equal((snapshot, 5), (json.GetProperty("folder").GetString(), json.GetProperty("files").GetInt32()));
        Assert.Equal(_hub.Files.Take(5).Sum(file => file.Value.Length), json.GetProperty("bytes").GetInt64());
        Assert.Equal(FakeHub.Commit, File.ReadAllText(Path.Combine(Folder, "refs", "main")));
        Assert.Equal(Names, Directory.GetFiles(snapshot).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        foreach (var file in Directory.GetFiles(snapshot)) Assert.Equal(_hub.Files[Path.GetFileName(file)], File.ReadAllBytes(file));
        Assert.Equal(_hub.Files["model.safetensors"],
            File.ReadAllBytes(Path.Combine(Folder, "blobs", FakeHub.Sha256(_hub.Files["model.safetensors"]))));
        if (!OperatingSystem.IsWindows())
            Assert.StartsWith("../../blobs/", new FileInfo(Path.Combine(snapshot, "config.json")).LinkTarget, StringComparison.Ordinal);
        Assert.All(_hub.Requests, request => Assert.Equal("Bearer secret", request.Token));

        string[] generate = ["generate", "Gets or sets the", "--max-tokens", "6", "--device", "cpu", "--json"];
        var expected = CliProcess.Run([.. generate, "--model", _tiny]).Json.GetProperty("ids").GetRawText();
        foreach (var model in (string[])["owner/model", Folder, _cache])
            Assert.Equal(expected, CliProcess.Run("", environment, [.. generate, "--model", model]).Json.GetProperty("ids").GetRawText());
        var missing = CliProcess.Run("", environment, ["generate", "a", "--model", "owner/other"]);
        Assert.Contains("coppice pull owner/other", missing.OneError, StringComparison.Ordinal);

        _hub.Requests.Clear();
        Assert.Equal(0, CliProcess.Run("", environment, ["pull", "owner/model"]).Status);
        Assert.Single(_hub.Requests);       // what is there is not fetched again
    }

    [Fact]
    public async Task A_connection_that_breaks_is_gone_on_with_where_it_broke()
    {
        var cuts = 0;
        _hub.Trick = async context =>
        {
            if (!context.Request.Path.Value!.EndsWith("model.safetensors", StringComparison.Ordinal) || ++cuts > 3) return false;
            var bytes = _hub.Files["model.safetensors"];
            var from = (int)(context.Request.GetTypedHeaders().Range?.Ranges.First().From ?? 0);
            if (from > 0)
                (context.Response.StatusCode, context.Response.Headers.ContentRange) =
                    (206, $"bytes {from}-{bytes.Length - 1}/{bytes.Length}");
            context.Response.ContentLength = bytes.Length - from;
            await context.Response.Body.WriteAsync(bytes.AsMemory(from, 300_000));
            await context.Response.Body.FlushAsync();
            await Task.Delay(50);
            context.Abort();
            return true;
        };
        await PullAsync();
        var ranges = _hub.Requests.Where(request => request.Path.EndsWith("model.safetensors", StringComparison.Ordinal))
            .Select(request => request.Range).ToArray();
        Assert.Equal(4, ranges.Length);
        Assert.Null(ranges[0]);
        Assert.All(ranges[1..], range => Assert.NotNull(range));
    }

    [Fact]
    public async Task What_was_begun_earlier_is_gone_on_with_also_where_the_hub_sends_it_whole()
    {
        foreach (var ignoresRanges in (bool[])[false, true])
        {
            if (Directory.Exists(Folder)) Directory.Delete(Folder, recursive: true);
            var bytes = _hub.Files["model.safetensors"];
            Directory.CreateDirectory(Path.Combine(Folder, "blobs"));
            await File.WriteAllBytesAsync(Path.Combine(Folder, "blobs", FakeHub.Sha256(bytes) + ".incomplete"), bytes[..1000],
                TestContext.Current.CancellationToken);
            if (ignoresRanges) _hub.Trick = async context =>
            {
                if (context.Request.Headers.Range.Count == 0) return false;
                await context.Response.Body.WriteAsync(bytes);
                return true;
            };
            _hub.Requests.Clear();
            await PullAsync();
            Assert.Contains(_hub.Requests, request => request.Range == "bytes=1000-");
        }
    }

    [Fact]
    public async Task A_file_with_another_hash_is_deleted_and_never_seen()
    {
        foreach (var name in (string[])["model.safetensors", "config.json"])
        {
            if (Directory.Exists(Folder)) Directory.Delete(Folder, recursive: true);
            var real = name == "config.json" ? FakeHub.GitHash(_hub.Files[name]) : FakeHub.Sha256(_hub.Files[name]);
            _hub.WrongHashes[name] = string.Concat(real.Reverse());
            var error = await Assert.ThrowsAsync<CommandException>(() => PullAsync());
            Assert.Contains($"{name} must have the hash", error.Message, StringComparison.Ordinal);
            Assert.False(File.Exists(Path.Combine(Folder, "snapshots", FakeHub.Commit, name)));
            Assert.False(File.Exists(Path.Combine(Folder, "refs", "main")));
            Assert.DoesNotContain(Directory.GetFiles(Path.Combine(Folder, "blobs")), file =>
                file.Contains(_hub.WrongHashes[name], StringComparison.Ordinal));
            _hub.WrongHashes.Clear();
        }
    }

    [Theory]
    [InlineData("../../evil.json")]
    [InlineData("/etc/evil.json")]
    [InlineData("1_Pooling/../../config.json")]
    [InlineData("a\\..\\config.json")]
    [InlineData("C:config.json")]
    [InlineData("a//config.json")]
    [InlineData("config.json\u0000")]
    [InlineData("")]
    public async Task A_path_that_leads_elsewhere_refuses_the_whole_model(string path)
    {
        _hub.MoreFiles.Add(new { rfilename = path, size = 1, blobId = FakeHub.Commit });
        await Assert.ThrowsAsync<CommandException>(() => PullAsync());
        Assert.Empty(Directory.GetFileSystemEntries(_cache));
        Assert.Single(_hub.Requests);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("{\"sha\": \"../x\", \"siblings\": []}")]
    [InlineData($"{{\"sha\": \"{FakeHub.Commit}\", \"siblings\": [{{}}]}}")]
    [InlineData($"{{\"sha\": \"{FakeHub.Commit}\", \"siblings\": [{{\"rfilename\": \"a.safetensors\", \"size\": -1, "
        + $"\"blobId\": \"{FakeHub.Commit}\"}}]}}")]
    [InlineData($"{{\"sha\": \"{FakeHub.Commit}\", \"siblings\": [{{\"rfilename\": \"a.safetensors\", \"size\": 1, "
        + "\"blobId\": \"../../x\"}]}")]
    [InlineData($"{{\"sha\": \"{FakeHub.Commit}\", \"siblings\": [{{\"rfilename\": \"config.json\", \"size\": 1, "
        + $"\"blobId\": \"{FakeHub.Commit}\"}}]}}")]
    [InlineData($"{{\"sha\": \"{FakeHub.Commit}\\n\", \"siblings\": [{{\"rfilename\": \"a.safetensors\", \"size\": 1, "
        + $"\"blobId\": \"{FakeHub.Commit}\"}}]}}")]
    [InlineData("<html>")]
    public async Task An_answer_that_is_not_a_models_is_refused(string answer)
    {
        _hub.Trick = async context =>
        {
            await context.Response.WriteAsync(answer);
            return true;
        };
        await Assert.ThrowsAsync<CommandException>(() => PullAsync());
        Assert.Empty(Directory.GetFileSystemEntries(_cache));
    }

    [Fact]
    public async Task The_token_does_not_go_where_the_hub_redirects_to()
    {
        await using var other = new FakeHub
        {
            Trick = async context =>
            {
                await FakeHub.SendAsync(context, _hub.Files["model.safetensors"]);
                return true;
            },
        };
        _hub.Trick = context =>
        {
            var isWeights = context.Request.Path.Value!.EndsWith("model.safetensors", StringComparison.Ordinal);
            if (isWeights) context.Response.Redirect($"{other.Endpoint}/somewhere");
            return Task.FromResult(isWeights);
        };
        await PullAsync("secret");
        Assert.Null(Assert.Single(other.Requests).Token);
        Assert.All(_hub.Requests, request => Assert.Equal("Bearer secret", request.Token));
    }

    [Fact]
    public async Task Errors_that_pass_are_waited_for_and_others_are_told()
    {
        var busy = 0;
        _hub.Trick = context =>
        {
            if (++busy > 2) return Task.FromResult(false);
            context.Response.StatusCode = 503;
            return Task.FromResult(true);
        };
        await PullAsync();
        foreach (var (status, hint) in ((int, string)[])[(401, "HF_TOKEN"), (404, "--revision"), (500, "attempts failed")])
        {
            _hub.Trick = context =>
            {
                context.Response.StatusCode = status;
                return Task.FromResult(true);
            };
            Assert.Contains(hint, (await Assert.ThrowsAsync<CommandException>(() => PullAsync())).Message, StringComparison.Ordinal);
        }
        var loops = 0;
        _hub.Trick = context =>
        {
            context.Response.Redirect($"/again/{++loops}");
            return Task.FromResult(true);
        };
        await Assert.ThrowsAsync<CommandException>(() => PullAsync());
        Assert.InRange(loops, 2, 10);
    }

    [Fact]
    public async Task A_hub_that_says_nothing_and_one_that_says_too_much_are_given_up()
    {
        _hub.Trick = async context =>
        {
            if (!context.Request.Path.Value!.EndsWith("config.json", StringComparison.Ordinal)) return false;
            await context.Response.StartAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
            return true;
        };
        Assert.Contains("attempts failed", (await Assert.ThrowsAsync<CommandException>(() => PullAsync())).Message,
            StringComparison.Ordinal);
        _hub.Trick = async context =>
        {
            if (!context.Request.Path.Value!.EndsWith("/config.json", StringComparison.Ordinal)) return false;
            await context.Response.Body.WriteAsync(new byte[1 << 20]);
            return true;
        };
        Assert.Contains("found more", (await Assert.ThrowsAsync<CommandException>(() => PullAsync())).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../model")]
    [InlineData("a/b/c")]
    [InlineData("a b")]
    [InlineData("owner/mo--del")]
    [InlineData("")]
    [InlineData("owner/model\n")]
    public async Task Names_that_are_none_are_refused(string name)
    {
        using var client = new HubClient(_hub.Endpoint, null);
        await Assert.ThrowsAsync<CommandException>(() =>
            new HubPull(client, new HubCache(_cache)).RunAsync(name, "main", (_, _) => { }, CancellationToken.None));
        Assert.Empty(_hub.Requests);
    }

    public async ValueTask DisposeAsync()
    {
        await _hub.DisposeAsync();
        Directory.Delete(_cache, recursive: true);
    }

    private async Task PullAsync(string? token = null)
    {
        using var client =
            new HubClient(_hub.Endpoint, token) { Idle = TimeSpan.FromMilliseconds(500), Pause = TimeSpan.FromMilliseconds(1) };
        var (folder, _) = await new HubPull(client, new HubCache(_cache))
            .RunAsync("owner/model", "main", (_, _) => { }, TestContext.Current.CancellationToken);
        Assert.Equal(_hub.Files["model.safetensors"], await File.ReadAllBytesAsync(Path.Combine(folder, "model.safetensors")));
    }
}
