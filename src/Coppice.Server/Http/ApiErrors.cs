using Coppice.Constraints;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Coppice.Server.Http;

/// <summary>From an exception to what the client is told.</summary>
internal static partial class ApiErrors
{
    /// <summary>
    /// What <paramref name="error"/> is for a client. What a client cannot mend is named without what is inside the server.
    /// </summary>
    public static ApiException Of(Exception error, ILogger log) => error switch
    {
        ApiException api => api,
        BadHttpRequestException { StatusCode: 413 } =>
            new ApiException(413, "invalid_request_error", "body: is longer than this server takes.", code: "body_too_large"),
        BadHttpRequestException bad => new ApiException(bad.StatusCode, "invalid_request_error", bad.Message),
        ModelBusyException busy => ApiException.Busy(busy.Message, 1),
        ContextOverflowException full => ApiException.TooLong(
            $"\"messages\": {full.PromptTokens} tokens leave no room to answer in a context of {full.ContextLength}; shorten them.",
            "messages"),
        Text.TemplateException template => ApiException.Refused(template.Message, "messages", "chat_template"),
        ConstraintException constraint => ApiException.Refused(constraint.Message, code: "constraint"),
        NoValidTokenException none => ApiException.Refused(none.Message, code: "constraint"),
        ArgumentException argument => ApiException.Refused(WithoutParameter(argument)),
        DeviceMemoryException memory => ApiException.Unavailable(memory.Message),
        ObjectDisposedException => ApiException.Unavailable("server: is stopping."),
        _ => Internal(error, log),
    };

    private static ApiException Internal(Exception error, ILogger log)
    {
        Failed(log, error);
        return new ApiException(500, "server_error", "server: failed inside; its log has the reason.", code: "internal");
    }

    /// <summary>.NET appends the parameter's name in brackets.</summary>
    private static string WithoutParameter(ArgumentException error)
    {
        var end = error.Message.IndexOf(" (Parameter '", StringComparison.Ordinal);
        return end < 0 ? error.Message : error.Message[..end];
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "A request failed inside the server.")]
    private static partial void Failed(ILogger log, Exception error);
}
