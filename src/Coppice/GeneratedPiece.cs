namespace Coppice;

/// <summary>One generated token and the text that became final with it.</summary>
/// <param name="Text">Never part of a character; empty while a stop string or a character is still open. The texts of all pieces, joined,
/// are the result.</param>
/// <param name="TokenId">The token.</param>
/// <param name="LogProbs">Its log-probabilities, where they were asked for.</param>
public sealed record GeneratedPiece(string Text, int TokenId, TokenLogProbs? LogProbs);
