using System.Buffers;

namespace Coppice.Decoding.Sampling;

/// <summary>
/// Keeps the smallest set of most probable tokens whose probabilities add up to at least p; the others become -∞.
/// </summary>
/// <param name="p">0 to 1; 1 keeps all.</param>
/// <param name="least">Tokens that stay in any case, at least 1.</param>
/// <remarks>Source: Holtzman et al., The Curious Case of Neural Text Degeneration, section 3.1. Sums in double.</remarks>
internal sealed class TopP(double p, int least = 1) : LogitsProcessor
{
    /// <inheritdoc/>
    public override bool AllowsCandidates => true;
    /// <inheritdoc/>
    public override bool NeedsAll => true;

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
    {
        if (!Softmax.TryMax(ref candidates, out var max) || p >= 1) return;
        ReadOnlySpan<float> logits = candidates.Logits;
        var weights = ArrayPool<double>.Shared.Rent(Softmax.Padded(logits.Length));
        var keys = ArrayPool<float>.Shared.Rent(logits.Length);
        var mass = Softmax.Weigh(candidates, max, weights);
        MassCutoff.Negate(logits, keys);
        MassCutoff.Keep(candidates, keys.AsSpan(0, logits.Length), weights.AsSpan(0, logits.Length), p * mass, least);
        ArrayPool<float>.Shared.Return(keys);
        ArrayPool<double>.Shared.Return(weights);
    }
}
