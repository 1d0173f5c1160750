using System.Buffers;

namespace Coppice.Decoding.Sampling;

/// <summary>
/// Don't repeat yourself: a token that would prolong a repetition gets z - multiplier · base^(n - allowed), where n is the length of the
/// longest text that ends here and occurred before in front of that token, if n is at least what is allowed.
/// </summary>
/// <param name="multiplier">Above 0.</param>
/// <param name="growth">The base, at least 1.</param>
/// <param name="allowed">The longest repetition that may go on, plus one: at least 1.</param>
/// <param name="window">How many of the last tokens are looked at; 0 for all of them.</param>
/// <param name="breakers">What repetitions do not reach across. A token that holds one is not penalised.</param>
/// <remarks>
/// A function of the tokens: the Z-algorithm over them from the end, in time and memory that are linear in the window. The exponent is held
/// so that the power fits a float. Source: p-e-w, DRY sampling (2024); the form of llama.cpp.
/// </remarks>
internal sealed class DryPenalty(float multiplier, float growth, int allowed, int window, DryBreakers breakers) : LogitsProcessor
{
    /// <summary>Texts seldom go on in more ways than these.</summary>
    private const int UsuallyLowered = 8;

    private readonly double _mostExponent = growth > 1 ? Math.Log(float.MaxValue) / Math.Log(growth) : double.PositiveInfinity;

    /// <inheritdoc/>
    public override bool AllowsCandidates => true;

    /// <inheritdoc/>
    public override int MostLowered => UsuallyLowered;

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
    {
        if (window > 0 && tokens.Length > window) tokens = tokens[^window..];
        var free = breakers.CountAfterLast(tokens);
        if (tokens.Length <= allowed || free < allowed) return;
        var repeated = ArrayPool<int>.Shared.Rent(tokens.Length);
        var lengths = ArrayPool<int>.Shared.Rent(candidates.IdLimit);
        Repetitions(tokens, repeated);
        Lower(tokens, repeated, free, lengths, ref candidates);
        ArrayPool<int>.Shared.Return(lengths);
        ArrayPool<int>.Shared.Return(repeated);
    }

    /// <summary>For every k from 1 on: how many tokens before the last k equal as many at the end.</summary>
    private static void Repetitions(ReadOnlySpan<int> tokens, int[] repeated)
    {
        // The Z-array of the tokens read from the end: what is known of [left, right) spares comparing again.
        var (left, right) = (0, 0);
        for (var k = 1; k < tokens.Length; k++)
        {
            var length = k < right ? Math.Min(repeated[k - left], right - k) : 0;
            while (k + length < tokens.Length && tokens[^(length + 1)] == tokens[^(k + length + 1)]) length++;
            repeated[k] = length;
            if (k + length > right) (left, right) = (k, k + length);
        }
    }

    private void Lower(ReadOnlySpan<int> tokens, int[] repeated, int free, int[] lengths, ref Candidates candidates)
    {
        // The array comes with anything in it; only the entries that are read are cleared.
        var limit = candidates.IdLimit;
        for (var k = 1; k < tokens.Length; k++)
        {
            if (tokens[^k] < limit) lengths[tokens[^k]] = 0;
        }
        for (var k = 1; k < tokens.Length; k++)
        {
            var (token, length) = (tokens[^k], Math.Min(repeated[k], free));
            if (length >= allowed && token < limit && length > lengths[token] && !breakers.IsWhole(token)) lengths[token] = length;
        }
        for (var k = 1; k < tokens.Length; k++)
        {
            var token = tokens[^k];
            if (token >= limit || lengths[token] == 0) continue;
            if (candidates.TryIndexOf(token, out var index)) Lower(ref candidates.Logits[index], lengths[token]);
            lengths[token] = 0;
        }
    }

    /// <summary>A penalty bans nothing: what would overflow is the largest finite number.</summary>
    private void Lower(ref float logit, int length)
    {
        if (!float.IsFinite(logit)) return;
        var penalty = multiplier * Math.Pow(growth, Math.Min(length - allowed, _mostExponent));
        logit = (float)Math.Clamp(logit - penalty, -float.MaxValue, float.MaxValue);
    }
}
