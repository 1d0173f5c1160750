namespace Coppice.Decoding.Sampling;

/// <summary>For every token that was generated c > 0 times in the window: z - c · frequency - presence.</summary>
/// <param name="frequency">For each time that a token was generated.</param>
/// <param name="presence">Once for a token that was generated.</param>
/// <param name="promptTokens">Tokens of the prompt, which do not count.</param>
/// <param name="window">Number of last tokens that count; 0 for all of them.</param>
/// <remarks>
/// Source: the OpenAI API reference, where c is how often a token was sampled before. The prompt does not count there, and must not: what a
/// question or a template names often, an answer would avoid.
/// </remarks>
internal sealed class FrequencyPenalty(float frequency, float presence, int promptTokens, int window = 0) : HistoryPenalty(window)
{
    /// <inheritdoc/>
    public override bool AllowsCandidates => frequency >= 0 && presence >= 0;

    /// <inheritdoc/>
    protected override int FirstToken => promptTokens;

    /// <inheritdoc/>
    protected override double Changed(double logit, int count) => logit - ((double)count * frequency + presence);
}
