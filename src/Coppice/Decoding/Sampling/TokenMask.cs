using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Coppice.Decoding.Sampling;

/// <summary>Which tokens may be chosen, as bit words: bit i % 64 of word i / 64 is token i. No words at all: every token may.</summary>
internal static class TokenMask
{
    private const int WordBits = 64, Lanes = 8;

    /// <summary>Whether <paramref name="token"/> may be chosen.</summary>
    public static bool Allows(ReadOnlySpan<ulong> mask, int token) =>
        mask.IsEmpty || token / WordBits < mask.Length && ((mask[token / WordBits] >> token) & 1) != 0;

    /// <summary>Whether exactly one token may be chosen.</summary>
    public static bool AllowsOne(ReadOnlySpan<ulong> mask)
    {
        var count = 0;
        foreach (var word in mask) count += BitOperations.PopCount(word);
        return count == 1;
    }

    /// <summary>Sets the logits [vocabulary] of all other tokens to -∞.</summary>
    public static void Apply(ReadOnlySpan<ulong> mask, Span<float> logits)
    {
        if (mask.IsEmpty) return;
        for (var word = 0; word * WordBits < logits.Length; word++)
        {
            var block = logits.Slice(word * WordBits, Math.Min(WordBits, logits.Length - word * WordBits));
            var bits = word < mask.Length ? mask[word] : 0;
            if (bits == ulong.MaxValue) continue;
            if (bits == 0) block.Fill(float.NegativeInfinity);
            else Apply(bits, block);
        }
    }

    private static void Apply(ulong bits, Span<float> block)
    {
        var lanes = Vector256.Create(1, 2, 4, 8, 16, 32, 64, 128);
        var none = Vector256.Create(float.NegativeInfinity);
        ref var first = ref MemoryMarshal.GetReference(block);
        var i = 0;
        for (; i <= block.Length - Lanes; i += Lanes)
        {
            var isSet = Vector256.Equals(Vector256.Create((int)(bits >> i)) & lanes, lanes);
            var some = Vector256.LoadUnsafe(ref first, (nuint)i);
            Vector256.ConditionalSelect(isSet.AsSingle(), some, none).StoreUnsafe(ref first, (nuint)i);
        }
        for (; i < block.Length; i++)
        {
            if (((bits >> i) & 1) == 0) block[i] = float.NegativeInfinity;
        }
    }
}
