using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Coppice.Decoding.Sampling;

/// <summary>
/// Draws a token by weights, and sums them: for all ids of a vocabulary, or for some ids as if all others had weight 0, with equal bits.
/// </summary>
/// <remarks>
/// The order of additions is fixed, in double, and does not depend on the machine. Ids are in blocks of 512. In a block, sixteen sums take
/// the weights of the ids that are equal modulo 16, ascending; they are added as ((s0 + s4) + (s8 + s12)) and so on, then ((t0 + t1) + (t2
/// + t3)). The sums of blocks are added in order. A weight of 0 changes no sum, which is why it may be left out. A draw is the inverse of
/// the cumulative distribution over ascending ids: the first block whose cumulative sum exceeds uniform · total, and in it the first id
/// whose cumulative weight, added one by one, does.
/// </remarks>
internal static class WeightedDraw
{
    /// <summary>Ids of a block.</summary>
    public const int BlockLength = 512;
    private const int Lanes = 16;

    /// <summary>The id drawn by <paramref name="uniform"/> in [0, 1); 0 if no weight is above 0.</summary>
    /// <param name="weights">[vocabulary], float or double, at least 0.</param>
    /// <param name="uniform">The random number.</param>
    public static int Draw<T>(ReadOnlySpan<T> weights, double uniform) where T : unmanaged
    {
        var count = (weights.Length + BlockLength - 1) / BlockLength;
        var sums = ArrayPool<double>.Shared.Rent(count);
        var total = 0.0;
        for (var block = 0; block < count; block++) total += sums[block] = BlockSum(Block(weights, block));
        var search = new Search(uniform * total);
        for (var block = 0; block < count && !search.Found; block++) search.Add(sums[block], block);
        ArrayPool<double>.Shared.Return(sums);
        return search.Last * BlockLength + search.Within(Block(weights, search.Last));
    }

    /// <summary>The index of the id that <see cref="Draw{T}(ReadOnlySpan{T}, double)"/> draws where all other ids have weight 0.</summary>
    /// <param name="ids">Ascending, at least one.</param>
    /// <param name="weights">Theirs.</param>
    /// <param name="uniform">The random number.</param>
    public static int Draw<T>(ReadOnlySpan<int> ids, ReadOnlySpan<T> weights, double uniform) where T : unmanaged
    {
        var search = new Search(uniform * Total(ids, weights));
        var end = 0;
        var (first, last) = (0, 0);
        while (end < ids.Length && !search.Found)
        {
            var start = end;
            end = BlockEnd(ids, start);
            if (search.Add(BlockSum(ids[start..end], weights[start..end]), 0)) (first, last) = (start, end);
        }
        return first + search.Within(weights[first..last]);
    }

    /// <summary>The sum of the weights [vocabulary].</summary>
    public static double Total(ReadOnlySpan<double> weights)
    {
        var total = 0.0;
        for (var first = 0; first < weights.Length; first += BlockLength)
            total += BlockSum(weights.Slice(first, Math.Min(BlockLength, weights.Length - first)));
        return total;
    }

    /// <summary>The sum of the weights.</summary>
    /// <param name="ids">Ascending.</param>
    /// <param name="weights">Theirs.</param>
    public static double Total<T>(ReadOnlySpan<int> ids, ReadOnlySpan<T> weights) where T : unmanaged
    {
        var total = 0.0;
        for (int start = 0, end; start < ids.Length; start = end)
        {
            end = BlockEnd(ids, start);
            total += BlockSum(ids[start..end], weights[start..end]);
        }
        return total;
    }

    /// <summary>
    /// The sum of the weights of a block, which begins at a multiple of <see cref="BlockLength"/> and may be cut short by the end of the
    /// vocabulary.
    /// </summary>
    public static double BlockSum<T>(ReadOnlySpan<T> block) where T : unmanaged
    {
        if (block.Length % Lanes != 0)
        {
            Span<T> padded = stackalloc T[BlockLength];
            padded = padded[..((block.Length + Lanes - 1) / Lanes * Lanes)];
            padded.Clear();
            block.CopyTo(padded);
            return WholeSum<T>(padded);
        }
        return WholeSum(block);
    }

    /// <summary>Σ exp(z - max) in this order, so that tokens that are banned and tokens that are not here are the same.</summary>
    /// <param name="logits">[vocabulary], not NaN.</param>
    /// <param name="max">The largest, finite.</param>
    public static double Mass(ReadOnlySpan<float> logits, float max)
    {
        Span<double> weights = stackalloc double[BlockLength];
        var sum = 0.0;
        for (var first = 0; first < logits.Length; first += BlockLength)
        {
            var block = logits.Slice(first, Math.Min(BlockLength, logits.Length - first));
            if (LargestLogits.Max(block) == float.NegativeInfinity) continue;
            Exponentials(block, max, weights);
            sum += BlockSum<double>(weights);
        }
        return sum;
    }

    /// <summary>exp(z - max), and 0 for what the logits are short of and below e^-700.</summary>
    /// <param name="logits">Not NaN.</param>
    /// <param name="max">The largest, finite.</param>
    /// <param name="weights">At least as long, a multiple of 16.</param>
    /// <remarks>
    /// In whole vectors, and nothing out of the range that vectors compute themselves: the runtime computes a vector with an element beyond
    /// it element by element, which differs in the last bit, so neighbours of a banned token would depend on where a buffer lies.
    /// </remarks>
    public static void Exponentials(ReadOnlySpan<float> logits, float max, Span<double> weights)
    {
        ref var target = ref MemoryMarshal.GetReference(weights);
        var whole = logits.Length / Lanes * Lanes;
        for (var i = 0; i < whole; i += Lanes) Exponentials(Vector512.Create(logits.Slice(i, Lanes)), max, ref target, (nuint)i);
        if (whole < logits.Length)
        {
            Span<float> rest = stackalloc float[Lanes];
            rest.Fill(float.NegativeInfinity);
            logits[whole..].CopyTo(rest);
            Exponentials(Vector512.Create<float>(rest), max, ref target, (nuint)whole);
            whole += Lanes;
        }
        weights[whole..].Clear();
    }

    /// <summary>exp(shift), and 0 below e^-700.</summary>
    /// <param name="shift">Not NaN, not above 0.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<double> Exponential(Vector512<double> shift)
    {
        var least = Vector512.Create(-700.0);
        return Vector512.AndNot(Vector512.Exp(Vector512.MaxNative(shift, least)), Vector512.LessThan(shift, least));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Exponentials(Vector512<float> logits, float max, ref double target, nuint i)
    {
        var (lower, upper) = Vector512.Widen(logits);
        var shift = Vector512.Create((double)max);
        Exponential(lower - shift).StoreUnsafe(ref target, i);
        Exponential(upper - shift).StoreUnsafe(ref target, i + Lanes / 2);
    }

    private static double WholeSum<T>(ReadOnlySpan<T> block) where T : unmanaged
    {
        Vector256<double> s0 = default, s4 = default, s8 = default, s12 = default;
        ref var first = ref MemoryMarshal.GetReference(block);
        for (nuint i = 0; i < (nuint)block.Length; i += Lanes)
        {
            Load(ref first, i, out var lower, out var upper);
            s0 += lower;
            s4 += upper;
            Load(ref first, i + Lanes / 2, out lower, out upper);
            s8 += lower;
            s12 += upper;
        }
        var t = s0 + s4 + (s8 + s12);
        return t[0] + t[1] + (t[2] + t[3]);
    }

    private static double BlockSum<T>(ReadOnlySpan<int> ids, ReadOnlySpan<T> weights) where T : unmanaged
    {
        Span<double> s = stackalloc double[Lanes];
        s.Clear();
        for (var i = 0; i < ids.Length; i++) s[ids[i] % Lanes] += Value(weights[i]);
        for (var lane = 0; lane < 4; lane++) s[lane] = s[lane] + s[lane + 4] + (s[lane + 8] + s[lane + 12]);
        return s[0] + s[1] + (s[2] + s[3]);
    }

    /// <summary>Eight weights as doubles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Load<T>(ref T first, nuint index, out Vector256<double> lower, out Vector256<double> upper) where T : unmanaged
    {
        if (typeof(T) == typeof(double))
        {
            lower = Vector256.LoadUnsafe(ref Unsafe.As<T, double>(ref first), index);
            upper = Vector256.LoadUnsafe(ref Unsafe.As<T, double>(ref first), index + 4);
            return;
        }
        (lower, upper) = Vector256.Widen(Vector256.LoadUnsafe(ref Unsafe.As<T, float>(ref first), index));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double Value<T>(T weight) where T : unmanaged =>
        typeof(T) == typeof(double) ? Unsafe.BitCast<T, double>(weight) : Unsafe.BitCast<T, float>(weight);

    private static ReadOnlySpan<T> Block<T>(ReadOnlySpan<T> weights, int block) =>
        weights.Slice(block * BlockLength, Math.Min(BlockLength, weights.Length - block * BlockLength));

    private static int BlockEnd(ReadOnlySpan<int> ids, int start)
    {
        var end = start + 1;
        while (end < ids.Length && ids[end] / BlockLength == ids[start] / BlockLength) end++;
        return end;
    }

    /// <summary>
    /// Looks for where the cumulative sum exceeds <paramref name="target"/>; where rounding lets none, it is the last with a weight above
    /// 0.
    /// </summary>
    private ref struct Search(double target)
    {
        private double _sum, _before;

        /// <summary>The last block that was added with a weight above 0.</summary>
        public int Last { get; private set; }
        public readonly bool Found => _sum > target;

        /// <summary>Adds the next block; whether it has a weight above 0.</summary>
        public bool Add(double sum, int block)
        {
            if (sum == 0) return false;
            Last = block;
            _before = _sum;
            _sum += sum;
            return true;
        }

        /// <summary>The index in the last block.</summary>
        public readonly int Within<T>(ReadOnlySpan<T> weights) where T : unmanaged
        {
            var (sum, last) = (_before, 0);
            for (var i = 0; i < weights.Length && !(sum > target); i++)
            {
                if (Value(weights[i]) == 0) continue;
                last = i;
                sum += Value(weights[i]);
            }
            return last;
        }
    }
}
