using Coppice.Decoding.Sampling;

namespace Coppice.Decoding.Drafters;

/// <summary>Imitates the target's processors on the most probable tokens of a draft distribution.</summary>
/// <remarks>Any distribution that is drawn from and named to the verifier is right; one that looks like the target's is accepted more often.</remarks>
internal static class DraftShape
{
    /// <summary>weights[i] = p[i]^(1 / temperature) of the tokens that top-k, top-p and min-p keep.</summary>
    /// <param name="probabilities">Largest first.</param>
    /// <param name="shape">What to apply; its temperature is above 0.</param>
    /// <param name="weights">As long as <paramref name="probabilities"/>.</param>
    /// <returns>How many tokens are kept, those of weight 0 not among them; at least 1.</returns>
    public static int Apply(ReadOnlySpan<float> probabilities, in SamplingShape shape, Span<double> weights)
    {
        var count = shape.TopK > 0 ? Math.Min(shape.TopK, probabilities.Length) : probabilities.Length;
        var total = 0.0;
        for (var i = 0; i < count; i++)
        {
            weights[i] = shape.Temperature == 1 ? probabilities[i] : Math.Pow(probabilities[i], 1 / shape.Temperature);
            total += weights[i];
        }
        var (kept, mass) = (0, 0.0);
        while (kept < count && weights[kept] > 0 && weights[kept] >= shape.MinP * weights[0] && (kept == 0 || mass < shape.TopP * total)) mass += weights[kept++];
        return Math.Max(kept, 1);
    }
}
