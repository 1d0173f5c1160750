namespace Coppice;

/// <summary>A whole or unfinished continuation that is to be scored.</summary>
/// <param name="Prompt">The prompt's tokens.</param>
/// <param name="Tokens">What was generated after it.</param>
/// <param name="Text">Its text; empty for a model without a tokenizer.</param>
/// <param name="LogProbability">Sum of the model's own log-probabilities of the tokens, in nats.</param>
/// <param name="Finished">Why it ended; null where it could go on.</param>
public sealed record ScoredContinuation(
    IReadOnlyList<int> Prompt, IReadOnlyList<int> Tokens, string Text, double LogProbability, FinishReason? Finished);

/// <summary>Says what continuations are worth: a reward model, tests of a program, a likelihood.</summary>
/// <remarks>Other sequences do not wait for a slow one. Must be safe to call from several texts at once.</remarks>
public interface ISequenceScorer
{
    /// <summary>Scores continuations of one prompt; larger is better.</summary>
    /// <param name="continuations">At least one.</param>
    /// <param name="scores">Receives a score for each, not NaN.</param>
    /// <param name="cancellationToken">Ends the work early.</param>
    ValueTask ScoreAsync(IReadOnlyList<ScoredContinuation> continuations, Memory<double> scores, CancellationToken cancellationToken);
}
