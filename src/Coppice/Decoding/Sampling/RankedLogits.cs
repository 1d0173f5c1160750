using System.Buffers;
using System.Numerics;

namespace Coppice.Decoding.Sampling;

/// <summary>The tokens whose logits are at least some floor, largest logit first, equal ones by ascending id.</summary>
/// <remarks>Each is one 64-bit key that sorts without a comparer: the logit's order in the upper half, the id in the lower. Memory comes
/// from the shared array pool.</remarks>
internal readonly ref struct RankedLogits
{
    private readonly ulong[] _keys;
    private readonly int _count;

    private RankedLogits(ulong[] keys, int count) => (_keys, _count) = (keys, count);

    /// <summary>Tokens in all.</summary>
    public int Count => _count;

    /// <summary>Ranks what is at least <paramref name="floor"/> and above -∞.</summary>
    public static RankedLogits AtLeast(ReadOnlySpan<float> logits, float floor)
    {
        var keys = ArrayPool<ulong>.Shared.Rent(logits.Length);
        var count = 0;
        for (var first = 0; first < logits.Length; first += Vector<float>.Count)
        {
            var some = logits[first..Math.Min(first + Vector<float>.Count, logits.Length)];
            // Few are, so whole vectors of the others are skipped.
            if (some.Length == Vector<float>.Count && Vector.LessThanAll(new Vector<float>(some), new Vector<float>(floor))) continue;
            for (var i = 0; i < some.Length; i++)
            {
                if (some[i] >= floor && some[i] > float.NegativeInfinity) keys[count++] = Key(some[i], first + i);
            }
        }
        keys.AsSpan(0, count).Sort();
        return new RankedLogits(keys, count);
    }

    /// <summary>The token at <paramref name="rank"/>, 0 the largest.</summary>
    public int Id(int rank) => (int)(uint)_keys[rank];

    /// <summary>Returns the memory.</summary>
    public void Dispose() => ArrayPool<ulong>.Shared.Return(_keys);

    /// <summary>Ascending keys are descending logits, then ascending ids. Both zeros are one logit.</summary>
    public static ulong Key(float logit, int id)
    {
        var bits = BitConverter.SingleToInt32Bits(logit + 0f);
        var ascending = (uint)(bits < 0 ? ~bits : bits | int.MinValue);
        return ((ulong)~ascending << 32) | (uint)id;
    }
}
