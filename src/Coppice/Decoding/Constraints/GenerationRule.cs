using Coppice.Constraints;

namespace Coppice.Decoding.Constraints;

/// <summary>What the options of one generation allow.</summary>
/// <param name="Rule">All of it.</param>
/// <param name="Deny">The deny list in it; null for none.</param>
internal sealed record GenerationRule(ITokenConstraint Rule, DenyConstraint? Deny);
