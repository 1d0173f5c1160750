namespace Coppice.Drafting;

/// <summary>
/// For contexts of one or two tokens, the tokens that the target held most likely after them when it last saw them, with their
/// probabilities.
/// </summary>
/// <remarks>
/// Token Recycling (Luo et al. 2024, section 3.1) keeps such rows for one token and without probabilities. A table of fixed size: contexts
/// that share a slot displace each other. Probabilities are the softmax over the row alone, in steps of 1/255. Nothing is allocated after
/// construction.
/// </remarks>
internal sealed class SuccessorCache
{
    private readonly ulong[] _keys;     // 0: empty
    private readonly int[] _tokens;
    private readonly byte[] _probabilities;
    private readonly int _bits;

    /// <summary>2^<paramref name="bits"/> rows of <paramref name="width"/> tokens.</summary>
    public SuccessorCache(int bits, int width)
    {
        (_bits, Width) = (bits, width);
        _keys = new ulong[1 << bits];
        _tokens = new int[(long)width << bits];
        _probabilities = new byte[(long)width << bits];
    }

    /// <summary>Tokens of a row.</summary>
    public int Width { get; }

    /// <summary>The context of one token.</summary>
    public static ulong Key(int token) => (1ul << 63) | (uint)token;

    /// <summary>The context of two tokens.</summary>
    public static ulong Key(int before, int token) => (((ulong)(uint)before << 32) | (uint)token) + 1;

    /// <summary>Forgets all rows.</summary>
    public void Clear() => _keys.AsSpan().Clear();

    /// <summary>Stores a row.</summary>
    /// <param name="key">The context.</param>
    /// <param name="tokens">At least <see cref="Width"/> tokens, the most likely first.</param>
    /// <param name="logits">Their logits.</param>
    public void Set(ulong key, ReadOnlySpan<int> tokens, ReadOnlySpan<float> logits)
    {
        var slot = Slot(key);
        _keys[slot] = key;
        tokens[..Width].CopyTo(_tokens.AsSpan(slot * Width));
        var sum = 0f;
        for (var i = 0; i < Width; i++) sum += MathF.Exp(logits[i] - logits[0]);
        for (var i = 0; i < Width; i++) _probabilities[slot * Width + i] = (byte)(255 * MathF.Exp(logits[i] - logits[0]) / sum);
    }

    /// <summary>Finds a row: its tokens and 255 times their probabilities.</summary>
    public bool TryGet(ulong key, out ReadOnlySpan<int> tokens, out ReadOnlySpan<byte> probabilities)
    {
        var slot = Slot(key);
        tokens = _tokens.AsSpan(slot * Width, Width);
        probabilities = _probabilities.AsSpan(slot * Width, Width);
        return _keys[slot] == key;
    }

    private int Slot(ulong key) => (int)(key * 0x9E3779B97F4A7C15 >> (64 - _bits));
}
