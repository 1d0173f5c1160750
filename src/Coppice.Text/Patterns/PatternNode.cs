
namespace Coppice.Text.Patterns;

/// <summary>A regular expression as a tree.</summary>
internal abstract record PatternNode
{
    /// <summary>One code point of a set.</summary>
    public sealed record One(CharacterSet Set) : PatternNode;

    /// <summary>Parts one after the other; none is the empty expression.</summary>
    public sealed record Chain(PatternNode[] Parts) : PatternNode;

    /// <summary>The first alternative that leads to a match.</summary>
    public sealed record Choice(PatternNode[] Alternatives) : PatternNode;

    /// <summary>A part from <paramref name="Least"/> to <paramref name="Most"/> times; null means without limit.</summary>
    public sealed record Repeat(PatternNode Part, int Least, int? Most, Greed Greed) : PatternNode;

    /// <summary>Part whose first match stands.</summary>
    public sealed record Atomic(PatternNode Part) : PatternNode;

    /// <summary>What must (or must not) come next or before.</summary>
    public sealed record Look(PatternNode Part, bool Behind, bool Negated) : PatternNode;

    /// <summary>A place such as the start of a line.</summary>
    public sealed record At(Place Place) : PatternNode;
}
