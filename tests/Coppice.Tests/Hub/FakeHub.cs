using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace Coppice.Tests.Hub;

/// <summary>A hub on this machine that does what it is told to, well or badly.</summary>
internal sealed class FakeHub : IAsyncDisposable
{
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly WebApplication _app;
    private readonly Lock _gate = new();

    public FakeHub()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.Run(AnswerAsync);
        _app.Start();
    }

    public string Endpoint => _app.Urls.First();
    /// <summary>What the model consists of.</summary>
    public Dictionary<string, byte[]> Files { get; } = new(StringComparer.Ordinal);
    /// <summary>Requests, with their Range and Authorization.</summary>
    public List<(string Path, string? Range, string? Token)> Requests { get; } = [];
    /// <summary>Answers instead of the hub; false where it does not want to.</summary>
    public Func<HttpContext, Task<bool>>? Trick { get; set; }
    /// <summary>Another name for the list of files: paths that do not exist, or lead elsewhere.</summary>
    public List<object> MoreFiles { get; } = [];
    /// <summary>What the hub says that a file's hash is, where that is not true.</summary>
    public Dictionary<string, string> WrongHashes { get; } = [];

    public static string Sha256(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>The hash that git gives a file.</summary>
    public static string GitHash(byte[] bytes)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        hash.AppendData(Encoding.ASCII.GetBytes($"blob {bytes.Length}\0"));
        hash.AppendData(bytes);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        var path = context.Request.Path.Value!;
        lock (_gate) Requests.Add(
            (path, context.Request.Headers.Range.ToString() is { Length: > 0 } range ? range : null,
            context.Request.Headers.Authorization.ToString() is { Length: > 0 } token ? token : null));
        if (Trick is not null && await Trick(context)) return;
        if (path.StartsWith("/api/models/owner/model/revision/", StringComparison.Ordinal))
            await context.Response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(Listing()));
        else if (path.StartsWith($"/owner/model/resolve/{Commit}/", StringComparison.Ordinal)
            && Files.TryGetValue(path[$"/owner/model/resolve/{Commit}/".Length..], out var bytes))
            await SendAsync(context, bytes);
        else context.Response.StatusCode = 404;
    }

    /// <summary>Sends a file, or the part that is asked for.</summary>
    public static async Task SendAsync(HttpContext context, byte[] bytes)
    {
        var range = context.Request.GetTypedHeaders().Range?.Ranges.FirstOrDefault();
        var from = (int)(range?.From ?? 0);
        if (range is not null)
        {
            context.Response.StatusCode = 206;
            context.Response.Headers.ContentRange = $"bytes {from}-{bytes.Length - 1}/{bytes.Length}";
        }
        context.Response.ContentLength = bytes.Length - from;
        await context.Response.Body.WriteAsync(bytes.AsMemory(from));
    }

    private object Listing() => new
    {
        sha = Commit,
        siblings = (object[])
        [
            .. Files.Select(file => file.Key.EndsWith(".safetensors", StringComparison.Ordinal)
                ? new { rfilename = file.Key, size = file.Value.Length, blobId = GitHash("pointer"u8.ToArray()),
                    lfs = new { sha256 = WrongHashes.GetValueOrDefault(file.Key, Sha256(file.Value)) } }
                : (object)new { rfilename = file.Key, size = file.Value.Length,
                    blobId = WrongHashes.GetValueOrDefault(file.Key, GitHash(file.Value)) }),
            .. MoreFiles,
        ],
    };
}
