using System.Text;
using Coppice.Text;

namespace Coppice;

/// <summary>One answer on its way: from generated pieces to text, reasoning and calls.</summary>
internal sealed class Answer(ChatPrompt prompt, Tokenizer tokenizer)
{
    private readonly AnswerReader _reader = prompt.NewReader();
    private readonly StringBuilder _text = new(), _reasoning = new();
    private readonly List<ToolCall> _calls = [];
    private int _reasoningTokens;
    private bool _hasText;

    /// <summary>What becomes certain with a token: at least one piece, so that every token is in one.</summary>
    public IEnumerable<ChatPiece> Append(GeneratedPiece piece)
    {
        if (tokenizer.IsSpecial(piece.TokenId) && tokenizer.TokenText(piece.TokenId) is { Length: > 0 } special) _reader.Drop(special);
        var parts = _reader.Append(piece.Text);
        var first = true;
        foreach (var part in parts)
        {
            var read = Take(part);
            yield return first ? read with { TokenId = piece.TokenId, LogProbs = piece.LogProbs } : read;
            first = false;
        }
        if (first) yield return new ChatPiece { TokenId = piece.TokenId, LogProbs = piece.LogProbs };
        if (!_hasText && _reasoning.Length > 0) _reasoningTokens++;
    }

    /// <summary>What was held back, and last the whole answer.</summary>
    public IEnumerable<ChatPiece> End(GenerationResult generation)
    {
        foreach (var part in _reader.End()) yield return Take(part);
        yield return new ChatPiece { Result = Result(generation) };
    }

    private ChatResult Result(GenerationResult generation) => new()
    {
        Text = _text.ToString(),
        Reasoning = _reasoning.ToString(),
        Calls = [.. _calls],
        Generation = generation,
        DroppedMessages = prompt.DroppedMessages,
        ReasoningTokens = _reasoningTokens,
    };

    private ChatPiece Take(in AnswerPart part)
    {
        _text.Append(part.Text);
        _reasoning.Append(part.Reasoning);
        if (part.Call is { } call) _calls.Add(call);
        _hasText |= part.Text.Length > 0 || part.Call is not null;
        return new ChatPiece { Text = part.Text, Reasoning = part.Reasoning, Call = part.Call };
    }
}
