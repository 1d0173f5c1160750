using System.Numerics;

namespace Coppice.Constraints.Masks;

/// <summary>
/// A mask as it is kept: its ids where there are few, else its words, or words that other masks share and a few ids more.
/// </summary>
internal sealed class CachedMask
{
    private readonly int[] _tokens = [];
    private readonly ulong[]? _words;

    /// <summary>The tokens of <paramref name="words"/>, and those of <paramref name="shared"/> where that is not null.</summary>
    public CachedMask(ReadOnlySpan<ulong> words, MaskWords? shared = null)
    {
        var more = 0;
        for (var i = 0; i < words.Length; i++) more += BitOperations.PopCount(shared is null ? words[i] : words[i] & ~shared.Words[i]);
        Count = more + (shared?.Count ?? 0);
        if (more > words.Length)
        {
            _words = words.ToArray();
            for (var i = 0; shared is not null && i < words.Length; i++) _words[i] |= shared.Words[i];
            Bytes = 64 + (8L * words.Length);
            return;
        }
        _words = shared?.Words;
        _tokens = new int[more];
        Bytes = 64 + (4L * more);
        var next = 0;
        for (var i = 0; i < words.Length; i++)
            for (var word = shared is null ? words[i] : words[i] & ~shared.Words[i]; word != 0; word &= word - 1)
                _tokens[next++] = (i << 6) + BitOperations.TrailingZeroCount(word);
    }

    /// <summary>Tokens in it.</summary>
    public int Count { get; }

    /// <summary>Memory that it takes, about; what is shared not among it.</summary>
    public long Bytes { get; }

    /// <summary>The only token where there is one, else -1.</summary>
    public int Only
    {
        get
        {
            if (Count != 1) return -1;
            if (_tokens.Length == 1) return _tokens[0];
            var i = Array.FindIndex(_words!, word => word != 0);
            return (i << 6) + BitOperations.TrailingZeroCount(_words![i]);
        }
    }

    public void CopyTo(Span<ulong> mask)
    {
        if (_words is null)
        {
            mask.Clear();
        }
        else
        {
            _words.CopyTo(mask);
            mask[_words.Length..].Clear();
        }
        foreach (var token in _tokens) mask[token >> 6] |= 1UL << token;
    }

    /// <summary>Whether <paramref name="token"/> is in it.</summary>
    public bool Has(int token) =>
        (_words is not null && ((_words[token >> 6] >> token) & 1) != 0) || Array.BinarySearch(_tokens, token) >= 0;
}
