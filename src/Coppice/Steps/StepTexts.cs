namespace Coppice;

/// <summary>What strategies do with several texts.</summary>
internal static class StepTexts
{
    /// <summary>Works on all at the same time, so that they share passes; ends when the last has, also where one fails.</summary>
    public static async Task AllAsync(IEnumerable<StepText> texts, Func<StepText, Task> work) =>
        await Task.WhenAll(texts.Select(work)).ConfigureAwait(false);

    /// <summary>Scores of all.</summary>
    /// <exception cref="InvalidOperationException">One is NaN.</exception>
    public static async Task<double[]> ScoresAsync(
        IReadOnlyList<StepText> texts, ISequenceScorer scorer, CancellationToken cancellationToken)
    {
        var scores = new double[texts.Count];
        await scorer.ScoreAsync([.. texts.Select(text => text.ToContinuation())], scores, cancellationToken).ConfigureAwait(false);
        if (Array.FindIndex(scores, double.IsNaN) is var at and >= 0)
            throw new InvalidOperationException($"scorer: scores must be numbers, got NaN for text {at} of {scores.Length}.");
        return scores;
    }

    /// <summary>The one with the largest score; of equal ones the first.</summary>
    public static async Task<int> BestAsync(IReadOnlyList<StepText> texts, ISequenceScorer scorer, CancellationToken cancellationToken)
    {
        var scores = await ScoresAsync(texts, scorer, cancellationToken).ConfigureAwait(false);
        return Array.IndexOf(scores, scores.Max());
    }
}
