using System.Buffers;
using System.Runtime.Intrinsics;

namespace Coppice.Decoding.Sampling;

/// <summary>
/// Locally typical sampling: keeps the tokens whose surprise is nearest to the entropy, |-ln p - H|, as few as together exceed a
/// probability; the others become -∞.
/// </summary>
/// <param name="p">0 to below 1.</param>
/// <param name="least">Tokens that stay in any case, at least 1.</param>
/// <remarks>
/// Of tokens that are as near those with the lower ids stay. Source: Meister et al., Locally Typical Sampling, section 3.
/// </remarks>
internal sealed class TypicalP(double p, int least = 1) : LogitsProcessor
{
    /// <inheritdoc/>
    public override bool AllowsCandidates => true;
    /// <inheritdoc/>
    public override bool NeedsAll => true;

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
    {
        if (!Softmax.TryOf(ref candidates, out var softmax)) return;
        ReadOnlySpan<float> logits = candidates.Logits;
        var weights = ArrayPool<double>.Shared.Rent(Softmax.Padded(logits.Length));
        var keys = ArrayPool<float>.Shared.Rent(logits.Length);
        var mass = Softmax.Weigh(candidates, softmax.Max, weights);
        Distances(logits, softmax.LogitOf(-softmax.Entropy), keys);
        // More than p of it, where top-p takes at least p.
        var needed = Math.BitIncrement(p * mass);
        MassCutoff.Keep(candidates, keys.AsSpan(0, logits.Length), weights.AsSpan(0, logits.Length), needed, least);
        ArrayPool<float>.Shared.Return(keys);
        ArrayPool<double>.Shared.Return(weights);
    }

    /// <summary>How far each logit is from what is typical; ∞ for one that cannot be chosen.</summary>
    private static void Distances(ReadOnlySpan<float> logits, double typical, Span<float> distances)
    {
        var center = Vector256.Create(typical);
        var i = 0;
        for (; i <= logits.Length - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            var (lower, upper) = Vector256.Widen(Vector256.Create(logits[i..]));
            Vector256.Narrow(Vector256.Abs(lower - center), Vector256.Abs(upper - center)).CopyTo(distances[i..]);
        }
        for (; i < logits.Length; i++) distances[i] = (float)Math.Abs(logits[i] - typical);
    }
}
