namespace Coppice.Text.Patterns;

/// <summary>The characters that a part of a pattern can begin with; nullable if it may consume nothing.</summary>
internal readonly record struct FirstSet(CharacterSet[] Sets, bool Nullable)
{
    private const int MostSets = 64;    // beyond which any character may begin a match

    /// <summary>The bits of the ASCII characters.</summary>
    public (ulong Low, ulong High) Ascii => Sets.Aggregate((Low: 0ul, High: 0ul),
        (bits, set) => (bits.Low | set.Ascii.Low, bits.High | set.Ascii.High));

    /// <summary>Whether a match may begin with this character, half of a surrogate pair or not.</summary>
    public bool Allows(char letter)
    {
        if (Nullable || char.IsSurrogate(letter)) return true;
        foreach (var set in Sets)
            if (set.Contains(letter)) return true;
        return false;
    }

    /// <summary>
    /// The characters that a match may begin with where they are few and none of them is beyond the first plane, else null.
    /// </summary>
    public char[]? Few()
    {
        const int most = 32;
        if (Nullable) return null;
        var letters = new List<char>();
        foreach (var set in Sets)
        {
            if (set.Listed(most) is not { } listed) return null;
            letters.AddRange(listed);
        }
        return letters.Count <= most ? [.. letters.Distinct()] : null;
    }

    public static FirstSet Of(PatternNode node)
    {
        switch (node)
        {
            case PatternNode.One one:
                return new FirstSet([one.Set], Nullable: false);
            case PatternNode.Choice choice:
                return choice.Alternatives.Select(Of).Aggregate((left, right) => left.Or(right, left.Nullable || right.Nullable));
            case PatternNode.Repeat repeat:
                var part = Of(repeat.Part);
                return part with { Nullable = part.Nullable || repeat.Least == 0 };
            case PatternNode.Atomic atomic:
                return Of(atomic.Part);
            case PatternNode.Chain chain:
                var first = new FirstSet([], Nullable: true);
                foreach (var link in chain.Parts)
                {
                    if (!first.Nullable) break;
                    var next = Of(link);
                    first = first.Or(next, next.Nullable);
                }
                return first;
            default:
                return new FirstSet([], Nullable: true);
        }
    }

    private FirstSet Or(FirstSet other, bool nullable) =>
        new(Sets.Length + other.Sets.Length > MostSets ? [CharacterSet.All] : [.. Sets, .. other.Sets], nullable);
}
