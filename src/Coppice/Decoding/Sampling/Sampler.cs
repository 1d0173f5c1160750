using System.Diagnostics;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Coppice.Models;

namespace Coppice.Decoding.Sampling;

/// <summary>Chooses a token from logits: the processors in order, then the arg-max or one draw.</summary>
/// <param name="processors">Applied in this order.</param>
/// <param name="greedy">The largest logit instead of a draw; of equal ones the lowest id.</param>
/// <param name="seed">Key of the draws.</param>
/// <remarks>
/// The random number of a draw depends on the seed and on the absolute position alone, so a token does not depend on how the ones before it
/// were found. Where every processor allows it, the largest logits of a row usually decide the choice, and nobody reads the row.
/// </remarks>
internal sealed class Sampler(IReadOnlyList<LogitsProcessor> processors, bool greedy, ulong seed)
{
    /// <summary>The most that <see cref="Candidates"/> can be.</summary>
    public const int MostCandidates = WorkspaceSize.MaxTopCount;
    private const int VectorLength = 16;
    /// <summary>The most that is worth its own list.</summary>
    private const int MostLeft = WeightedDraw.BlockLength;

    /// <summary>The first processor that cuts off, where all after it can do with what is left.</summary>
    private readonly int _narrowsFrom = NarrowsFrom(processors, greedy);

    /// <summary>Whether the choice is the arg-max.</summary>
    public bool IsGreedy => greedy;
    /// <summary>
    /// How many of the largest logits, as the model gives them, nearly always decide the choice; 0 where the whole row is needed.
    /// </summary>
    public int Candidates { get; init; } = Enough(processors, greedy ? 1 : 0);
    /// <summary>Key of the draws.</summary>
    public ulong Seed => seed;
    /// <summary>What the processors do to probabilities, for a drafter that imitates them.</summary>
    public SamplingShape Shape { get; init; } = SamplingShape.Unchanged;
    /// <summary>The last of the processors, where it has to be told of every token; null for none.</summary>
    public Mirostat? Mirostat { get; } = processors.Count > 0 ? processors[^1] as Mirostat : null;

    /// <summary>
    /// How many of the largest logits decide among <paramref name="kept"/> of them that no processor lowers; 0 if that needs the whole row.
    /// </summary>
    /// <param name="processors">The processors.</param>
    /// <param name="kept">Tokens that the choice is made among; 0 for all.</param>
    public static int Enough(IReadOnlyList<LogitsProcessor> processors, int kept)
    {
        if (kept == 0 || !processors.All(processor => processor.AllowsCandidates)) return 0;
        if (processors.TakeWhile(processor => !processor.CutsOff).Any(processor => processor.NeedsAll)) return 0;
        if (processors.Count == 0) return kept;
        var count = kept + 1L + processors.Sum(processor => (long)processor.MostLowered);       // one more bounds the rest
        return count <= MostCandidates ? (int)count : 0;
    }

    /// <summary>The token that follows <paramref name="tokens"/>.</summary>
    /// <param name="tokens">All tokens before it; their number is its position.</param>
    /// <param name="logits">[vocabulary]; changed. NaN counts as -∞; where nothing is above -∞, token 0 is chosen.</param>
    public int Choose(ReadOnlySpan<int> tokens, Span<float> logits)
    {
        ReplaceNaN(logits);
        var row = new Candidates(logits);
        for (var i = 0; i < processors.Count; i++)
        {
            processors[i].Apply(tokens, ref row);
            // What was cut off weighs nothing, so the rest of the chain needs only what is left.
            if (i >= _narrowsFrom && ChooseAmongLeft(tokens, logits, i + 1) is { } token) return token;
        }
        return Pick(tokens.Length, logits);
    }

    /// <summary>Runs the processors over a whole row.</summary>
    /// <param name="tokens">All tokens before it.</param>
    /// <param name="logits">[vocabulary]; changed. NaN becomes -∞.</param>
    public void Process(ReadOnlySpan<int> tokens, Span<float> logits)
    {
        var row = new Candidates(logits);
        Process(tokens, ref row);
    }

    /// <summary>The token at <paramref name="position"/>, of a whole row that the processors have run over.</summary>
    /// <param name="position">Tokens before it.</param>
    /// <param name="logits">[vocabulary]; changed.</param>
    public int Pick(int position, Span<float> logits) =>
        greedy ? ArgMax(logits) : Draw(logits, Philox.Uniform(seed, RandomStream.Target, position));

    /// <summary>
    /// The token that <see cref="Choose(ReadOnlySpan{int}, Span{float})"/> finds in the whole row, found in its largest logits; null where
    /// they do not decide it.
    /// </summary>
    /// <param name="tokens">As there.</param>
    /// <param name="best">Ids of the <see cref="Candidates"/> largest logits, or of as many as the vocabulary has: largest first, equal
    /// ones by ascending id.</param>
    /// <param name="largest">Their logits, NaN as -∞.</param>
    /// <param name="mask">Tokens that may be chosen: see <see cref="TokenMask"/>.</param>
    /// <remarks>
    /// They go through the same processors, with their ids, and the same draw in the same order of ids. What is outside weighs nothing once
    /// a processor has cut it off; until then nothing is decided.
    /// </remarks>
    public int? Choose(ReadOnlySpan<int> tokens, ReadOnlySpan<int> best, ReadOnlySpan<float> largest, ReadOnlySpan<ulong> mask = default)
    {
        Debug.Assert(Candidates > 0, "the whole row is needed");
        if (greedy && processors.Count == 0) return FirstAllowed(best, largest, mask);
        Span<long> order = stackalloc long[best.Length];
        for (var i = 0; i < order.Length; i++) order[i] = (long)best[i] << 32 | (uint)i;
        order.Sort();
        Span<int> ids = stackalloc int[best.Length];
        // Padded to whole vectors, so that the exponentials are those of a whole row.
        Span<float> logits = stackalloc float[(best.Length + VectorLength - 1) / VectorLength * VectorLength];
        logits.Fill(float.NegativeInfinity);
        for (var i = 0; i < order.Length; i++)
        {
            ids[i] = (int)(order[i] >> 32);
            if (TokenMask.Allows(mask, ids[i])) logits[i] = largest[(int)order[i]];
        }
        var candidates = new Candidates(ids, logits[..ids.Length], best.Length == Candidates ? largest[^1] : float.NegativeInfinity);
        Process(tokens, ref candidates);
        return ChooseAmong(candidates, logits, tokens.Length);
    }

    /// <summary>
    /// Probabilities, up to a common factor, of what follows <paramref name="tokens"/>; of a greedy choice all of it on one token.
    /// </summary>
    /// <param name="tokens">All tokens before it.</param>
    /// <param name="logits">[vocabulary]; changed. As for <see cref="Choose(ReadOnlySpan{int}, Span{float})"/>.</param>
    /// <param name="weights">[vocabulary].</param>
    public void Weights(ReadOnlySpan<int> tokens, Span<float> logits, Span<double> weights)
    {
        Process(tokens, logits);
        Weights(logits, weights);
    }

    /// <summary>The same of a whole row that the processors have run over.</summary>
    public void Weights(Span<float> logits, Span<double> weights)
    {
        var max = LargestLogits.Max(logits);
        if (greedy || !float.IsFinite(max))
        {
            weights.Clear();
            weights[ArgMax(logits)] = 1;
            return;
        }
        Exponentials(logits, max);
        TensorPrimitives.ConvertChecked<float, double>(logits, weights);
    }

    /// <summary>A random number of this generation that a drafter may use, from a stream of its own.</summary>
    public double Uniform(RandomStream stream, int position, int counter) => Philox.Uniform(seed, stream, position, counter);

    /// <summary>Index of the largest element, the first of equal ones.</summary>
    internal static int ArgMax(ReadOnlySpan<float> logits)
    {
        var max = LargestLogits.Max(logits);
        var (first, largest) = (0, new Vector<float>(max));
        // Nothing else is as large, so whole vectors are skipped.
        while (first <= logits.Length - Vector<float>.Count && !Vector.EqualsAny(new Vector<float>(logits[first..]), largest))
            first += Vector<float>.Count;
        return Math.Max(first + logits[first..].IndexOf(max), 0);
    }

    /// <summary>
    /// One draw from softmax(z) in the order of <see cref="WeightedDraw"/>; where the largest logit is not finite, the first that equals
    /// it.
    /// </summary>
    internal static int Draw(Span<float> logits, double uniform)
    {
        var max = LargestLogits.Max(logits);
        if (!float.IsFinite(max)) return ArgMax(logits);
        Exponentials(logits, max);
        return WeightedDraw.Draw<float>(logits, uniform);
    }

    /// <summary>One draw by <paramref name="weights"/>, in the order of <see cref="WeightedDraw"/>.</summary>
    internal static int Draw(ReadOnlySpan<double> weights, double uniform) => WeightedDraw.Draw(weights, uniform);

    private static int? FirstAllowed(ReadOnlySpan<int> best, ReadOnlySpan<float> largest, ReadOnlySpan<ulong> mask)
    {
        if (mask.IsEmpty) return best[0];
        for (var i = 0; i < best.Length && !float.IsNegativeInfinity(largest[i]); i++)
        {
            if (TokenMask.Allows(mask, best[i])) return best[i];
        }
        return null;
    }

    private void Process(ReadOnlySpan<int> tokens, ref Candidates candidates)
    {
        ReplaceNaN(candidates.Logits);
        for (var i = 0; i < processors.Count; i++) processors[i].Apply(tokens, ref candidates);
    }

    /// <summary>
    /// The token that the rest of the chain and the draw give, found in what is left of a row; null where that is much.
    /// </summary>
    /// <param name="tokens">All tokens before it.</param>
    /// <param name="row">[vocabulary].</param>
    /// <param name="next">The first processor that is left.</param>
    private int? ChooseAmongLeft(ReadOnlySpan<int> tokens, ReadOnlySpan<float> row, int next)
    {
        Span<int> ids = stackalloc int[MostLeft];
        Span<float> logits = stackalloc float[MostLeft];
        var count = 0;
        for (var first = 0; first < row.Length; first += Vector<float>.Count)
        {
            var some = row[first..Math.Min(first + Vector<float>.Count, row.Length)];
            var isWhole = some.Length == Vector<float>.Count;
            if (isWhole && Vector.EqualsAll(new Vector<float>(some), new Vector<float>(float.NegativeInfinity))) continue;
            if (count + some.Length > MostLeft) return null;
            for (var i = 0; i < some.Length; i++)
            {
                if (some[i] == float.NegativeInfinity) continue;
                (ids[count], logits[count]) = (first + i, some[i]);
                count++;
            }
        }
        if (count == 0) return null;
        var padded = logits[..((count + VectorLength - 1) / VectorLength * VectorLength)];
        padded[count..].Fill(float.NegativeInfinity);
        var left = new Candidates(ids[..count], padded[..count], float.NegativeInfinity);
        for (var i = next; i < processors.Count; i++) processors[i].Apply(tokens, ref left);
        return ChooseAmong(left, padded, tokens.Length);
    }

    private static int NarrowsFrom(IReadOnlyList<LogitsProcessor> processors, bool greedy)
    {
        if (greedy) return int.MaxValue;
        var first = processors.TakeWhile(processor => !processor.CutsOff && !processor.NeedsAll).Count();
        return processors.Skip(first + 1).All(processor => processor.AllowsCandidates) ? first : int.MaxValue;
    }

    /// <param name="candidates">What the processors left.</param>
    /// <param name="logits">Their logits and the padding after them.</param>
    /// <param name="position">Of the token.</param>
    private int? ChooseAmong(in Candidates candidates, Span<float> logits, int position)
    {
        var max = LargestLogits.Max(logits);
        if (float.IsNegativeInfinity(max)) return null;
        if (greedy) return candidates.IsComplete || max > candidates.Bound ? candidates.Ids[ArgMax(logits)] : null;
        if (!candidates.IsComplete) return null;
        if (!float.IsFinite(max)) return candidates.Ids[ArgMax(logits)];
        Exponentials(logits, max);
        var uniform = Philox.Uniform(seed, RandomStream.Target, position);
        return candidates.Ids[WeightedDraw.Draw<float>(candidates.Ids, logits[..candidates.Ids.Length], uniform)];
    }

    /// <summary>exp(z - max) in place, and 0 below e^-87.</summary>
    /// <remarks>
    /// In whole vectors, the last few of a row as if it went on with -∞, and nothing out of the range that vectors compute themselves: see
    /// WeightedDraw.Exponentials.
    /// </remarks>
    private static void Exponentials(Span<float> logits, float max)
    {
        ref var first = ref MemoryMarshal.GetReference(logits);
        var whole = logits.Length / VectorLength * VectorLength;
        for (nuint i = 0; i < (nuint)whole; i += VectorLength)
            Exponential(Vector512.LoadUnsafe(ref first, i), max).StoreUnsafe(ref first, i);
        var rest = logits[whole..];
        if (rest.IsEmpty) return;
        Span<float> padded = stackalloc float[VectorLength];
        padded.Fill(float.NegativeInfinity);
        rest.CopyTo(padded);
        Exponential(Vector512.Create<float>(padded), max).CopyTo(padded);
        padded[..rest.Length].CopyTo(rest);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Exponential(Vector512<float> logits, float max)
    {
        var (shift, least) = (logits - Vector512.Create(max), Vector512.Create(-87f));
        return Vector512.AndNot(Vector512.Exp(Vector512.MaxNative(shift, least)), Vector512.LessThan(shift, least));
    }

    private static void ReplaceNaN(Span<float> logits)
    {
        if (!float.IsNaN(LargestLogits.Max(logits))) return;      // it is where any element is
        for (var i = 0; i < logits.Length; i++)
        {
            if (float.IsNaN(logits[i])) logits[i] = float.NegativeInfinity;
        }
    }
}
