namespace Coppice;

/// <summary>Probabilities of labels after a prompt: of each the sum over the ways to write it.</summary>
/// <param name="model">The model; belongs to the caller.</param>
/// <param name="labels">For each label its surface forms as tokens: at least one, none of them empty.</param>
public sealed class LabelScorer(LanguageModel model, IReadOnlyList<IReadOnlyList<IReadOnlyList<int>>> labels) : IDisposable
{
    private readonly Scorer _scorer = new(model);

    /// <summary>Probabilities of the labels, normalised over them [labels]; the prompt is run once.</summary>
    /// <param name="prompt">Tokens before the label, at least one.</param>
    /// <param name="cancellationToken">Takes effect within one pass.</param>
    /// <inheritdoc cref="Scorer.LogProbabilitiesAsync" path="/exception"/>
    public async Task<double[]> ScoreAsync(IReadOnlyList<int> prompt, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        ScoredText[] texts = [.. labels.SelectMany(forms => forms).Select(form => new ScoredText(prompt, form))];
        var scores = await _scorer.LogProbabilitiesAsync(texts, cancellationToken).ConfigureAwait(false);
        double[] sums = [.. scores.Select(score => score.Sum())];
        // The largest is taken out, so that labels of long prompts do not all come to 0.
        var (max, next, probabilities) = (sums.Max(), 0, new double[labels.Count]);
        for (var label = 0; label < labels.Count; label++)
        {
            for (var form = 0; form < labels[label].Count; form++) probabilities[label] += Math.Exp(sums[next++] - max);
        }
        var total = probabilities.Sum();
        return [.. probabilities.Select(p => p / total)];
    }

    /// <summary>Frees the caches.</summary>
    public void Dispose() => _scorer.Dispose();
}
