namespace Coppice;

/// <summary>
/// Indirect Transfer Q*: r · exp((r - r₀) / β) of a continuation, where the model was aligned to the reward r₀ and r is wanted.
/// </summary>
/// <param name="target">r.</param>
/// <param name="baseline">r₀.</param>
/// <param name="beta">β, above 0; the exponent is held within ±20.</param>
/// <param name="horizon">Tokens that texts are continued by, at least 0.</param>
/// <remarks>Source: Chakraborty et al., Transfer Q*, section 3.2.</remarks>
public sealed class ImportanceValue(ISequenceScorer target, ISequenceScorer baseline, double beta, int horizon) : IContinuationValue
{
    private const double MostExponent = 20;

    /// <inheritdoc/>
    public async ValueTask EstimateAsync(IReadOnlyList<StepText> texts, Memory<double> values, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(texts);
        await StepTexts.AllAsync(texts, text => ScoredValue.ContinueAsync(text, horizon, cancellationToken)).ConfigureAwait(false);
        var rewards = await StepTexts.ScoresAsync(texts, target, cancellationToken).ConfigureAwait(false);
        var baselines = await StepTexts.ScoresAsync(texts, baseline, cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < rewards.Length; i++) values.Span[i] = Of(rewards[i], baselines[i], beta);
    }

    /// <summary>r · exp((r - r₀) / β).</summary>
    internal static double Of(double reward, double baseline, double beta) =>
        reward * Math.Exp(Math.Clamp((reward - baseline) / beta, -MostExponent, MostExponent));
}
