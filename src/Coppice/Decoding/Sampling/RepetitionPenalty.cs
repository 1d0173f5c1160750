using System.Buffers;

namespace Coppice.Decoding.Sampling;

/// <summary>For every token in the window: z / penalty where z > 0, z · penalty where not.</summary>
/// <param name="penalty">Above 1 discourages repetition.</param>
/// <param name="window">The last so many tokens; 0 for all of them.</param>
/// <remarks>Source: Keskar et al., CTRL, section 4.1, with the sign rule of the common implementations.</remarks>
internal sealed class RepetitionPenalty(float penalty, int window = 0) : LogitsProcessor
{
    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, Span<float> logits)
    {
        if (window > 0 && tokens.Length > window) tokens = tokens[^window..];
        var seen = ArrayPool<bool>.Shared.Rent(logits.Length);
        seen.AsSpan(0, logits.Length).Clear();
        foreach (var token in tokens)
        {
            if (seen[token]) continue;
            seen[token] = true;
            logits[token] = logits[token] > 0 ? logits[token] / penalty : logits[token] * penalty;
        }
        ArrayPool<bool>.Shared.Return(seen);
    }
}
