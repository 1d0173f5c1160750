using System.Text.Json.Serialization;

namespace Coppice.Cli;

/// <summary>Speeds of a model, and of the machine in the same run.</summary>
internal sealed record BenchResult(MachineSpeed Machine, IReadOnlyList<BenchRow> Rows);

/// <summary>What the machine can do at most.</summary>
internal sealed record MachineSpeed(
    string Cpu,
    int Threads,
    [property: JsonPropertyName("read_GBps")] double ReadGigabytes,
    [property: JsonPropertyName("fma_GFLOPs")] double FmaGigaflops);

/// <summary>One measurement: the median over the rounds.</summary>
/// <param name="Name">decode-CONTEXT, decode-TOKENS@CONTEXT, prefill-TOKENS, concurrency-REQUESTS or embed-TOKENS.</param>
/// <param name="TokensPerS">Tokens in a second; with concurrency prompt and new tokens of all requests.</param>
/// <param name="Gigabytes">Weights, keys and values read in a second, in 10⁹ bytes; null with concurrency.</param>
/// <param name="Gigaflops">Multiplications and additions in a second, in 10⁹; null with concurrency.</param>
/// <param name="ShareOfLimit">
/// Time that memory or arithmetic alone would need at the machine's speed, as a share of the time taken; with concurrency the time that
/// the passes alone would need.
/// </param>
internal sealed record BenchRow(
    string Name,
    double TokensPerS,
    [property: JsonPropertyName("GBps")] double? Gigabytes,
    [property: JsonPropertyName("GFLOPs")] double? Gigaflops,
    double ShareOfLimit)
{
    /// <summary>From the beginning of all requests to the first token of each; null without concurrency.</summary>
    public LatencyPercentiles? FirstTokenMs { get; init; }
    /// <summary>From a token to the next of the same request; null without concurrency.</summary>
    public LatencyPercentiles? BetweenTokensMs { get; init; }
}

/// <summary>Times that half of the samples and 99 % of them do not exceed, in milliseconds: the medians over the rounds.</summary>
internal sealed record LatencyPercentiles(double P50, double P99);
