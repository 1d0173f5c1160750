using System.Numerics;

namespace Coppice.Constraints.Masks;

/// <summary>A mask as it is kept: its ids where there are few, else its words.</summary>
internal sealed class CachedMask
{
    private readonly int[]? _tokens;
    private readonly ulong[]? _words;

    public CachedMask(ReadOnlySpan<ulong> words)
    {
        var count = 0;
        foreach (var word in words) count += BitOperations.PopCount(word);
        Count = count;
        if (count > words.Length)
        {
            _words = words.ToArray();
            return;
        }
        _tokens = new int[count];
        var next = 0;
        for (var i = 0; i < words.Length; i++)
            for (var word = words[i]; word != 0; word &= word - 1) _tokens[next++] = (i << 6) + BitOperations.TrailingZeroCount(word);
    }

    /// <summary>Tokens in it.</summary>
    public int Count { get; }

    /// <summary>Memory that it takes, about.</summary>
    public long Bytes => 64 + ((_tokens?.Length ?? 0) * 4L) + ((_words?.Length ?? 0) * 8L);

    /// <summary>The only token where there is one, else -1.</summary>
    public int Only => Count != 1 ? -1 : _tokens is not null ? _tokens[0] : Array.FindIndex(_words!, word => word != 0) is var i ? (i << 6) + BitOperations.TrailingZeroCount(_words![i]) : -1;

    public void CopyTo(Span<ulong> mask)
    {
        if (_words is not null)
        {
            _words.CopyTo(mask);
            mask[_words.Length..].Clear();
            return;
        }
        mask.Clear();
        foreach (var token in _tokens!) mask[token >> 6] |= 1UL << token;
    }

    /// <summary>Whether <paramref name="token"/> is in it.</summary>
    public bool Has(int token) => _words is not null ? ((_words[token >> 6] >> token) & 1) != 0 : Array.BinarySearch(_tokens!, token) >= 0;
}
