using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Coppice.Server.Responses;
using Microsoft.AspNetCore.Http;

namespace Coppice.Server.Http;

/// <summary>Writes a JSON value as the whole answer.</summary>
internal static class JsonResponse
{
    /// <summary>Texts as they are: what reads the answer reads JSON, not HTML.</summary>
    public static JsonWriterOptions Writing { get; } =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>Writes <paramref name="value"/>.</summary>
    public static async Task WriteAsync<T>(HttpContext context, T value, JsonTypeInfo<T> type, int status = 200)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json; charset=utf-8";
        await using (var writer = new Utf8JsonWriter(context.Response.BodyWriter, Writing)) JsonSerializer.Serialize(writer, value, type);
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
    }

    /// <summary>Writes <paramref name="error"/> in the shape of the OpenAI API.</summary>
    public static Task WriteAsync(HttpContext context, ApiException error)
    {
        if (error.RetryAfter is { } seconds)
            context.Response.Headers.RetryAfter = seconds.ToString(System.Globalization.CultureInfo.InvariantCulture);
        return WriteAsync(context, ErrorResponse.Of(error), ServerJson.Default.ErrorResponse, error.Status);
    }
}
