namespace Coppice;

/// <summary>A token that was appended to a text.</summary>
/// <param name="Token">The token.</param>
/// <param name="Position">Its position, the prompt counted.</param>
/// <param name="RawLogProb">ln p under the model's own logits, before any mask or processor; 0 of a token that was forced.</param>
/// <param name="IsForced">Whether a constraint left nothing else, so that no row was looked at.</param>
public readonly record struct TokenObservation(int Token, int Position, double RawLogProb, bool IsForced);
