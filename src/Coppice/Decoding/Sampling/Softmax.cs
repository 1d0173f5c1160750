using System.Numerics.Tensors;

namespace Coppice.Decoding.Sampling;

/// <summary>Sums over the probabilities of candidates that are complete.</summary>
/// <remarks>
/// In double and in the order of <see cref="WeightedDraw"/>, so that tokens that are banned and tokens that are not here are the same.
/// </remarks>
internal readonly struct Softmax
{
    private const int VectorLength = 8;     // doubles; padded to whole ones, the few have the exponentials of a whole row
    private const double LargestShift = 1000;

    private Softmax(float max, double mass, double moment) =>
        (Max, LogMass, Entropy) = (max, Math.Log(mass), Math.Log(mass) + moment / mass);

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
        var (mass, moment) = (0.0, 0.0);
        var logits = candidates.Logits;
        Span<double> weights = stackalloc double[WeightedDraw.BlockLength];
        if (candidates.IsWholeRow)
        {
            for (var first = 0; first < logits.Length; first += WeightedDraw.BlockLength)
            {
                var block = logits.Slice(first, Math.Min(WeightedDraw.BlockLength, logits.Length - first));
                if (TensorPrimitives.Max<float>(block) == float.NegativeInfinity) continue;
                WeightedDraw.Exponentials(block, max, weights);
                mass += WeightedDraw.BlockSum<double>(weights);
                Weigh(block, max, weights);
                moment += WeightedDraw.BlockSum<double>(weights);
            }
        }
        else
        {
            WeightedDraw.Exponentials(logits, max, weights[..Padded(logits.Length)]);
            mass = WeightedDraw.Total<double>(candidates.Ids, weights[..logits.Length]);
            Weigh(logits, max, weights);
            moment = WeightedDraw.Total<double>(candidates.Ids, weights[..logits.Length]);
        }
        softmax = new Softmax(max, mass, moment);
        return true;
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

    /// <summary>
    /// The largest logit, if it is finite and the candidates are complete; where they are not, the whole row is asked for.
    /// </summary>
    public static bool TryMax(ref Candidates candidates, out float max)
    {
        max = TensorPrimitives.Max<float>(candidates.Logits);
        if (!candidates.IsComplete) candidates.NeedWholeRow();
        return candidates.IsComplete && float.IsFinite(max);
    }

    /// <summary>Σ f(z - max) over the logits that are above -∞, in the same order.</summary>
    public static double Sum(in Candidates candidates, float max, Func<double, double> f)
    {
        ReadOnlySpan<float> logits = candidates.Logits;
        Span<double> values = stackalloc double[WeightedDraw.BlockLength];
        if (!candidates.IsWholeRow)
        {
            Fill(logits, max, f, values);
            return WeightedDraw.Total<double>(candidates.Ids, values[..logits.Length]);
        }
        var sum = 0.0;
        for (var first = 0; first < logits.Length; first += WeightedDraw.BlockLength)
        {
            Fill(logits.Slice(first, Math.Min(WeightedDraw.BlockLength, logits.Length - first)), max, f, values);
            sum += WeightedDraw.BlockSum<double>(values);
        }
        return sum;
    }

    private static void Fill(ReadOnlySpan<float> logits, float max, Func<double, double> f, Span<double> values)
    {
        values.Clear();
        for (var i = 0; i < logits.Length; i++) values[i] = logits[i] == float.NegativeInfinity ? 0 : f((double)logits[i] - max);
    }

    private static int Padded(int count) => (count + VectorLength - 1) / VectorLength * VectorLength;

    /// <summary>exp(z - max) · (max - z) in place of exp(z - max).</summary>
    private static void Weigh(ReadOnlySpan<float> logits, float max, Span<double> weights)
    {
        Span<double> below = stackalloc double[WeightedDraw.BlockLength];
        below = below[..logits.Length];
        TensorPrimitives.ConvertChecked(logits, below);
        TensorPrimitives.Subtract(max, below, below);
        TensorPrimitives.Min(below, LargestShift, below);      // 0 · ∞ is not a number; weights of so small logits are 0
        TensorPrimitives.Multiply(below, weights[..below.Length], weights);
    }
}
