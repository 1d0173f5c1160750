using Coppice.Constraints.Languages;

namespace Coppice.Constraints.Grammars;

/// <summary>The right side of a rule.</summary>
internal abstract record GrammarExpression
{
    /// <summary>One character of a set.</summary>
    public sealed record Characters(CharSet Set) : GrammarExpression;

    /// <summary>A rule by its name.</summary>
    public sealed record Rule(string Name) : GrammarExpression;

    /// <summary>One token of some ids, or any other than those.</summary>
    public sealed record Token(int[] Ids, bool IsNegated) : GrammarExpression;

    /// <summary>One after another; none is the empty text.</summary>
    public sealed record Sequence(IReadOnlyList<GrammarExpression> Parts) : GrammarExpression;

    /// <summary>One of several.</summary>
    public sealed record Either(IReadOnlyList<GrammarExpression> Parts) : GrammarExpression;

    /// <summary>Some times over.</summary>
    public sealed record Repeat(GrammarExpression Part, int Least, int Most) : GrammarExpression;

    /// <summary>Exactly <paramref name="text"/>, or in any case.</summary>
    public static GrammarExpression Literal(string text, bool ignoreCase = false) => new Sequence([.. text.EnumerateRunes().Select(rune =>
    {
        var set = new CharSet(rune.Value, rune.Value);
        return new Characters(ignoreCase ? set.IgnoringCase() : set);
    })]);

    /// <summary>A pattern without anchors and look-around.</summary>
    public static GrammarExpression Of(Pattern pattern) => pattern switch
    {
        Pattern.Characters characters => new Characters(characters.Set),
        Pattern.Sequence sequence => new Sequence([.. sequence.Parts.Select(Of)]),
        Pattern.Either either => new Either([.. either.Parts.Select(Of)]),
        Pattern.Repeat repeat => new Repeat(Of(repeat.Part), repeat.Least, repeat.Most),
        _ => throw new ConstraintException("grammar: a pattern in a grammar must not hold anchors or look-around, found one that does."),
    };
}
