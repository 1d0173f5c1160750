using System.Diagnostics;
using System.Numerics.Tensors;
using Coppice.Models;

namespace Coppice.Decoding.Sampling;

/// <summary>Chooses a token from logits: the processors in order, then the arg-max or one draw.</summary>
/// <param name="processors">Applied in this order.</param>
/// <param name="greedy">The largest logit instead of a draw; of equal ones the lowest id.</param>
/// <param name="seed">Key of the draws.</param>
/// <remarks>The random number of a draw depends on the seed and on the absolute position alone, so a token does not depend on how the ones before it were found.</remarks>
internal sealed class Sampler(IReadOnlyList<LogitsProcessor> processors, bool greedy, ulong seed)
{
    /// <summary>Whether the choice is the arg-max.</summary>
    public bool IsGreedy => greedy;
    /// <summary>The most that <see cref="Candidates"/> can be.</summary>
    public const int MostCandidates = WorkspaceSize.MaxTopCount;

    /// <summary>So many of the largest logits, as the model gives them, nearly always decide the choice; 0 where the whole row is needed.</summary>
    public int Candidates { get; init; } = greedy && processors.Count == 0 ? 1 : 0;
    /// <summary>Key of the draws.</summary>
    public ulong Seed => seed;
    /// <summary>What the processors do to probabilities, for a drafter that imitates them.</summary>
    public SamplingShape Shape { get; init; } = SamplingShape.Unchanged;

    /// <summary>The token that follows <paramref name="tokens"/>.</summary>
    /// <param name="tokens">All tokens before it; their number is its position.</param>
    /// <param name="logits">[vocabulary]; changed. NaN counts as -∞; where nothing is above -∞, token 0 is chosen.</param>
    public int Choose(ReadOnlySpan<int> tokens, Span<float> logits)
    {
        Process(tokens, logits);
        return greedy ? ArgMax(logits) : Draw(logits, Philox.Uniform(seed, RandomStream.Target, tokens.Length));
    }

    /// <summary>The token that <see cref="Choose(ReadOnlySpan{int}, Span{float})"/> finds in the whole row, found in its largest logits; null where they do not decide it.</summary>
    /// <param name="tokens">As there.</param>
    /// <param name="best">Ids of the <see cref="Candidates"/> largest logits, or of as many as the vocabulary has: largest first, equal ones by ascending id.</param>
    /// <param name="largest">Their logits, NaN as -∞.</param>
    /// <remarks>
    /// Top-k keeps the first k of k + 1, unless the temperature makes the last two equal: then tokens that are not here may be equal too. What is kept goes through
    /// the same processors and the same draw in the same order of ids; what is not kept weighs nothing there.
    /// </remarks>
    public int? Choose(ReadOnlySpan<int> tokens, ReadOnlySpan<int> best, ReadOnlySpan<float> largest)
    {
        Debug.Assert(Candidates > 0, "the whole row is needed");
        if (greedy) return best[0];
        if (best.Length == Candidates && largest[^2] / Shape.Temperature == largest[^1] / Shape.Temperature) return null;
        Span<long> order = stackalloc long[best.Length];
        for (var i = 0; i < order.Length; i++) order[i] = (long)best[i] << 32 | (uint)i;
        order.Sort();
        // Padded to whole vectors, so that the exponentials are those of a whole row.
        Span<float> logits = stackalloc float[(best.Length + 15) / 16 * 16];
        logits.Fill(float.NegativeInfinity);
        for (var i = 0; i < order.Length; i++) logits[i] = largest[(int)order[i]];
        return (int)(order[Choose(tokens, logits)] >> 32);
    }

    /// <summary>Probabilities, up to a common factor, of what follows <paramref name="tokens"/>; of a greedy choice all of it on one token.</summary>
    /// <param name="tokens">All tokens before it.</param>
    /// <param name="logits">[vocabulary]; changed. As for <see cref="Choose"/>.</param>
    /// <param name="weights">[vocabulary].</param>
    public void Weights(ReadOnlySpan<int> tokens, Span<float> logits, Span<double> weights)
    {
        Process(tokens, logits);
        var max = TensorPrimitives.Max<float>(logits);
        if (greedy || !float.IsFinite(max))
        {
            weights.Clear();
            weights[ArgMax(logits)] = 1;
            return;
        }
        TensorPrimitives.Subtract(logits, max, logits);
        TensorPrimitives.Exp<float>(logits, logits);
        TensorPrimitives.ConvertChecked<float, double>(logits, weights);
    }

    private void Process(ReadOnlySpan<int> tokens, Span<float> logits)
    {
        if (float.IsNaN(TensorPrimitives.Max<float>(logits))) ReplaceNaN(logits);       // Max is NaN where any element is
        for (var i = 0; i < processors.Count; i++) processors[i].Apply(tokens, logits);
    }

    /// <summary>A random number of this generation that a drafter may use, from a stream of its own.</summary>
    public double Uniform(RandomStream stream, int position, int counter) => Philox.Uniform(seed, stream, position, counter);

    private static void ReplaceNaN(Span<float> logits)
    {
        for (var i = 0; i < logits.Length; i++)
        {
            if (float.IsNaN(logits[i])) logits[i] = float.NegativeInfinity;
        }
    }

    /// <summary>Index of the largest element, the first of equal ones.</summary>
    internal static int ArgMax(ReadOnlySpan<float> logits)
    {
        var max = TensorPrimitives.Max(logits);
        return Math.Max(logits.IndexOf(max), 0);
    }

    /// <summary>Inverse of the cumulative distribution over ascending indices: the first whose cumulative weight exceeds <paramref name="uniform"/> of the sum.</summary>
    internal static int Draw(ReadOnlySpan<double> weights, double uniform)
    {
        var total = 0.0;
        foreach (var weight in weights) total += weight;
        var (sum, target, last) = (0.0, uniform * total, 0);
        for (var i = 0; i < weights.Length; i++)
        {
            if (weights[i] == 0) continue;
            last = i;
            sum += weights[i];
            if (sum > target) break;
        }
        return last;
    }

    /// <summary>Inverse of the cumulative distribution over ascending ids: the first id whose cumulative probability exceeds <paramref name="uniform"/>.</summary>
    internal static int Draw(Span<float> logits, double uniform)
    {
        var max = TensorPrimitives.Max<float>(logits);
        if (!float.IsFinite(max)) return ArgMax(logits);
        TensorPrimitives.Subtract(logits, max, logits);
        TensorPrimitives.Exp<float>(logits, logits);
        var total = 0.0;
        foreach (var weight in logits) total += weight;
        var (sum, target, last) = (0.0, uniform * total, 0);
        for (var id = 0; id < logits.Length; id++)
        {
            if (logits[id] == 0) continue;
            last = id;
            sum += logits[id];
            if (sum > target) break;
        }
        return last;
    }
}
