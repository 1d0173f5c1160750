using Coppice.Decoding.Sampling;

namespace Coppice.Drafting;

/// <summary>Imitates the target's processors on the most probable tokens of a draft distribution.</summary>
/// <remarks>
/// Any distribution that is drawn from and named to the verifier is right; one that looks like the target's is accepted more often.
/// </remarks>
internal static class DraftShape
{
    /// <summary>
    /// Probabilities of the tokens that top-k, top-p and min-p keep, of all others 0: softmax(logits / temperature) over what is given.
    /// </summary>
    /// <param name="logits">Largest first.</param>
    /// <param name="shape">What to apply; its temperature is above 0.</param>
    /// <param name="weights">As long as <paramref name="logits"/>.</param>
    /// <returns>How many tokens are kept, those of weight 0 not among them; at least 1.</returns>
    public static int Apply(ReadOnlySpan<float> logits, in SamplingShape shape, Span<double> weights)
    {
        var count = shape.TopK > 0 ? Math.Min(shape.TopK, logits.Length) : logits.Length;
        var total = 0.0;
        for (var i = 0; i < count; i++) total += weights[i] = Math.Exp((logits[i] - logits[0]) / shape.Temperature);
        var (kept, mass) = (0, 0.0);
        while (kept < count && weights[kept] > 0 && weights[kept] >= shape.MinP * weights[0] && (kept == 0 || mass < shape.TopP * total))
            mass += weights[kept++];
        if (kept == 0) (kept, mass, weights[0]) = (1, 1, 1);        // the model gave no number
        for (var i = 0; i < kept; i++) weights[i] /= mass;
        return kept;
    }
}
