namespace Coppice.Decoding.Sampling;

/// <summary>
/// Keeps the surprise of tokens near a target: cuts off what is too improbable at a level μ, which each chosen token moves by the error of
/// its surprise.
/// </summary>
/// <param name="options">Checked.</param>
/// <remarks>
/// The only processor that remembers: μ is a function of the tokens since the generation began and of their rows. Tokens are chosen from
/// the root of a tree downwards, each exactly once, and each is told of before the next is chosen; so the text is the same with every
/// drafter. A token that a constraint forces is not told of. μ stays from 0 to 4 · target + 16. Source: Basu et al., Mirostat: A Neural
/// Text Decoding Algorithm that Directly Controls Perplexity, algorithm 1 (version 1) and 2 (version 2).
/// </remarks>
internal sealed class Mirostat(MirostatOptions options) : LogitsProcessor
{
    private const double Bit = 0.69314718055994531;     // ln 2: a surprise is in bits
    private const int FullPairs = 100, TruncatedPairs = 99;
    // Logits are floats: a surprise within their rounding of the level is the level.
    private const double Rounding = 1e-6;

    /// <summary>μ, in bits.</summary>
    public double Level { get; private set; } = 2 * options.Target;

    /// <summary>Of which row surprise is measured.</summary>
    public SurpriseBasis Basis => options.Basis;

    /// <inheritdoc/>
    public override bool AllowsCandidates => false;

    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<int> tokens, ref Candidates candidates)
    {
        if (!Softmax.TryMax(ref candidates, out var max)) return;
        if (options.Version == 1)
        {
            var kept = Kept(candidates.Logits);
            if (kept < candidates.Logits.Length) LargestLogits.Keep(candidates.Logits, kept);
            return;
        }
        var level = Level * Bit;
        Truncation.Below(ref candidates, max + Math.Log(Softmax.Mass(candidates, max)) - level - Rounding * Math.Max(1, level), 1);
    }

    /// <summary>A token was chosen.</summary>
    /// <param name="token">The token.</param>
    /// <param name="row">Its row of logits: the model's own, or what was left of it, as <see cref="Basis"/> says.</param>
    public void Observe(int token, ReadOnlySpan<float> row)
    {
        var surprise = (LogProbabilities.LogSum(row) - row[token]) / Bit;
        if (double.IsFinite(surprise)) Level = Math.Clamp(Level - options.Rate * (surprise - options.Target), 0, 4 * options.Target + 16);
    }

    /// <summary>Goes on from where <paramref name="other"/> is.</summary>
    public void Continue(Mirostat other) => Level = other.Level;

    /// <summary>The exponent s of Zipf's law, p ∝ rank^-s, by least squares over ratios of neighbours among the most probable.</summary>
    /// <param name="logits">Not NaN.</param>
    /// <param name="pairs">Ratios at most.</param>
    /// <returns>NaN where there are fewer than two tokens.</returns>
    internal static double Exponent(ReadOnlySpan<float> logits, int pairs)
    {
        var count = Math.Min(Truncation.Count(logits), pairs + 1);
        if (count < 2) return double.NaN;
        using var ranked = RankedLogits.AtLeast(logits, LargestLogits.Kth(logits, count));
        var (products, squares) = (0.0, 0.0);
        for (var i = 1; i < count; i++)
        {
            var t = Math.Log((i + 1.0) / i);
            products += t * ((double)logits[ranked.Id(i - 1)] - logits[ranked.Id(i)]);
            squares += t * t;
        }
        return products / squares;
    }

    /// <summary>The number k of most probable tokens whose expected surprise is the level, under Zipf's law.</summary>
    /// <param name="exponent">s.</param>
    /// <param name="level">μ, in bits.</param>
    /// <param name="vocabulary">N.</param>
    /// <returns>At most N: also where the head is uniform, or the formula gives no number.</returns>
    internal static double Width(double exponent, double level, int vocabulary)
    {
        if (!(exponent > 0)) return vocabulary;
        var (excess, power) = (exponent - 1, Math.Pow(2, level));
        // At s = 1 both sides of the fraction vanish; the limit is 1 / ln N.
        var factor = Math.Abs(excess) < 1e-6 ? 1 / Math.Log(vocabulary) : excess / (1 - Math.Pow(vocabulary, -excess));
        var width = Math.Pow(factor * power, 1 / exponent);
        return double.IsFinite(width) ? Math.Min(width, vocabulary) : vocabulary;
    }

    /// <summary>How many tokens version 1 keeps: the published script rounds up by one, llama.cpp cuts off the fraction.</summary>
    private int Kept(ReadOnlySpan<float> logits)
    {
        var isFull = Basis == SurpriseBasis.Full;
        var exponent = Exponent(logits, isFull ? FullPairs : TruncatedPairs);
        if (double.IsNaN(exponent)) return 1;
        var width = Width(exponent, Level, logits.Length);
        return (int)Math.Clamp(isFull ? Math.Round(width) + 1 : Math.Floor(width), 1, logits.Length);
    }
}
