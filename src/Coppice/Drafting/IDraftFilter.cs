namespace Coppice.Drafting;

/// <summary>Tells a drafter what a constraint on the text leaves, so that it proposes nothing that cannot be accepted.</summary>
/// <remarks>Nodes are numbered as in the tree: 0 is the root, a parent comes before its children.</remarks>
internal interface IDraftFilter
{
    /// <summary>
    /// Whether <paramref name="token"/> may follow node <paramref name="parent"/>; it then is node <paramref name="node"/>.
    /// </summary>
    bool TryAdd(int parent, int node, int token);

    /// <summary>
    /// The only token that can follow node <paramref name="node"/>, the root or one that was added; -1 where there is a choice.
    /// </summary>
    int ForcedAfter(int node);
}
