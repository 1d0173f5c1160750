using Coppice.Server.Generation;
using Coppice.Server.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Coppice.Server.Endpoints;

/// <summary>What all answers of a request are called by.</summary>
internal sealed record ResponseHead(string Id, long Created, string Model);

/// <summary>Sends texts while they are generated.</summary>
/// <remarks>Texts of one request come at the same time: their events take turns.</remarks>
internal abstract class AnswerStream(EventStream stream, CancellationToken cancellation) : IChoiceSink, IDisposable
{
    private readonly SemaphoreSlim _turn = new(1);
    private bool _isPending;        // something was written and not sent

    /// <summary>Where events go.</summary>
    protected EventStream Events => stream;

    /// <summary>Generates with <paramref name="generate"/> into the stream that <paramref name="create"/> makes, and ends it.</summary>
    /// <exception cref="Exception">What failed before the first event; later it is the last event.</exception>
    public static async Task RunAsync(
        ApiCall call, Func<EventStream, AnswerStream> create, Func<AnswerStream, Task<GenerationResult[]>> generate)
    {
        using var events = new EventStream(call.Http);
        using var answer = create(events);
        try
        {
            answer.Finish(await generate(answer));
        }
        catch (Exception error) when (events.HasBegun && !call.Http.RequestAborted.IsCancellationRequested)
        {
            var log = call.Http.RequestServices.GetService(typeof(ILogger)) as ILogger ?? NullLogger.Instance;
            var told = error is OperationCanceledException ? ApiException.Unavailable("server: is stopping.") : ApiErrors.Of(error, log);
            await events.EndAsync(told, CancellationToken.None);
            return;
        }
        await events.EndAsync(call.Cancellation);
    }

    /// <inheritdoc/>
    public async ValueTask TakeAsync(int index, GeneratedPiece piece, bool more)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            _isPending |= Write(index, piece);
            if (more || !_isPending) return;
            _isPending = false;
            await stream.FlushAsync(cancellation);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public async ValueTask EndAsync(int index, GenerationResult result)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            Write(index, result);
            _isPending = false;
            await stream.FlushAsync(cancellation);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    /// <summary>Writes what a piece adds; false where that is nothing.</summary>
    protected abstract bool Write(int index, GeneratedPiece piece);

    /// <summary>Writes the end of a text.</summary>
    protected abstract void Write(int index, GenerationResult result);

    /// <summary>Writes what comes after all texts.</summary>
    protected abstract void Finish(GenerationResult[] results);
}
