using System.Buffers;

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
    private const double FirstDepth = 0.5, LastDepth = 128;

    /// <inheritdoc/>
    public override bool AllowsCandidates => true;
    /// <inheritdoc/>
    public override bool NeedsAll => true;

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
    {
        if (!Softmax.TryOf(ref candidates, out var softmax)) return;
        var logits = candidates.Logits;
        var near = ArrayPool<ulong>.Shared.Rent(logits.Length);
        // The set lies near the entropy, so only what lies near it is sorted, deeper and deeper until the set is found whole.
        for (var depth = FirstDepth; ; depth *= 2)
        {
            var isLast = depth > LastDepth;
            var count = Near(logits, softmax, isLast ? double.PositiveInfinity : depth, near);
            near.AsSpan(0, count).Sort();
            var (mass, kept) = (0.0, 0);
            while (kept < count && (kept < least || mass <= p)) mass += Math.Exp(logits[Index(near[kept++])] - softmax.LogitOf(0));
            if (!isLast && (mass <= p || kept < least)) continue;
            Keep(logits, near.AsSpan(0, kept));
            break;
        }
        ArrayPool<ulong>.Shared.Return(near);
    }

    /// <summary>
    /// Keys of the tokens whose distance is at most <paramref name="depth"/>: ascending they are the nearest, then the lower ids.
    /// </summary>
    private static int Near(ReadOnlySpan<float> logits, in Softmax softmax, double depth, Span<ulong> keys)
    {
        var (count, typical) = (0, softmax.LogitOf(-softmax.Entropy));
        for (var i = 0; i < logits.Length; i++)
        {
            var distance = Math.Abs(typical - logits[i]);
            if (distance <= depth && logits[i] > float.NegativeInfinity) keys[count++] = Key((float)distance, i);
        }
        return count;
    }

    private static void Keep(Span<float> logits, Span<ulong> kept)
    {
        for (var i = 0; i < kept.Length; i++) kept[i] = (ulong)Index(kept[i]);
        kept.Sort();
        var next = 0;
        for (var i = 0; i < logits.Length; i++)
        {
            if (next < kept.Length && kept[next] == (ulong)i) next++;
            else logits[i] = float.NegativeInfinity;
        }
    }

    private static ulong Key(float distance, int index) => ((ulong)BitConverter.SingleToUInt32Bits(distance) << 32) | (uint)index;

    private static int Index(ulong key) => (int)(uint)key;
}
