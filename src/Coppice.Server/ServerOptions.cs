using Microsoft.Extensions.Logging;

namespace Coppice.Server;

/// <summary>How a server listens, whom it lets in, and how much it takes.</summary>
public sealed record ServerOptions
{
    /// <summary>
    /// Where it listens: an IP address, "localhost" (the default is 127.0.0.1: this machine only), or "*" for all addresses.
    /// </summary>
    public string Host { get; init; } = "127.0.0.1";
    /// <summary>The port; 8080 by default, and 0 for any that is free.</summary>
    public int Port { get; init; } = 8080;
    /// <summary>
    /// Keys one of which a request must bring as <c>Authorization: Bearer KEY</c>; none, the default, for no check. Requests with different
    /// keys share no keys and values of prompts and no drafting statistics.
    /// </summary>
    public IReadOnlyList<string> ApiKeys { get; init; } = [];
    /// <summary>
    /// Origins whose pages may use the server, as <c>https://example.org</c>; their host names may also stand in the Host header. "*"
    /// allows all. None by default: then only the server's own page may, under a name of this machine or an address.
    /// </summary>
    public IReadOnlyList<string> AllowedOrigins { get; init; } = [];
    /// <summary>
    /// Texts that wait for a place in the model's passes at most, for each model; 256 by default. What comes beyond that is answered with
    /// 429.
    /// </summary>
    public int MaxQueued { get; init; } = 256;
    /// <summary>Bytes of a request's body at most; 16 MiB by default. A longer one is answered with 413.</summary>
    public long MaxBodyBytes { get; init; } = 16L << 20;
    /// <summary>How long running answers may go on when the server stops; 5 s by default. Then they are cancelled.</summary>
    public TimeSpan DrainTime { get; init; } = TimeSpan.FromSeconds(5);
    /// <summary>Told of requests and of failures inside the server; null for none.</summary>
    public ILogger? Logger { get; init; }

    internal void Validate()
    {
        ArgumentException.ThrowIfNullOrEmpty(Host);
        if (Port is < 0 or > 65535) throw new ArgumentOutOfRangeException(nameof(Port), $"server: the port must be 0..65535, got {Port}.");
        ArgumentNullException.ThrowIfNull(ApiKeys);
        if (ApiKeys.Any(string.IsNullOrWhiteSpace)) throw new ArgumentException("server: an API key must not be empty.", nameof(ApiKeys));
        ArgumentNullException.ThrowIfNull(AllowedOrigins);
        foreach (var origin in AllowedOrigins)
        {
            if (origin != "*" && !Http.Origins.IsOrigin(origin))
                throw new ArgumentException(
                    $"server: an allowed origin must be a scheme and a host as https://example.org, or *, got \"{origin}\".",
                        nameof(AllowedOrigins));
        }
        ArgumentOutOfRangeException.ThrowIfNegative(MaxQueued);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxBodyBytes, 1);
        if (DrainTime < TimeSpan.Zero || DrainTime > TimeSpan.FromHours(1))
            throw new ArgumentOutOfRangeException(nameof(DrainTime), $"server: the drain time must be from 0 to an hour, got {DrainTime}.");
    }
}
