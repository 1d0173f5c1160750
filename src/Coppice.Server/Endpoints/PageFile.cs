using System.Reflection;

namespace Coppice.Server.Endpoints;

/// <summary>A file of the page that shows decoding. All of it is in the assembly; nothing comes from elsewhere.</summary>
internal sealed class PageFile(string name, string contentType)
{
    /// <summary>The page talks to its own server, and runs and loads nothing but its own files.</summary>
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; "
        + "form-action 'none'; frame-ancestors 'none'";

    private readonly Lazy<byte[]> _bytes = new(() => Read(name));

    /// <summary>The files by their paths.</summary>
    public static IReadOnlyDictionary<string, PageFile> All { get; } = new Dictionary<string, PageFile>
    {
        ["/"] = new("index.html", "text/html; charset=utf-8"),
        ["/page.css"] = new("page.css", "text/css; charset=utf-8"),
        ["/page.js"] = new("page.js", "text/javascript; charset=utf-8"),
        ["/icon.svg"] = new("icon.svg", "image/svg+xml"),
        ["/tree.js"] = new("tree.js", "text/javascript; charset=utf-8"),
    };

    public async Task SendAsync(ApiCall call)
    {
        var headers = call.Http.Response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers.CacheControl = "no-cache";
        headers["Referrer-Policy"] = "no-referrer";
        call.Http.Response.ContentType = contentType;
        call.Http.Response.ContentLength = _bytes.Value.Length;
        await call.Http.Response.Body.WriteAsync(_bytes.Value, call.Cancellation);
    }

    private static byte[] Read(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
