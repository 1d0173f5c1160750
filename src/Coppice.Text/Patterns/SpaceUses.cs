namespace Coppice.Text.Patterns;

/// <summary>Finds out what the matches of a pattern have to do with spaces.</summary>
internal static class SpaceUses
{
    /// <summary>
    /// The use of spaces of a pattern; what looks around, or may match nothing at all, counts as <see cref="SpaceUse.Some"/>.
    /// </summary>
    public static SpaceUse Of(PatternNode node) => FirstSet.Of(node).Nullable ? SpaceUse.Some : Within(node);

    private static SpaceUse Within(PatternNode node) => node switch
    {
        PatternNode.One one => !one.Set.Contains(' ') ? SpaceUse.None : one.Set.Listed(1) is not null ? SpaceUse.Only : SpaceUse.Some,
        PatternNode.Chain chain => Together(chain.Parts),
        PatternNode.Choice choice => Together(choice.Alternatives),
        PatternNode.Repeat repeat => Within(repeat.Part),
        PatternNode.Atomic atomic => Within(atomic.Part),
        _ => SpaceUse.Some,
    };

    private static SpaceUse Together(PatternNode[] parts)
    {
        if (parts.Length == 0) return SpaceUse.None;
        var first = Within(parts[0]);
        return Array.TrueForAll(parts, part => Within(part) == first) ? first : SpaceUse.Some;
    }
}
