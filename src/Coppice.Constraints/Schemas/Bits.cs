using System.Numerics;

namespace Coppice.Constraints.Schemas;

/// <summary>A set of small numbers that never changes.</summary>
internal readonly struct Bits : IEquatable<Bits>
{
    private readonly ulong[]? _words;

    private Bits(ulong[] words) => _words = words;

    /// <summary>The numbers below <paramref name="count"/>.</summary>
    public static Bits Below(int count)
    {
        var words = new ulong[(count + 63) / 64];
        for (var i = 0; i < count; i++) words[i >> 6] |= 1UL << i;
        return new Bits(words);
    }

    public bool IsEmpty => Count == 0;

    public int Count
    {
        get
        {
            var count = 0;
            foreach (var word in _words ?? []) count += BitOperations.PopCount(word);
            return count;
        }
    }

    public bool Has(int index) => _words is not null && (index >> 6) < _words.Length && ((_words[index >> 6] >> index) & 1) != 0;

    public Bits With(int index)
    {
        if (Has(index)) return this;
        var words = new ulong[Math.Max(_words?.Length ?? 0, (index >> 6) + 1)];
        _words?.CopyTo(words, 0);
        words[index >> 6] |= 1UL << index;
        return new Bits(words);
    }

    public Bits Without(int index)
    {
        if (!Has(index)) return this;
        var words = (ulong[])_words!.Clone();
        words[index >> 6] &= ~(1UL << index);
        return new Bits(words);
    }

    public bool Equals(Bits other)
    {
        var (a, b) = (_words ?? [], other._words ?? []);
        for (var i = 0; i < Math.Max(a.Length, b.Length); i++)
            if ((i < a.Length ? a[i] : 0) != (i < b.Length ? b[i] : 0)) return false;
        return true;
    }

    public override bool Equals(object? obj) => obj is Bits other && Equals(other);

    public override int GetHashCode()
    {
        var hash = 17UL;
        for (var i = 0; i < (_words?.Length ?? 0); i++)
            if (_words![i] != 0) hash = (hash * 0x9E3779B97F4A7C15) ^ (_words[i] + (ulong)i);
        return (int)(hash ^ (hash >> 32));
    }
}
