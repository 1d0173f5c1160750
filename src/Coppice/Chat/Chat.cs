using System.Runtime.CompilerServices;
using Coppice.Text;
using Coppice.Text.Files;

namespace Coppice;

/// <summary>
/// Conversations with a model by its own chat template: rendered, answered, and taken apart into text, reasoning and calls.
/// </summary>
/// <remarks>
/// Thread-safe. Each answer has a session of its own; what its prompt shares with earlier prompts and answers is not computed again (see
/// <see cref="SessionOptions.SharePrefixes"/>). Nothing that messages, tools or documents spell becomes a special token unless the request
/// allows it.
/// </remarks>
public sealed class Chat
{
    private const string Operation = "chat";

    private readonly LanguageModel _model;
    private readonly Lazy<ChatFormat> _format;

    internal Chat(LanguageModel model)
    {
        _model = model;
        _format = new Lazy<ChatFormat>(() => new ChatFormat(_model.Tokenizer!));
    }

    /// <summary>Whether the model's folder has a tokenizer and a chat template.</summary>
    public bool IsAvailable => _model.Tokenizer?.ChatTemplate is not null;

    /// <summary>How the model writes conversations.</summary>
    /// <exception cref="InvalidOperationException">The folder has no tokenizer or no chat template.</exception>
    /// <exception cref="TemplateException">The template is not well formed.</exception>
    public ChatFormat Format
    {
        get
        {
            if (_model.Tokenizer is null)
                throw new InvalidOperationException($"chat: the model's folder has none of {TokenizerFolder.Names}.");
            if (!IsAvailable)
                throw new InvalidOperationException(
                    "chat: the model's folder has no chat template; give a Session the whole text instead.");
            return _format.Value;
        }
    }

    /// <summary>Checks a request and turns it into tokens: whatever can be refused is refused here.</summary>
    /// <exception cref="ArgumentException">Something in the request is out of its range or contradicts another part.</exception>
    /// <exception cref="ContextOverflowException">The conversation does not fit the model's context.</exception>
    /// <exception cref="InvalidOperationException">The folder has no tokenizer or no chat template.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    /// <exception cref="TemplateException">The template refused the conversation.</exception>
    public ChatPrompt Prepare(ChatRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        _model.ThrowIfDisposed();
        return new ChatPreparation(_model, Format, request).Run();
    }

    /// <summary>Answers a conversation; no thread waits for tokens.</summary>
    /// <param name="request">The conversation, and how to answer it.</param>
    /// <param name="cancellationToken">Takes effect within one pass.</param>
    /// <returns>A piece for every token and for what is held back before, the last one with the whole answer.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ModelBusyException">As many requests wait as the model takes.</exception>
    /// <inheritdoc cref="Prepare" path="/exception"/>
    public IAsyncEnumerable<ChatPiece> StreamAsync(ChatRequest request, CancellationToken cancellationToken = default) =>
        StreamAsync(Prepare(request), cancellationToken);

    /// <summary>Answers what <see cref="Prepare"/> has made ready.</summary>
    /// <inheritdoc cref="StreamAsync(ChatRequest, CancellationToken)"/>
    public IAsyncEnumerable<ChatPiece> StreamAsync(ChatPrompt prompt, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        _model.ThrowIfDisposed();
        return StreamInNewSession(prompt, cancellationToken);
    }

    /// <summary>Answers a conversation as a whole.</summary>
    /// <inheritdoc cref="StreamAsync(ChatRequest, CancellationToken)"/>
    public async Task<ChatResult> CompleteAsync(ChatRequest request, CancellationToken cancellationToken = default)
    {
        ChatResult? result = null;
        await foreach (var piece in StreamAsync(request, cancellationToken).ConfigureAwait(false)) result = piece.Result;
        return result!;
    }

    /// <summary>Begins a conversation that keeps its messages, and its keys and values, from turn to turn.</summary>
    /// <param name="system">What the model is told first; null for nothing.</param>
    /// <param name="turns">
    /// How every turn is answered; its messages come first. Null for the defaults, where the oldest turns are left out when the context is
    /// full.
    /// </param>
    /// <exception cref="InvalidOperationException">The folder has no tokenizer or no chat template.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public Conversation NewConversation(string? system = null, ChatRequest? turns = null)
    {
        turns ??= new ChatRequest { Overflow = ContextOverflow.DropOldest };
        _ = Format;
        if (system is not null) turns = turns with { Messages = [new ChatMessage("system", system), .. turns.Messages] };
        return new Conversation(this, _model.NewSession(new SessionOptions { Scope = turns.Scope }, Operation), turns);
    }

    /// <summary>Answers in a session, whose tokens the prompt may go on from.</summary>
    internal async IAsyncEnumerable<ChatPiece> StreamAsync(
        Session session, ChatPrompt prompt, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var answer = new Answer(prompt, _model.Tokenizer!);
        await foreach (var piece in session.GenerateAsync(prompt.Ids, prompt.Generation, cancellationToken).ConfigureAwait(false))
        {
            foreach (var part in answer.Append(piece)) yield return part;
        }
        foreach (var part in answer.End(session.LastResult!)) yield return part;
    }

    private async IAsyncEnumerable<ChatPiece> StreamInNewSession(
        ChatPrompt prompt, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var session = _model.NewSession(new SessionOptions { Scope = prompt.Scope }, Operation);
        await foreach (var piece in StreamAsync(session, prompt, cancellationToken).ConfigureAwait(false)) yield return piece;
    }
}
