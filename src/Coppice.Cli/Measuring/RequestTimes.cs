using System.Diagnostics;

namespace Coppice.Cli.Measuring;

/// <summary>When the tokens of requests that began together came, as the host saw them.</summary>
/// <param name="Start">Time stamp of the beginning of all requests.</param>
/// <param name="Tokens">Time stamps of each request's tokens, in order; at least one each.</param>
internal sealed record RequestTimes(long Start, IReadOnlyList<long[]> Tokens)
{
    /// <summary>From the first request to the last token of all.</summary>
    public double TotalSeconds => Seconds(Start, Tokens.Max(request => request[^1]));

    /// <summary>From the beginning to the first token, of each request.</summary>
    public IReadOnlyList<double> FirstTokenMilliseconds => [.. Tokens.Select(request => 1e3 * Seconds(Start, request[0]))];

    /// <summary>From each token to the next of the same request; tokens that come together have 0 between them.</summary>
    public IReadOnlyList<double> BetweenTokensMilliseconds =>
        [.. Tokens.SelectMany(request => request.Zip(request.Skip(1), (before, after) => 1e3 * Seconds(before, after)))];

    private static double Seconds(long start, long end) => Stopwatch.GetElapsedTime(start, end).TotalSeconds;
}
