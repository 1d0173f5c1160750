namespace Coppice;

/// <summary>A text that grows by given tokens, and the logits of what may follow it: of one model, or of several that act as one.</summary>
/// <remarks>
/// Laws: what is done to a fork changes nothing of the model that it was forked from; logits after a rollback and the same tokens are the
/// same; and however tokens were handed over, singly or at once, the logits after them are the same. Not thread-safe; forks are independent
/// and may be asked at the same time, and those of one model then share passes.
/// </remarks>
public interface IStepModel : IDisposable
{
    /// <summary>Entries of the vocabulary: ids are below it.</summary>
    int VocabularySize { get; }
    /// <summary>Tokens so far, those that have not been run included.</summary>
    int Position { get; }

    /// <summary>Appends tokens. Nothing runs before logits are asked for.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    void Advance(ReadOnlySpan<int> tokens);

    /// <summary>Runs what has not been run; no thread waits for it.</summary>
    /// <param name="cancellationToken">Takes effect within one pass; the text stays as it is.</param>
    /// <returns>The logits after the last token [vocabulary]; valid until the model is next used.</returns>
    /// <exception cref="InvalidOperationException">There is no token yet.</exception>
    ValueTask<ReadOnlyMemory<float>> NextAsync(CancellationToken cancellationToken = default);

    /// <summary>Forgets the tokens from <paramref name="position"/> on.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative, or there are fewer tokens.</exception>
    void Rollback(int position);

    /// <summary>A text with the same tokens that goes on independently; belongs to the caller. What is alike is kept once.</summary>
    IStepModel Fork();
}
