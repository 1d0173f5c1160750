namespace Coppice;

/// <summary>A host's own way to make a text: it steps it, forks it, and says which of the forks is the text.</summary>
public interface IDecodingStrategy
{
    /// <summary>Makes one text.</summary>
    /// <param name="text">The text before its first token; belongs to the session.</param>
    /// <param name="cancellationToken">The generation was cancelled.</param>
    /// <returns>
    /// The text, or a fork of it, whenever it has tokens that stay: each must go on from the tokens of the one before it. What is returned
    /// belongs to the session; other forks are the strategy's to dispose.
    /// </returns>
    IAsyncEnumerable<StepText> RunAsync(StepText text, CancellationToken cancellationToken);
}
