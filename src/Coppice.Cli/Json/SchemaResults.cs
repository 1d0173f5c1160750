using System.Text.Json;
using System.Text.Json.Serialization;

namespace Coppice.Cli;

/// <summary>What `schema check` found.</summary>
internal sealed record SchemaCheckResult
{
    public required bool Compiled { get; init; }
    public string? Error { get; init; }
    public required IReadOnlyList<KeywordRow> NotEnforced { get; init; }
    public required double CompileMs { get; init; }

    /// <summary>An instance; null where none was found.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public JsonElement? Example { get; init; }
}

/// <summary>A keyword that has no effect.</summary>
internal sealed record KeywordRow(string Pointer, string Keyword);

/// <summary>A line of `schema test`.</summary>
internal sealed record SchemaTestResult
{
    public JsonElement? Id { get; init; }
    public required bool Compiled { get; init; }
    public string? Error { get; init; }
    public required double CompileMs { get; init; }
    public required double FirstMaskUs { get; init; }
    public required IReadOnlyList<bool> Accepted { get; init; }
}

/// <summary>The last line of `schema test`.</summary>
internal sealed record SchemaTestTimes(MaskTimes MaskUs, CommitTimes CommitUs);

/// <summary>Times of masks, in microseconds.</summary>
internal sealed record MaskTimes(double P50, double P99, double P999);

/// <summary>Times of taking a token, in microseconds.</summary>
internal sealed record CommitTimes(double P50, double P99);
