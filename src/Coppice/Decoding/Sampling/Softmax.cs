using System.Runtime.Intrinsics;

namespace Coppice.Decoding.Sampling;

/// <summary>Sums over the probabilities of candidates that are complete.</summary>
/// <remarks>
/// In double and in the order of <see cref="WeightedDraw"/>, so that tokens that are banned and tokens that are not here are the same.
/// </remarks>
internal readonly struct Softmax
{
    private const int VectorLength = 16;        // padded to whole ones, the few have the exponentials of a whole row

    private Softmax(float max, double mass, double moment) =>
        (Max, LogMass, Entropy) = (max, Math.Log(mass), Math.Log(mass) + moment / mass);

    /// <summary>Two functions of z - max that are summed over all logits above -∞.</summary>
    public interface ITerms
    {
        /// <summary>Both, of eight logits; of -∞ both must be 0.</summary>
        static abstract (Vector512<double> First, Vector512<double> Second) Of(Vector512<double> shift);
    }

    /// <summary>The largest logit.</summary>
    public float Max { get; }
    /// <summary>ln Σ exp(z - max): p = exp(z - max - LogMass).</summary>
    public double LogMass { get; }
    /// <summary>-Σ p ln p, in nats.</summary>
    public double Entropy { get; }

    /// <summary>The logit of a token with the logarithm of the probability <paramref name="log"/>.</summary>
    public double LogitOf(double log) => Max + LogMass + log;

    /// <summary>
    /// Whether there are probabilities: the candidates are complete and the largest logit is finite. Where they are not complete, the whole
    /// row is asked for.
    /// </summary>
    public static bool TryOf(ref Candidates candidates, out Softmax softmax)
    {
        softmax = default;
        if (!TryMax(ref candidates, out var max)) return false;
        var (mass, moment) = Sums<Moment>(candidates, max);
        softmax = new Softmax(max, mass, moment);
        return true;
    }

    /// <summary>
    /// The largest logit, if it is finite and the candidates are complete; where they are not, the whole row is asked for.
    /// </summary>
    public static bool TryMax(ref Candidates candidates, out float max)
    {
        max = LargestLogits.Max(candidates.Logits);
        if (!candidates.IsComplete) candidates.NeedWholeRow();
        return candidates.IsComplete && float.IsFinite(max);
    }

    /// <summary>Σ exp(z - max) of candidates that are complete.</summary>
    public static double Mass(in Candidates candidates, float max)
    {
        ReadOnlySpan<float> logits = candidates.Logits;
        if (candidates.IsWholeRow) return WeightedDraw.Mass(logits, max);
        Span<double> weights = stackalloc double[WeightedDraw.BlockLength];
        WeightedDraw.Exponentials(logits, max, weights[..Padded(logits.Length)]);
        return WeightedDraw.Total<double>(candidates.Ids, weights[..logits.Length]);
    }

    /// <summary>exp(z - max) of every candidate, where they are complete.</summary>
    /// <param name="candidates">They.</param>
    /// <param name="max">The largest logit.</param>
    /// <param name="weights">[candidates, up to a multiple of 16].</param>
    /// <returns>Their sum.</returns>
    public static double Weigh(in Candidates candidates, float max, Span<double> weights)
    {
        ReadOnlySpan<float> logits = candidates.Logits;
        WeightedDraw.Exponentials(logits, max, weights[..Padded(logits.Length)]);
        weights = weights[..logits.Length];
        return candidates.IsWholeRow ? WeightedDraw.Total(weights) : WeightedDraw.Total<double>(candidates.Ids, weights);
    }

    /// <summary>Room for a weight of every candidate.</summary>
    public static int Padded(int count) => (count + VectorLength - 1) / VectorLength * VectorLength;

    /// <summary>The sums of both terms over the logits that are above -∞, in the same order.</summary>
    public static (double First, double Second) Sums<TTerms>(in Candidates candidates, float max) where TTerms : ITerms
    {
        ReadOnlySpan<float> logits = candidates.Logits;
        Span<double> first = stackalloc double[WeightedDraw.BlockLength];
        Span<double> second = stackalloc double[WeightedDraw.BlockLength];
        if (!candidates.IsWholeRow)
        {
            Fill<TTerms>(logits, max, first, second);
            return (WeightedDraw.Total<double>(candidates.Ids, first[..logits.Length]),
                WeightedDraw.Total<double>(candidates.Ids, second[..logits.Length]));
        }
        var sums = (First: 0.0, Second: 0.0);
        for (var at = 0; at < logits.Length; at += WeightedDraw.BlockLength)
        {
            var block = logits[at..Math.Min(at + WeightedDraw.BlockLength, logits.Length)];
            if (LargestLogits.Max(block) == float.NegativeInfinity) continue;
            var filled = Fill<TTerms>(block, max, first, second);
            sums.First += WeightedDraw.BlockSum<double>(first[..filled]);
            sums.Second += WeightedDraw.BlockSum<double>(second[..filled]);
        }
        return sums;
    }

    /// <summary>The terms of a block and zeros up to a whole vector; how many that is.</summary>
    private static int Fill<TTerms>(ReadOnlySpan<float> logits, float max, Span<double> first, Span<double> second) where TTerms : ITerms
    {
        var i = 0;
        for (; i <= logits.Length - VectorLength; i += VectorLength) Fill<TTerms>(Vector512.Create(logits[i..]), max, first, second, i);
        if (i < logits.Length)
        {
            Span<float> rest = stackalloc float[VectorLength];
            rest.Fill(float.NegativeInfinity);
            logits[i..].CopyTo(rest);
            Fill<TTerms>(Vector512.Create<float>(rest), max, first, second, i);
        }
        return Padded(logits.Length);
    }

    private static void Fill<TTerms>(Vector512<float> logits, float max, Span<double> first, Span<double> second, int i)
        where TTerms : ITerms
    {
        var (lower, upper) = Vector512.Widen(logits);
        var shift = Vector512.Create((double)max);
        var (lowerTerms, upperTerms) = (TTerms.Of(lower - shift), TTerms.Of(upper - shift));
        lowerTerms.First.CopyTo(first[i..]);
        upperTerms.First.CopyTo(first[(i + VectorLength / 2)..]);
        lowerTerms.Second.CopyTo(second[i..]);
        upperTerms.Second.CopyTo(second[(i + VectorLength / 2)..]);
    }

    /// <summary>w = exp(z - max), and w · (max - z).</summary>
    private readonly struct Moment : ITerms
    {
        private const double LargestShift = 1000;

        // 0 · ∞ is not a number; weights of so small logits are 0.
        public static (Vector512<double> First, Vector512<double> Second) Of(Vector512<double> shift)
        {
            var weights = WeightedDraw.Exponential(shift);
            return (weights, weights * Vector512.Min(-shift, Vector512.Create(LargestShift)));
        }
    }
}
