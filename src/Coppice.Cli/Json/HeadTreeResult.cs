namespace Coppice.Cli;

/// <summary>What `heads tree` measured, and the tree that follows from it: each node as the ranks from the root to it.</summary>
/// <param name="Kind">Medusa or Hydra.</param>
/// <param name="Positions">At which the first head was asked.</param>
/// <param name="Accuracy">By head and rank.</param>
/// <param name="Tree">The nodes in the order of their worth.</param>
/// <param name="ExpectedTokens">Tokens of a pass with all of it.</param>
internal sealed record HeadTreeResult(
    string Kind, long Positions, IReadOnlyList<IReadOnlyList<double>> Accuracy, IReadOnlyList<int[]> Tree, double ExpectedTokens);
