using System.Text.Json;
using System.Text.Json.Serialization;

namespace Coppice.Cli;

/// <summary>One text as ids and back.</summary>
internal sealed record TokenizeResult
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public JsonElement? Id { get; init; }
    public required IReadOnlyList<int> Ids { get; init; }
    public required IReadOnlyList<int> IdsSpecial { get; init; }
    public required string Decoded { get; init; }
    public required string DecodedSkip { get; init; }
}

/// <summary>One conversation as a text, or why there is none.</summary>
internal sealed record RenderResult
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public JsonElement? Id { get; init; }
    public string? Text { get; init; }
    public string? Error { get; init; }
}

/// <summary>The vector of one text.</summary>
internal sealed record EmbedResult
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public JsonElement? Id { get; init; }
    public required int Tokens { get; init; }
    public required ReadOnlyMemory<float> Embedding { get; init; }
}
