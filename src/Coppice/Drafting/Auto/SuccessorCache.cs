using System.Runtime.InteropServices;

namespace Coppice.Drafting;

/// <summary>
/// For contexts of one or two tokens, the tokens that the target held most likely after them when it last saw them, with their
/// probabilities.
/// </summary>
/// <remarks>
/// Token Recycling (Luo et al. 2024, section 3.1) keeps such rows for one token and without probabilities. A table of fixed size: contexts
/// that share a slot displace each other. Probabilities are the softmax over the row alone, in steps of 1/255. What belongs to a slot lies
/// together: a context costs one line or two of the processor's cache. Nothing is allocated after construction.
/// </remarks>
internal sealed class SuccessorCache
{
    private const int KeyWords = 2;

    private readonly int[] _slots;  // of each: the key, 0 for none, the tokens, their probabilities as bytes
    private readonly int _bits, _stride;

    /// <summary>2^<paramref name="bits"/> rows of <paramref name="width"/> tokens, a multiple of 4.</summary>
    public SuccessorCache(int bits, int width)
    {
        (_bits, Width, _stride) = (bits, width, KeyWords + width + width / sizeof(int));
        _slots = new int[(long)_stride << bits];
    }

    /// <summary>Tokens of a row.</summary>
    public int Width { get; }

    /// <summary>The context of one token.</summary>
    public static ulong Key(int token) => (1ul << 63) | (uint)token;

    /// <summary>The context of two tokens.</summary>
    public static ulong Key(int before, int token) => (((ulong)(uint)before << 32) | (uint)token) + 1;

    /// <summary>Forgets all rows.</summary>
    public void Clear() => _slots.AsSpan().Clear();

    /// <summary>Stores a row.</summary>
    /// <param name="key">The context.</param>
    /// <param name="tokens">At least <see cref="Width"/> tokens, the most likely first.</param>
    /// <param name="logits">Their logits.</param>
    public void Set(ulong key, ReadOnlySpan<int> tokens, ReadOnlySpan<float> logits)
    {
        var slot = Slot(key);
        MemoryMarshal.Write(MemoryMarshal.AsBytes(slot), key);
        tokens[..Width].CopyTo(Tokens(slot));
        var probabilities = Probabilities(slot);
        var sum = 0f;
        for (var i = 0; i < Width; i++) sum += MathF.Exp(logits[i] - logits[0]);
        for (var i = 0; i < Width; i++) probabilities[i] = (byte)(255 * MathF.Exp(logits[i] - logits[0]) / sum);
    }

    /// <summary>Finds a row: its tokens and 255 times their probabilities.</summary>
    public bool TryGet(ulong key, out ReadOnlySpan<int> tokens, out ReadOnlySpan<byte> probabilities)
    {
        var slot = Slot(key);
        tokens = Tokens(slot);
        probabilities = Probabilities(slot);
        return MemoryMarshal.Read<ulong>(MemoryMarshal.AsBytes(slot)) == key;
    }

    private Span<int> Slot(ulong key) => _slots.AsSpan((int)(key * 0x9E3779B97F4A7C15 >> (64 - _bits)) * _stride, _stride);

    private Span<int> Tokens(Span<int> slot) => slot.Slice(KeyWords, Width);

    private Span<byte> Probabilities(Span<int> slot) => MemoryMarshal.AsBytes(slot[(KeyWords + Width)..]);
}
