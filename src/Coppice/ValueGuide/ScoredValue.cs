namespace Coppice;

/// <summary>The score of a text, or of what greedy decoding makes of it: prefix values, and direct Transfer Q*.</summary>
/// <param name="scorer">What texts are worth.</param>
/// <param name="horizon">Tokens that texts are continued by, at least 0.</param>
public sealed class ScoredValue(ISequenceScorer scorer, int horizon = 0) : IContinuationValue
{
    /// <inheritdoc/>
    public async ValueTask EstimateAsync(IReadOnlyList<StepText> texts, Memory<double> values, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(texts);
        await StepTexts.AllAsync(texts, text => ContinueAsync(text, horizon, cancellationToken)).ConfigureAwait(false);
        (await StepTexts.ScoresAsync(texts, scorer, cancellationToken).ConfigureAwait(false)).CopyTo(values);
    }

    internal static async Task ContinueAsync(StepText text, int tokens, CancellationToken cancellationToken)
    {
        for (var i = 0; i < tokens && !text.IsFinished; i++) await text.StepAsync(cancellationToken).ConfigureAwait(false);
    }
}
