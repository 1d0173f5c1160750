namespace Coppice.Text.Patterns;

/// <summary>The characters that a part of a pattern can begin with; nullable if it may consume nothing.</summary>
internal readonly record struct FirstSet(ulong Low, ulong High, bool Beyond, bool Nullable)
{
    /// <summary>Whether a match may begin with this character.</summary>
    public bool Allows(char letter) =>
        Nullable || (letter < 64 ? (Low >> letter & 1) != 0 : letter < 128 ? (High >> (letter - 64) & 1) != 0 : Beyond);

    public static FirstSet Of(PatternNode node)
    {
        switch (node)
        {
            case PatternNode.One one:
                return new FirstSet(one.Set.Ascii.Low, one.Set.Ascii.High, Beyond: true, Nullable: false);
            case PatternNode.Choice choice:
                return choice.Alternatives.Select(Of).Aggregate((left, right) => left.Or(right, left.Nullable || right.Nullable));
            case PatternNode.Repeat repeat:
                var part = Of(repeat.Part);
                return part with { Nullable = part.Nullable || repeat.Least == 0 };
            case PatternNode.Atomic atomic:
                return Of(atomic.Part);
            case PatternNode.Chain chain:
                var first = new FirstSet(0, 0, Beyond: false, Nullable: true);
                foreach (var link in chain.Parts)
                {
                    if (!first.Nullable) break;
                    var next = Of(link);
                    first = first.Or(next, next.Nullable);
                }
                return first;
            default:
                return new FirstSet(0, 0, Beyond: false, Nullable: true);
        }
    }

    private FirstSet Or(FirstSet other, bool nullable) => new(Low | other.Low, High | other.High, Beyond || other.Beyond, nullable);
}
