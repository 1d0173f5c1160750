using System.Globalization;
using System.Text.Json;

namespace Coppice.Server.Http;

/// <summary>What a request is refused with: the status, and the error in the shape of the OpenAI API.</summary>
/// <param name="status">Of HTTP.</param>
/// <param name="type">The kind of error, as clients know it.</param>
/// <param name="message">What must hold, what was found.</param>
/// <param name="param">The field of the body that is wrong; null where none is.</param>
/// <param name="code">A name for programs; null for none.</param>
internal sealed class ApiException(int status, string type, string message, string? param = null, string? code = null) : Exception(message)
{
    private const int Shown = 80;
    private const string Invalid = "invalid_request_error";

    public int Status => status;
    public string Type => type;
    public string? Field => param;
    public string? Code => code;
    /// <summary>After how many seconds to try again; null where that does not help.</summary>
    public int? RetryAfter { get; init; }

    /// <summary>A field is not what it must be.</summary>
    public static ApiException Wrong(string field, string must, string found) =>
        new(400, Invalid, $"\"{field}\" must be {must}, found {found}.", field);

    /// <summary>A field is not what it must be.</summary>
    public static ApiException Wrong(string field, string must, JsonElement found) => Wrong(field, must, Clip(found.GetRawText()));

    /// <summary>Something of the request cannot be served.</summary>
    public static ApiException Refused(string message, string? field = null, string? code = null) =>
        new(400, Invalid, message, field, code);

    /// <summary>There are more tokens than fit.</summary>
    public static ApiException TooLong(string message, string field) => new(400, Invalid, message, field, "context_length_exceeded");

    /// <summary>There is nothing of that name.</summary>
    public static ApiException NotFound(string message, string? field = null, string? code = null) =>
        new(404, Invalid, message, field, code);

    /// <summary>As many requests wait as the server takes.</summary>
    public static ApiException Busy(string message, int retryAfter) =>
        new(429, "rate_limit_error", message, code: "queue_full") { RetryAfter = retryAfter };

    /// <summary>The server does not take requests now.</summary>
    public static ApiException Unavailable(string message) => new(503, "server_error", message, code: "unavailable") { RetryAfter = 1 };

    /// <summary>The beginning of a text that a client has sent.</summary>
    public static string Clip(string text) =>
        text.Length <= Shown ? text : string.Create(CultureInfo.InvariantCulture, $"{text.AsSpan(0, Shown)}... ({text.Length} characters)");
}
