using System.Text.Json;
using System.Text.Json.Serialization;
using Coppice.Drafting;

namespace Coppice.Cli;

/// <summary>Result of one generation.</summary>
internal record GenerateResult
{
    public required int PromptTokens { get; init; }
    public required IReadOnlyList<int> Ids { get; init; }
    public required string Text { get; init; }
    public required string FinishReason { get; init; }
    /// <summary>The stop text that ended it, or else the id of the token that did; null where neither did.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public JsonElement? Stop { get; init; }
    public required int ReusedTokens { get; init; }
    public required GenerateTiming Timing { get; init; }
    public required MemoryBytes Bytes { get; init; }
    public required double AllocatedBytesPerToken { get; init; }
    [JsonPropertyName("logprobs")]
    public IReadOnlyList<TokenLogProbRow>? LogProbs { get; init; }
    public Speculation? Speculation { get; init; }
    public AsapResult? Asap { get; init; }
    /// <summary>All sequences of a strategy that makes several, the best first.</summary>
    public IReadOnlyList<SequenceRow>? Sequences { get; init; }
    public required IReadOnlyList<string> Warnings { get; init; }
}

/// <summary>The same for a line of a file, with the line's id.</summary>
internal sealed record LineResult : GenerateResult
{
    [JsonPropertyOrder(-1)]
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public JsonElement? Id { get; init; }
}

/// <summary>
/// Result of a drafter; mean_accepted_length is tokens for each pass, so 1 is plain decoding, and acceptance_by_depth begins at depth 1.
/// </summary>
internal sealed record Speculation(
    string Drafter, int Steps, int Drafted, int Accepted, double MeanAcceptedLength, double DraftMs, double VerifyMs, double HostMs,
        IReadOnlyList<double> AcceptanceByDepth);

/// <summary>
/// Samples that learned from each other, and what they have shown: bound is the greatest probability that the model's own text can have of
/// being an allowed one.
/// </summary>
internal sealed record AsapResult(int Samples, double Bound);

/// <summary>One of several sequences of a prompt; log_prob is in nats, the score is what they are compared by.</summary>
internal sealed record SequenceRow(IReadOnlyList<int> Ids, string Text, double LogProb, double Score, string FinishReason);

/// <summary>Where the time went.</summary>
internal sealed record GenerateTiming(
    double LoadMs, double FirstTokenMs, double PrefillTokensPerS, double DecodeTokensPerS, double DecodeMs);

/// <summary>Device memory; peak is the most that all pools of the device together had rented.</summary>
internal sealed record MemoryBytes(long Weights, long Kv, long Workspace, long Peak);

/// <summary>A generated token, its log-probability and the most probable tokens of its place.</summary>
internal sealed record TokenLogProbRow(
    int Id, [property: JsonPropertyName("logprob")] double LogProb, IReadOnlyList<TokenLogProbEntry> Top);

/// <summary>A token and its log-probability.</summary>
internal sealed record TokenLogProbEntry(int Id, [property: JsonPropertyName("logprob")] double LogProb);
