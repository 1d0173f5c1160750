using Coppice.Text;

namespace Coppice;

/// <summary>What has become certain of an answer with one token, or at its end.</summary>
public sealed record ChatPiece
{
    /// <summary>Text for the reader; never part of a character, often empty.</summary>
    public string Text { get; init; } = "";
    /// <summary>What the model thinks before it answers; often empty.</summary>
    public string Reasoning { get; init; } = "";
    /// <summary>A whole call of a function; null for none.</summary>
    public ToolCall? Call { get; init; }
    /// <summary>The token that was generated; null where the piece is what was held back before.</summary>
    public int? TokenId { get; init; }
    /// <summary>The token's log-probabilities, where they were asked for.</summary>
    public TokenLogProbs? LogProbs { get; init; }
    /// <summary>The whole answer, with the last piece; null before.</summary>
    public ChatResult? Result { get; init; }
}
