using System.Text.Json;
using System.Text.Json.Serialization;

namespace Coppice.Cli;

/// <summary>The cases whose logits were written.</summary>
internal sealed record LogitsResult(IReadOnlyList<LogitsCase> Cases);

/// <summary>One case.</summary>
internal sealed record LogitsCase(string Case, int Tokens);

/// <summary>Log-probabilities of the tokens of one text after its prompt, in nats.</summary>
internal sealed record ScoreResult
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public JsonElement? Id { get; init; }
    public required IReadOnlyList<double> LogProbs { get; init; }
    public required double Sum { get; init; }
}

/// <summary>Which label follows a prompt.</summary>
internal sealed record CalibrateResult
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public JsonElement? Id { get; init; }
    /// <summary>The most probable one after calibration.</summary>
    public required string Label { get; init; }
    /// <summary>Of each label after calibration.</summary>
    public required IReadOnlyDictionary<string, double> Probabilities { get; init; }
    /// <summary>Of each label before it.</summary>
    public required IReadOnlyDictionary<string, double> Uncalibrated { get; init; }
}

/// <summary>How well a model predicts a text.</summary>
internal sealed record PerplexityResult
{
    /// <summary>Tokens of the text; the first of each context is not scored.</summary>
    public required int Tokens { get; init; }
    /// <summary>Mean of -ln p over the scored tokens.</summary>
    public required double MeanNll { get; init; }
    /// <summary>exp of <see cref="MeanNll"/>.</summary>
    public required double Perplexity { get; init; }
    public ReferenceResult? Reference { get; init; }
    public required MemoryBytes Bytes { get; init; }
}

/// <summary>How far the predictions are from those of a reference, over the same positions.</summary>
internal sealed record ReferenceResult
{
    public required double MeanNll { get; init; }
    /// <summary>Mean of KL(reference ‖ tested), in nats.</summary>
    public required double KlMean { get; init; }
    /// <summary>The value that 99 of 100 positions do not exceed.</summary>
    public required double KlP99 { get; init; }
    /// <summary>The value that 999 of 1,000 positions do not exceed.</summary>
    public required double KlP999 { get; init; }
    /// <summary>Share of positions with the same most probable token.</summary>
    [JsonPropertyName("top1_agreement")]
    public required double Top1Agreement { get; init; }
    /// <summary>The first position with another most probable token; null where there is none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required int? FirstDivergence { get; init; }
}
