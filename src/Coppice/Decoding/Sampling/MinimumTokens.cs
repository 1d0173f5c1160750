namespace Coppice.Decoding.Sampling;

/// <summary>Bans the tokens that end a text while fewer than <paramref name="minimum"/> tokens were generated.</summary>
/// <param name="minimum">Tokens before one that ends the text.</param>
/// <param name="promptTokens">Tokens of the prompt.</param>
/// <param name="endIds">Tokens that end the text.</param>
internal sealed class MinimumTokens(int minimum, int promptTokens, IReadOnlyList<int> endIds) : LogitsProcessor
{
    /// <inheritdoc/>
    public override bool AllowsCandidates => true;

    /// <inheritdoc/>
    public override int MostLowered => endIds.Count;

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
    {
        if (tokens.Length - promptTokens >= minimum) return;
        for (var i = 0; i < endIds.Count; i++)
        {
            if (candidates.TryIndexOf(endIds[i], out var index)) candidates.Logits[index] = float.NegativeInfinity;
        }
    }
}
