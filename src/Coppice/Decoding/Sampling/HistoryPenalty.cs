using System.Buffers;

namespace Coppice.Decoding.Sampling;

/// <summary>
/// Changes the logits of tokens that occurred, each once, by how often it did. Costs as much as there are tokens, not as the vocabulary
/// has.
/// </summary>
/// <param name="window">Number of last tokens that count; 0 for all of them.</param>
internal abstract class HistoryPenalty(int window) : LogitsProcessor
{
    /// <inheritdoc/>
    public override int MostLowered => window > 0 ? window : int.MaxValue;

    /// <inheritdoc/>
    public sealed override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
    {
        tokens = tokens[Math.Min(FirstToken, tokens.Length)..];
        if (window > 0 && tokens.Length > window) tokens = tokens[^window..];
        var counts = ArrayPool<int>.Shared.Rent(candidates.IdLimit);
        if (candidates.IsWholeRow) ApplyToRow(tokens, candidates.Logits, counts);
        else ApplyToSome(tokens, ref candidates, counts);
        ArrayPool<int>.Shared.Return(counts);
    }

    /// <summary>The tokens before it do not count.</summary>
    protected virtual int FirstToken => 0;

    /// <summary>The logit of a token that occurred a number of times, at least once.</summary>
    protected abstract double Changed(double logit, int count);

    // The array comes with anything in it; only the entries that are read are cleared.
    private void ApplyToRow(ReadOnlySpan<int> tokens, Span<float> logits, int[] counts)
    {
        foreach (var token in tokens) counts[token] = 0;
        foreach (var token in tokens) counts[token]++;
        foreach (var token in tokens)
        {
            if (counts[token] == 0) continue;
            logits[token] = Finite(logits[token], counts[token]);
            counts[token] = 0;
        }
    }

    private void ApplyToSome(ReadOnlySpan<int> tokens, ref Candidates candidates, int[] counts)
    {
        var limit = candidates.IdLimit;
        var logits = candidates.Logits;
        for (var i = 0; i < logits.Length; i++) counts[candidates.Id(i)] = 0;
        foreach (var token in tokens)
        {
            if (token < limit) counts[token]++;
        }
        for (var i = 0; i < logits.Length; i++)
        {
            var count = counts[candidates.Id(i)];
            if (count > 0) logits[i] = Finite(logits[i], count);
        }
    }

    /// <summary>A penalty bans nothing and makes nothing certain: what would overflow is the largest finite number.</summary>
    private float Finite(float logit, int count) =>
        float.IsFinite(logit) ? (float)Math.Clamp(Changed(logit, count), -float.MaxValue, float.MaxValue) : logit;
}
