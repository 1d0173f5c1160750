using System.Text.Json.Serialization;

namespace Coppice.Server.Responses;

/// <summary>The texts of /v1/completions, or a piece of one of them, made at a time in seconds since 1970.</summary>
internal sealed record CompletionResponse(
    string Id, string Object, long Created, string Model, IReadOnlyList<CompletionChoice> Choices,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] Usage? Usage,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<TraceStep>? Trace = null);

/// <summary>One text; its finish reason is "stop" or "length", null while it goes on.</summary>
internal sealed record CompletionChoice(int Index, string Text, CompletionLogProbs? Logprobs, string? FinishReason);

/// <summary>By token: what it is, ln p, the best ones beside it, and where it begins in the text, in UTF-16 units.</summary>
internal sealed record CompletionLogProbs(
    IReadOnlyList<string> Tokens, IReadOnlyList<double> TokenLogprobs, IReadOnlyList<IReadOnlyDictionary<string, double>> TopLogprobs,
    IReadOnlyList<int> TextOffset);

/// <summary>Tokens of a request.</summary>
internal sealed record Usage(int PromptTokens, int CompletionTokens, int TotalTokens, PromptTokenDetails PromptTokensDetails);

/// <summary>Those of the prompt whose keys and values were there.</summary>
internal sealed record PromptTokenDetails(int CachedTokens);
