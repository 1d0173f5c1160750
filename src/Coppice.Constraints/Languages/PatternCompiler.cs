namespace Coppice.Constraints.Languages;

/// <summary>
/// Turns patterns into regular expressions. A pattern is compiled together with what comes after it, from right to left: then "$" means
/// that nothing comes, and a look-ahead is an intersection with the rest of the text.
/// </summary>
internal sealed class PatternCompiler(RegexAlgebra algebra)
{
    private const int MostUnrolled = 16;

    /// <summary>All texts in which <paramref name="pattern"/> is found: what "pattern" in a schema means.</summary>
    public RegexNode Search(Pattern pattern)
    {
        var later = Build(pattern, algebra.Anything, atStart: false);
        if (!pattern.HasStart) return algebra.Sequence(algebra.Anything, later);
        var first = Build(pattern, algebra.Anything, atStart: true);
        return algebra.Either(first, algebra.Sequence(algebra.Repeat(algebra.AnyCharacter, 1, int.MaxValue), later));
    }

    /// <summary>All texts that <paramref name="pattern"/> matches from the first character to the last.</summary>
    public RegexNode Whole(Pattern pattern) => Build(pattern, algebra.Empty, atStart: true);

    /// <summary>Texts that begin with a match and go on as <paramref name="rest"/> says.</summary>
    private RegexNode Build(Pattern pattern, RegexNode rest, bool atStart)
    {
        switch (pattern)
        {
            case Pattern.Characters characters: return algebra.Sequence(algebra.Characters(characters.Set), rest);
            case Pattern.Sequence sequence: return Sequence(sequence.Parts, 0, rest, atStart);
            case Pattern.Either either: return algebra.Either([.. either.Parts.Select(part => Build(part, rest, atStart))]);
            case Pattern.Start: return atStart ? rest : algebra.Nothing;
            case Pattern.End: return rest.HoldsEmpty ? algebra.Empty : algebra.Nothing;
            case Pattern.Ahead ahead:
                var inner = Build(ahead.Part, algebra.Anything, atStart);
                return algebra.Both(ahead.Negative ? algebra.Complement(inner) : inner, rest);
            case Pattern.Repeat repeat: return Repeat(repeat, rest, atStart);
            default: throw new InvalidOperationException($"pattern of an unknown kind {pattern.GetType().Name}");
        }
    }

    private RegexNode Sequence(IReadOnlyList<Pattern> parts, int index, RegexNode rest, bool atStart)
    {
        // A tail without "^" is compiled in a loop: patterns of thousands of characters must not nest as deep.
        if (index == parts.Count) return rest;
        var end = index + 1;
        for (var i = index + 1; i < parts.Count; i++)
            if (parts[i].HasStart) end = i + 1;
        for (var i = parts.Count - 1; i >= end; i--) rest = Build(parts[i], rest, atStart: false);
        return Sequence(parts, index, end, rest, atStart);
    }

    private RegexNode Sequence(IReadOnlyList<Pattern> parts, int index, int end, RegexNode rest, bool atStart)
    {
        if (index == end) return rest;
        var part = parts[index];
        if (part.IsZeroWidth) return Build(part, Sequence(parts, index + 1, end, rest, atStart), atStart);
        var taken = Build(part, Sequence(parts, index + 1, end, rest, atStart: false), atStart);
        return atStart && part.MayBeEmpty ? algebra.Either(taken, Sequence(parts, index + 1, end, rest, atStart: true)) : taken;
    }

    private RegexNode Repeat(Pattern.Repeat repeat, RegexNode rest, bool atStart)
    {
        if (!repeat.HasAssertion)
            return algebra.Sequence(algebra.Repeat(Build(repeat.Part, algebra.Empty, atStart: false), repeat.Least, repeat.Most), rest);
        if (repeat.IsZeroWidth) return repeat.Least == 0 ? rest : Build(repeat.Part, rest, atStart);
        if (Tempered(repeat, rest) is { } tempered) return tempered;
        if (repeat.Most > MostUnrolled)
            throw new ConstraintException("regex: a repeated group must not hold anchors or look-around, found one that does.");
        var result = rest;
        for (var copy = repeat.Most; copy > 0; copy--)
        {
            var taken = Build(repeat.Part, result, atStart && copy == 1);
            result = copy > repeat.Least ? algebra.Either(rest, taken) : taken;
        }
        return result;
    }

    /// <summary>((?!a)x)* up to the end of the text: x over and over, and nowhere a.</summary>
    private RegexNode? Tempered(Pattern.Repeat repeat, RegexNode rest)
    {
        if (rest != algebra.Empty || repeat.Least > 1 || repeat.Most != int.MaxValue) return null;
        if (repeat.Part is not Pattern.Sequence { Parts: [Pattern.Ahead { Negative: true } ahead, ..] parts }) return null;
        var body = parts.Skip(1).ToArray();
        if (body.Any(part => part.HasAssertion) || ahead.Part.MayBeEmpty) return null;
        var forbidden = algebra.Sequence(algebra.Anything, Build(ahead.Part, algebra.Anything, atStart: false));
        var plain = algebra.Repeat(Sequence(body, 0, algebra.Empty, atStart: false), repeat.Least, int.MaxValue);
        return algebra.Both(plain, algebra.Complement(forbidden));
    }
}
