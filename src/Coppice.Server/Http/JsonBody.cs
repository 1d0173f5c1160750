using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Coppice.Server.Http;

/// <summary>Reads the body of a request.</summary>
internal static class JsonBody
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 64, AllowDuplicateProperties = false };

    /// <summary>The body, which must be one JSON object; belongs to the caller.</summary>
    /// <param name="context">The request.</param>
    /// <param name="cancellation">Ends the waiting for a body that does not come.</param>
    /// <exception cref="ApiException">It is not, or is called something else than JSON.</exception>
    public static async Task<JsonDocument> ReadAsync(HttpContext context, CancellationToken cancellation)
    {
        // A form, or a text, is what the page of another site may send without asking.
        if (!context.Request.HasJsonContentType())
            throw new ApiException(
                415, "invalid_request_error",
                $"Content-Type: must be application/json, found \"{ApiException.Clip(context.Request.ContentType ?? "")}\".",
                code: "content_type");
        var reader = context.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(cancellation);
            if (!read.IsCompleted)
            {
                reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
                continue;
            }
            try
            {
                return Parse(read.Buffer);
            }
            finally
            {
                reader.AdvanceTo(read.Buffer.End);
            }
        }
    }

    private static JsonDocument Parse(ReadOnlySequence<byte> bytes)
    {
        try
        {
            // A copy: the buffers belong to the connection.
            var json = bytes.ToArray();
            CheckNames(json);
            var document = JsonDocument.Parse(json.AsMemory(), Options);
            if (document.RootElement.ValueKind == JsonValueKind.Object) return document;
            document.Dispose();
        }
        catch (JsonException error)
        {
            // .NET appends the place, counted from 0.
            var what = error.Message.Split(" LineNumber: ")[0];
            throw ApiException.Refused(
                $"body: must be JSON, found a mistake in line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}: {what}",
                code: "json");
        }
        throw ApiException.Refused("body: must be a JSON object, found another value.", code: "json");
    }

    /// <summary>JSON may escape half a surrogate pair, which no text has: who reads a value refuses it, but names are not read.</summary>
    private static void CheckNames(ReadOnlySpan<byte> json)
    {
        if (json.IndexOf("\\u"u8) < 0) return;
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = Options.MaxDepth });
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName || !reader.ValueIsEscaped) continue;
            try
            {
                reader.GetString();
            }
            catch (InvalidOperationException)
            {
                throw ApiException.Refused("body: names must be valid text, found half a surrogate pair.", code: "json");
            }
        }
    }
}
