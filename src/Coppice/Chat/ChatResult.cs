using Coppice.Text;

namespace Coppice;

/// <summary>A whole answer.</summary>
public sealed record ChatResult
{
    /// <summary>The text, without reasoning and calls.</summary>
    public required string Text { get; init; }
    /// <summary>What the model thought before it answered; empty for nothing.</summary>
    public required string Reasoning { get; init; }
    /// <summary>The functions that it calls, in order; the conversation goes on with their results.</summary>
    public required IReadOnlyList<ToolCall> Calls { get; init; }
    /// <summary>How the generation ended, its tokens and times.</summary>
    public required GenerationResult Generation { get; init; }
    /// <summary>Messages at the beginning that did not fit: see <see cref="ContextOverflow.DropOldest"/>.</summary>
    public required int DroppedMessages { get; init; }
    /// <summary>Tokens of the reasoning, its marks included.</summary>
    public required int ReasoningTokens { get; init; }

    /// <summary>Why it ended.</summary>
    public FinishReason FinishReason => Generation.FinishReason;

    /// <summary>The answer as a message, for the turns that follow.</summary>
    public ChatMessage ToMessage() => ChatMessage.Assistant(Text, Calls, Reasoning);
}
