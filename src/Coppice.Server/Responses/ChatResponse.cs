using System.Text.Json.Serialization;

namespace Coppice.Server.Responses;

/// <summary>The answers of /v1/chat/completions.</summary>
internal sealed record ChatResponse(string Id, string Object, long Created, string Model, IReadOnlyList<ChatChoice> Choices, Usage Usage);

/// <summary>One answer; its finish reason is "stop", "length" or "tool_calls".</summary>
internal sealed record ChatChoice(int Index, ChatAnswer Message, ChatLogProbs? Logprobs, string FinishReason);

/// <summary>What the model says. The text is null where it only calls functions.</summary>
internal sealed record ChatAnswer(
    string Role, string? Content, string? Refusal,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? ReasoningContent,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<FunctionCall>? ToolCalls);

/// <summary>A call of a function; in a stream with its place among those of the answer.</summary>
internal sealed record FunctionCall(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Index, string Id, string Type, FunctionBody Function);

/// <summary>The function, and its arguments as JSON in a text.</summary>
internal sealed record FunctionBody(string Name, string Arguments);

/// <summary>An event of /v1/chat/completions.</summary>
internal sealed record ChatChunk(
    string Id, string Object, long Created, string Model, IReadOnlyList<ChatChunkChoice> Choices,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Usage? Usage,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<TraceStep>? Trace);

/// <summary>What an event adds to an answer.</summary>
internal sealed record ChatChunkChoice(int Index, ChatDelta Delta, ChatLogProbs? Logprobs, string? FinishReason);

/// <summary>What is new.</summary>
internal sealed record ChatDelta
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Role { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Content { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ReasoningContent { get; init; }
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<FunctionCall>? ToolCalls { get; init; }
}

/// <summary>The log-probabilities of an answer's tokens.</summary>
internal sealed record ChatLogProbs(IReadOnlyList<ChatLogProb> Content);

/// <summary>A token: its text, ln p, its bytes, and the best ones.</summary>
internal sealed record ChatLogProb(string Token, double Logprob, IReadOnlyList<int> Bytes, IReadOnlyList<ChatBestToken> TopLogprobs);

/// <summary>One of the most probable tokens.</summary>
internal sealed record ChatBestToken(string Token, double Logprob, IReadOnlyList<int> Bytes);
