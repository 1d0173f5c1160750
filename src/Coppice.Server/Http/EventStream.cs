using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Coppice.Server.Responses;
using Microsoft.AspNetCore.Http;

namespace Coppice.Server.Http;

/// <summary>
/// An answer that is sent piece by piece, as server-sent events: a line <c>data: JSON</c> and an empty one for each, at last
/// <c>data: [DONE]</c>.
/// </summary>
/// <remarks>
/// The status belongs to the first event, so that what fails before it is an ordinary error. A client that reads slowly holds
/// <see cref="FlushAsync"/>, and with it the generation. Not thread-safe.
/// </remarks>
internal sealed class EventStream(HttpContext context) : IDisposable
{
    private readonly Utf8JsonWriter _writer = new(Stream.Null, JsonResponse.Writing);

    /// <summary>Whether an event was written, sent or not: from then on an error can only be an event too.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>Appends an event.</summary>
    public void Write<T>(T value, JsonTypeInfo<T> type)
    {
        Start();
        var body = context.Response.BodyWriter;
        Append("data: "u8);
        _writer.Reset(body);
        JsonSerializer.Serialize(_writer, value, type);
        _writer.Flush();
        Append("\n\n"u8);
    }

    /// <summary>Sends what was written; takes as long as the client needs to read what came before.</summary>
    /// <exception cref="OperationCanceledException">The client has gone.</exception>
    public async ValueTask FlushAsync(CancellationToken cancellation)
    {
        var flushed = await context.Response.BodyWriter.FlushAsync(cancellation);
        if (flushed.IsCompleted) throw new OperationCanceledException("The client has gone.", context.RequestAborted);
    }

    /// <summary>Ends the answer in order.</summary>
    public ValueTask EndAsync(CancellationToken cancellation)
    {
        Start();
        Append("data: [DONE]\n\n"u8);
        return FlushAsync(cancellation);
    }

    /// <summary>Ends an answer that has failed after its beginning: the error is the last event, and [DONE] does not come.</summary>
    public ValueTask EndAsync(ApiException error, CancellationToken cancellation)
    {
        Write(ErrorResponse.Of(error), ServerJson.Default.ErrorResponse);
        return FlushAsync(cancellation);
    }

    /// <inheritdoc/>
    public void Dispose() => _writer.Dispose();

    private void Start()
    {
        if (HasBegun) return;
        HasBegun = true;
        context.Response.ContentType = "text/event-stream; charset=utf-8";
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers["X-Accel-Buffering"] = "no";       // proxies would hold pieces back
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        var body = context.Response.BodyWriter;
        bytes.CopyTo(body.GetSpan(bytes.Length));
        body.Advance(bytes.Length);
    }
}
