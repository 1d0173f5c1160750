using System.Runtime.CompilerServices;
using Coppice.Text;

namespace Coppice;

/// <summary>A conversation that keeps its messages, and its keys and values, from turn to turn.</summary>
/// <remarks>One answer at a time; not thread-safe, except that <see cref="Dispose"/> may be called at any moment from any thread.</remarks>
public sealed class Conversation : IDisposable
{
    private readonly Chat _chat;
    private readonly Session _session;
    private readonly ChatRequest _turns;
    private List<ChatMessage> _messages;

    internal Conversation(Chat chat, Session session, ChatRequest turns)
    {
        (_chat, _session, _turns) = (chat, session, turns);
        _messages = [.. turns.Messages];
    }

    /// <summary>All messages so far, those too that no longer fit the context.</summary>
    public IReadOnlyList<ChatMessage> Messages => _messages;

    /// <summary>The last answer that was generated to its end; null before the first.</summary>
    public ChatResult? LastResult { get; private set; }

    /// <summary>Bytes of memory that keys and values take.</summary>
    public long KvBytes => _session.KvBytes;

    /// <summary>Says <paramref name="text"/> as the user, and streams the answer.</summary>
    /// <inheritdoc cref="SendAsync(IReadOnlyList{ChatMessage}, CancellationToken)"/>
    public IAsyncEnumerable<ChatPiece> SendAsync(string text, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        return SendAsync([new ChatMessage("user", text)], cancellationToken);
    }

    /// <summary>Adds <paramref name="messages"/>, for example the results of calls, and streams the answer.</summary>
    /// <param name="messages">What is said; none, to answer what there is once more.</param>
    /// <param name="cancellationToken">Takes effect within one pass.</param>
    /// <returns>
    /// Pieces, the last one with the whole answer. Where the loop ends before it, what was said stays with the answer as far as it was
    /// read; where the request is refused, nothing is added.
    /// </returns>
    /// <inheritdoc cref="Chat.StreamAsync(ChatRequest, CancellationToken)" path="/exception"/>
    public IAsyncEnumerable<ChatPiece> SendAsync(IReadOnlyList<ChatMessage> messages, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        List<ChatMessage> said = [.. _messages, .. messages];
        return Stream(said, _chat.Prepare(_turns with { Messages = said }), cancellationToken);
    }

    /// <summary>Begins anew with these messages; those of a saved conversation, for example.</summary>
    /// <param name="messages">The messages; null for those that the conversation began with.</param>
    /// <exception cref="InvalidOperationException">An answer is being generated.</exception>
    /// <exception cref="ObjectDisposedException">The conversation or the model was disposed.</exception>
    public void Reset(IReadOnlyList<ChatMessage>? messages = null)
    {
        _session.Reset();
        _messages = [.. messages ?? _turns.Messages];
        LastResult = null;
    }

    /// <summary>
    /// Frees keys and values. An answer that is generated ends at its next step, with <see cref="ObjectDisposedException"/>.
    /// </summary>
    public void Dispose() => _session.Dispose();

    private async IAsyncEnumerable<ChatPiece> Stream(
        List<ChatMessage> said, ChatPrompt prompt, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (text, reasoning) = (new System.Text.StringBuilder(), new System.Text.StringBuilder());
        var (result, began) = ((ChatResult?)null, false);
        try
        {
            await foreach (var piece in _chat.StreamAsync(_session, prompt, cancellationToken).ConfigureAwait(false))
            {
                began = true;
                text.Append(piece.Text);
                reasoning.Append(piece.Reasoning);
                result = piece.Result;
                yield return piece;
            }
        }
        finally
        {
            if (result is not null) LastResult = result;
            if (began) _messages =
                [.. said, result?.ToMessage() ?? ChatMessage.Assistant(text.ToString(), reasoning: reasoning.ToString())];
        }
    }
}
