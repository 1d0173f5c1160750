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
/// <param name="Name">decode-CONTEXT, decode-TOKENS@CONTEXT or prefill-TOKENS.</param>
/// <param name="TokensPerS">Tokens in a second.</param>
/// <param name="Gigabytes">Weights, keys and values read in a second, in 10⁹ bytes.</param>
/// <param name="Gigaflops">Multiplications and additions in a second, in 10⁹.</param>
/// <param name="ShareOfLimit">Time that memory or arithmetic alone would need at the machine's speed, as a share of the time taken.</param>
internal sealed record BenchRow(
    string Name,
    double TokensPerS,
    [property: JsonPropertyName("GBps")] double Gigabytes,
    [property: JsonPropertyName("GFLOPs")] double Gigaflops,
    double ShareOfLimit);
