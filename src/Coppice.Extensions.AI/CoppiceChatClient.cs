using System.Runtime.CompilerServices;
using Coppice.Text;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Coppice.Extensions.AI;

/// <summary>A language model in this process as an <see cref="IChatClient"/>.</summary>
/// <remarks>
/// <para>Thread-safe: requests of any number of callers share passes, and an answer does not depend on the others. What a conversation has
/// in common with earlier ones is not computed again; no state is kept for it, so <see cref="ChatOptions.ConversationId"/> is refused, as
/// is every option and every content that has no effect here: nothing is ignored.</para>
/// <para>Cancellation takes effect within one pass. <see cref="Dispose"/> may be called at any moment: answers on their way end with
/// <see cref="ObjectDisposedException"/>.</para>
/// </remarks>
public sealed class CoppiceChatClient : IChatClient
{
    internal const string Provider = "coppice";

    private readonly LanguageModel _model;
    private readonly CoppiceChatClientOptions _options;
    private readonly ILogger _logger;
    private readonly bool _ownsModel;
    private readonly ChatClientMetadata _metadata;
    private readonly CancellationTokenSource _disposing = new();
    private int _disposed;

    /// <summary>A client of <paramref name="model"/>.</summary>
    /// <param name="model">The model; it must have a chat template.</param>
    /// <param name="options">What holds for every answer; null for the defaults.</param>
    /// <param name="logger">Is told how answers ended (Debug) and failed (Warning), without their texts; null for none.</param>
    /// <param name="ownsModel">Whether the model is disposed with the client.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="InvalidOperationException">The model has no chat template.</exception>
    public CoppiceChatClient(LanguageModel model, CoppiceChatClientOptions? options = null, ILogger? logger = null, bool ownsModel = false)
    {
        ArgumentNullException.ThrowIfNull(model);
        options ??= new CoppiceChatClientOptions();
        options.Validate();
        _ = model.Chat.Format;
        (_model, _options, _logger, _ownsModel) = (model, options, logger ?? NullLogger.Instance, ownsModel);
        ModelId = options.ModelId ?? model.Name;
        _metadata = new ChatClientMetadata(Provider, defaultModelId: ModelId);
    }

    /// <summary>The model's name in responses.</summary>
    public string ModelId { get; }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">
    /// An option, a tool or a content of a message has no effect here; the message names it.
    /// </exception>
    /// <exception cref="ArgumentException">An option is out of its range or contradicts another one.</exception>
    /// <exception cref="ContextOverflowException">The conversation does not fit the model's context.</exception>
    /// <exception cref="ModelBusyException">As many requests wait as the model takes.</exception>
    /// <exception cref="ObjectDisposedException">The client or the model was disposed, before or meanwhile.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<Microsoft.Extensions.AI.ChatMessage> messages, ChatOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        var updates = new List<ChatResponseUpdate>();
        await foreach (var update in GetStreamingResponseAsync(messages, options, cancellationToken).ConfigureAwait(false))
            updates.Add(update);
        var response = updates.ToChatResponse();
        response.RawRepresentation = (updates[^1].RawRepresentation as ChatPiece)?.Result;
        return response;
    }

    /// <inheritdoc/>
    /// <inheritdoc cref="GetResponseAsync" path="/exception"/>
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<Microsoft.Extensions.AI.ChatMessage> messages, ChatOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ThrowIfDisposed();
        var request = new RequestMapping(this, _model, _options, options).Map(messages);
        return StreamAsync(request, options?.Reasoning?.Output != ReasoningOutput.None, cancellationToken);
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Knows <see cref="ChatClientMetadata"/>, <see cref="LanguageModel"/>, <see cref="Chat"/>, <see cref="Tokenizer"/> and itself.
    /// </remarks>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null) return null;
        if (serviceType == typeof(ChatClientMetadata)) return _metadata;
        foreach (var service in (object?[])[this, _model, _model.Chat, _model.Tokenizer])
            if (serviceType.IsInstanceOfType(service)) return service;
        return null;
    }

    /// <summary>Ends the answers that are on their way, and frees the model where it belongs to the client.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        _disposing.Cancel();
        if (_ownsModel) _model.Dispose();
        // Not disposed: a request that begins now still asks for its token.
    }

    private async IAsyncEnumerable<ChatResponseUpdate> StreamAsync(
        ChatRequest request, bool showsReasoning, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ThrowIfDisposed();
        cancellationToken.ThrowIfCancellationRequested();
        var (id, created) = ($"chatcmpl-{Guid.NewGuid():N}", _options.TimeProvider.GetUtcNow());
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _disposing.Token);
        var pieces = _model.Chat.StreamAsync(request, linked.Token).GetAsyncEnumerator(linked.Token);
        try
        {
            while (true)
            {
                var piece = await NextAsync(pieces, cancellationToken).ConfigureAwait(false);
                if (piece is null) yield break;
                if (Contents(piece, showsReasoning) is not { Count: > 0 } contents) continue;
                yield return new ChatResponseUpdate(Microsoft.Extensions.AI.ChatRole.Assistant, contents)
                {
                    ResponseId = id,
                    MessageId = id,
                    CreatedAt = created,
                    ModelId = ModelId,
                    FinishReason = piece.Result is { } result ? FinishReasonOf(result) : null,
                    RawRepresentation = piece,
                };
                if (piece.Result is not null) ClientLog.Answered(_logger, ModelId, piece.Result);
            }
        }
        finally
        {
            await pieces.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>The next piece, or null at the end.</summary>
    private async ValueTask<ChatPiece?> NextAsync(IAsyncEnumerator<ChatPiece> pieces, CancellationToken cancellationToken)
    {
        try
        {
            return await pieces.MoveNextAsync().ConfigureAwait(false) ? pieces.Current : null;
        }
        catch (OperationCanceledException) when (Volatile.Read(ref _disposed) != 0 && !cancellationToken.IsCancellationRequested)
        {
            throw new ObjectDisposedException(nameof(CoppiceChatClient));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The caller's own token, not the one that is linked to it.
            throw new OperationCanceledException(cancellationToken);
        }
        catch (Exception error) when (error is not ObjectDisposedException)
        {
            ClientLog.Failed(_logger, ModelId, error);
            throw;
        }
    }

    private static List<AIContent> Contents(ChatPiece piece, bool showsReasoning)
    {
        var contents = new List<AIContent>(1);
        if (piece.Reasoning.Length > 0 && showsReasoning) contents.Add(new TextReasoningContent(piece.Reasoning));
        if (piece.Text.Length > 0) contents.Add(new TextContent(piece.Text));
        if (piece.Call is { } call) contents.Add(ContentMapping.Call(call));
        if (piece.Result is { } result) contents.Add(new UsageContent(UsageOf(result)));
        return contents;
    }

    private static UsageDetails UsageOf(ChatResult result) => new()
    {
        InputTokenCount = result.Generation.PromptTokens,
        OutputTokenCount = result.Generation.Ids.Count,
        TotalTokenCount = result.Generation.PromptTokens + result.Generation.Ids.Count,
        CachedInputTokenCount = result.Generation.ReusedTokens,
        ReasoningTokenCount = result.ReasoningTokens,
    };

    private static ChatFinishReason FinishReasonOf(ChatResult result) =>
        result.Calls.Count > 0 ? ChatFinishReason.ToolCalls
        : result.FinishReason == FinishReason.Length ? ChatFinishReason.Length
        : ChatFinishReason.Stop;

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, this);
}
