namespace Coppice;

/// <summary>One of several sequences that a strategy has made from a prompt.</summary>
/// <param name="Ids">The generated tokens, the one that ended the text included.</param>
/// <param name="Text">Their text up to a stop string; empty for a model without a tokenizer.</param>
/// <param name="LogProbability">
/// Sum over its tokens, in nats: of best-of the model's own log-probabilities, of beam search those that it compares.
/// </param>
/// <param name="Score">What sequences are compared by.</param>
/// <param name="FinishReason">Why it ended.</param>
public sealed record GeneratedSequence(
    IReadOnlyList<int> Ids, string Text, double LogProbability, double Score, FinishReason FinishReason);
