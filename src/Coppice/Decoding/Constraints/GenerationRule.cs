using Coppice.Constraints;

namespace Coppice.Decoding.Constraints;

/// <summary>What the options of one generation allow.</summary>
/// <param name="Rule">All of it.</param>
/// <param name="Deny">The deny list in it; null for none.</param>
internal sealed record GenerationRule(ITokenConstraint Rule, DenyConstraint? Deny)
{
    /// <summary>The same at the same place, which goes on independently.</summary>
    public GenerationRule Fork()
    {
        var rule = Rule.Fork();
        // The one in the rule before it: a host's own constraint may be another deny list, and comes after it.
        var deny = Deny is null ? null : rule as DenyConstraint ?? ((ConstraintIntersection)rule).Parts.OfType<DenyConstraint>().First();
        return new GenerationRule(rule, deny);
    }
}
