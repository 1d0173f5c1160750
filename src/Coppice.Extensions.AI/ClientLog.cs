using Microsoft.Extensions.Logging;

namespace Coppice.Extensions.AI;

/// <summary>What is logged. Never a text: prompts and answers may be private.</summary>
internal static partial class ClientLog
{
    public static void Answered(ILogger logger, string model, ChatResult result)
    {
        if (!logger.IsEnabled(LogLevel.Debug)) return;
        var generation = result.Generation;
        AnsweredIn(
            logger, model, generation.PromptTokens, generation.ReusedTokens, generation.Ids.Count, result.FinishReason,
            generation.FirstTokenTime.TotalMilliseconds, generation.DecodeTokensPerSecond);
    }

    [LoggerMessage(
        1, LogLevel.Debug,
        "{Model}: {PromptTokens} tokens ({ReusedTokens} cached) answered with {Tokens}, {FinishReason}; "
        + "first after {FirstTokenMilliseconds:f0} ms, {TokensPerSecond:f0} tokens/s")]
    private static partial void AnsweredIn(
        ILogger logger, string model, int promptTokens, int reusedTokens, int tokens, FinishReason finishReason,
        double firstTokenMilliseconds, double tokensPerSecond);

    [LoggerMessage(2, LogLevel.Warning, "{Model}: an answer failed")]
    public static partial void Failed(ILogger logger, string model, Exception error);

    [LoggerMessage(3, LogLevel.Information, "{Model} loaded in {Milliseconds:f0} ms on {Device}")]
    public static partial void Loaded(ILogger logger, string model, double milliseconds, string device);

    [LoggerMessage(4, LogLevel.Warning, "{Model}: {Warning}")]
    public static partial void Odd(ILogger logger, string model, string warning);

    [LoggerMessage(5, LogLevel.Error, "{Folder}: the model could not be loaded")]
    public static partial void NotLoaded(ILogger logger, string folder, Exception error);

    [LoggerMessage(6, LogLevel.Information, "Stopping: {Running} answers are on their way")]
    public static partial void Stopping(ILogger logger, int running);

    [LoggerMessage(7, LogLevel.Warning, "Stopped: {Running} answers were cancelled")]
    public static partial void Cancelled(ILogger logger, int running);
}
