namespace Coppice.Drafting;

/// <summary>The static tree that Medusa's method builds from how often each head's candidates are right.</summary>
internal static class HeadTree
{
    /// <summary>Depth of the deepest node, and children of a node at most, as in the authors' code.</summary>
    public const int MostDepth = 5, MostChildren = 10;

    /// <summary>
    /// Grows a tree: of a node's next sibling and its first child, and those of all nodes before, the most valuable comes next, a node's
    /// value being the product of the accuracies along its path.
    /// </summary>
    /// <param name="accuracy">[depth - 1][rank]: how often the candidate of that rank is right where those before it were.</param>
    /// <param name="nodes">Nodes besides the root.</param>
    /// <returns>Each node as the ranks from the root to it, in the order in which they were added; fewer where all have no value.</returns>
    /// <remarks>Source: Cai et al., Medusa (2024), appendix, and its code; of equal values the one found first.</remarks>
    public static IReadOnlyList<(int[] Path, double Value)> Grow(IReadOnlyList<IReadOnlyList<double>> accuracy, int nodes)
    {
        var tree = new List<(int[] Path, double Value)>();
        var open = new List<(int[] Path, double Value)>();
        Offer([0], 1);
        while (tree.Count < nodes && open.Count > 0)
        {
            var best = 0;
            for (var i = 1; i < open.Count; i++)
            {
                if (open[i].Value > open[best].Value) best = i;
            }
            var (path, value) = open[best];
            open.RemoveAt(best);
            tree.Add((path, value));
            var above = accuracy[path.Length - 1][path[^1]] > 0 ? value / accuracy[path.Length - 1][path[^1]] : 0;
            Offer([.. path[..^1], path[^1] + 1], above);
            Offer([.. path, 0], value);
        }
        return tree;

        void Offer(int[] path, double above)
        {
            var (depth, rank) = (path.Length, path[^1]);
            if (depth > Math.Min(MostDepth, accuracy.Count) || rank >= Math.Min(MostChildren, accuracy[depth - 1].Count)) return;
            var value = above * accuracy[depth - 1][rank];
            if (value > 0) open.Add((path, value));
        }
    }
}
