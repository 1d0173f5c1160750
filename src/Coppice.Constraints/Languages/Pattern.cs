namespace Coppice.Constraints.Languages;

/// <summary>A pattern as it is written, before anchors and look-around become part of a <see cref="RegexNode"/>.</summary>
internal abstract record Pattern
{
    /// <summary>Whether it holds "^".</summary>
    public virtual bool HasStart => false;

    /// <summary>Whether it holds an anchor or look-around, whose meaning depends on what is around it.</summary>
    public virtual bool HasAssertion => false;

    /// <summary>Whether it takes no character, ever.</summary>
    public virtual bool IsZeroWidth => false;

    /// <summary>Whether it may take no character.</summary>
    public abstract bool MayBeEmpty { get; }

    /// <summary>One character of a set.</summary>
    public sealed record Characters(CharSet Set) : Pattern
    {
        public override bool MayBeEmpty => false;
    }

    /// <summary>One after another.</summary>
    public sealed record Sequence(IReadOnlyList<Pattern> Parts) : Pattern
    {
        public override bool HasStart { get; } = Parts.Any(part => part.HasStart);
        public override bool HasAssertion { get; } = Parts.Any(part => part.HasAssertion);
        public override bool IsZeroWidth { get; } = Parts.All(part => part.IsZeroWidth);
        public override bool MayBeEmpty { get; } = Parts.All(part => part.MayBeEmpty);
    }

    /// <summary>One of several.</summary>
    public sealed record Either(IReadOnlyList<Pattern> Parts) : Pattern
    {
        public override bool HasStart { get; } = Parts.Any(part => part.HasStart);
        public override bool HasAssertion { get; } = Parts.Any(part => part.HasAssertion);
        public override bool IsZeroWidth { get; } = Parts.All(part => part.IsZeroWidth);
        public override bool MayBeEmpty { get; } = Parts.Any(part => part.MayBeEmpty);
    }

    /// <summary>Some times over.</summary>
    public sealed record Repeat(Pattern Part, int Least, int Most) : Pattern
    {
        public override bool HasStart => Part.HasStart;
        public override bool HasAssertion => Part.HasAssertion;
        public override bool IsZeroWidth => Part.IsZeroWidth;
        public override bool MayBeEmpty => Least == 0 || Part.MayBeEmpty;
    }

    /// <summary>"^".</summary>
    public sealed record Start : Pattern
    {
        public override bool HasStart => true;
        public override bool HasAssertion => true;
        public override bool IsZeroWidth => true;
        public override bool MayBeEmpty => true;
    }

    /// <summary>"$": the end of the text, as without the flag m.</summary>
    public sealed record End : Pattern
    {
        public override bool HasAssertion => true;
        public override bool IsZeroWidth => true;
        public override bool MayBeEmpty => true;
    }

    /// <summary>What comes next must (not) begin with a match.</summary>
    public sealed record Ahead(Pattern Part, bool Negative) : Pattern
    {
        public override bool HasStart => Part.HasStart;
        public override bool HasAssertion => true;
        public override bool IsZeroWidth => true;
        public override bool MayBeEmpty => true;
    }
}
