using System.Net;
using Microsoft.AspNetCore.Http;

namespace Coppice.Server.Http;

/// <summary>
/// Which pages may use the server. A page of another site can reach a server on this machine: by its address, then the browser says the
/// page's Origin, or by a name of its own that it lets point here, then the Host header is that name.
/// </summary>
internal sealed class Origins
{
    private const string Localhost = "localhost";

    private readonly HashSet<string> _origins = new(StringComparer.OrdinalIgnoreCase), _hosts = new(StringComparer.OrdinalIgnoreCase);
    private readonly bool _all, _isLoopback;

    /// <summary>What <paramref name="options"/> allow.</summary>
    public Origins(ServerOptions options)
    {
        _all = options.AllowedOrigins.Contains("*");
        foreach (var origin in options.AllowedOrigins.Where(origin => origin != "*"))
        {
            _origins.Add(origin.TrimEnd('/'));
            _hosts.Add(new Uri(origin).Host);
        }
        _hosts.Add(Localhost);
        _hosts.Add(options.Host);
        _isLoopback = options.Host.Equals(Localhost, StringComparison.OrdinalIgnoreCase)
            || (IPAddress.TryParse(options.Host, out var address) && IPAddress.IsLoopback(address));
    }

    /// <summary>Whether the text is a scheme and a host, as browsers write origins.</summary>
    public static bool IsOrigin(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri.PathAndQuery == "/"
            && uri.UserInfo.Length == 0
            && uri.Fragment.Length == 0;

    /// <summary>Throws where the request comes from a page that is not allowed; else lets the page read the answer.</summary>
    /// <exception cref="ApiException">It does.</exception>
    public void Check(HttpContext context)
    {
        var host = context.Request.Host;
        if (!IsOwn(host.Host))
            throw Foreign(
                $"Host: must be a name of this server, found \"{ApiException.Clip(host.Value ?? "")}\" (--allow-origin allows others).");
        var origin = context.Request.Headers.Origin.ToString();
        if (origin.Length == 0) return;
        if (!_all && !_origins.Contains(origin)
            && !origin.Equals($"{context.Request.Scheme}://{host.Value}", StringComparison.OrdinalIgnoreCase))
            throw Foreign($"Origin: must be this server's own page, found \"{ApiException.Clip(origin)}\" (--allow-origin allows others).");
        context.Response.Headers.AccessControlAllowOrigin = origin;
        context.Response.Headers.Vary = "Origin";
    }

    /// <summary>An address cannot be made to point here by anyone else, a name can.</summary>
    private bool IsOwn(string host)
    {
        if (_all || _hosts.Contains(host)) return true;
        return IPAddress.TryParse(host.Trim('[', ']'), out var address) && (!_isLoopback || IPAddress.IsLoopback(address));
    }

    private static ApiException Foreign(string message) => new(403, "invalid_request_error", message, code: "foreign_origin");
}
