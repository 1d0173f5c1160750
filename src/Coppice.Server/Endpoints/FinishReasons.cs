using Coppice.Server.Responses;

namespace Coppice.Server.Endpoints;

/// <summary>Why a text ended, in the words of the API.</summary>
internal static class FinishReasons
{
    /// <summary>The same of an answer, which may also end with calls of functions.</summary>
    public static string Of(ChatResult result) =>
        result.Calls.Count > 0 && result.FinishReason != FinishReason.Length ? "tool_calls" : Of(result.Generation);

    /// <summary>"length", or "stop" for all that the text itself ended with.</summary>
    public static string Of(GenerationResult result) => result.FinishReason == FinishReason.Length ? "length" : "stop";
}

/// <summary>Counts tokens.</summary>
internal static class UsageOf
{
    /// <summary>Of all texts; a prompt counts once for <paramref name="count"/> texts after it.</summary>
    public static Usage All(GenerationResult[] results, int count)
    {
        var prompts = results.Where((_, i) => i % count == 0).ToArray();
        var (prompt, completion) = (prompts.Sum(result => result.PromptTokens), results.Sum(result => result.Ids.Count));
        return new Usage(prompt, completion, prompt + completion, new PromptTokenDetails(prompts.Sum(result => result.ReusedTokens)));
    }
}
