using Coppice.Drafting;
using Xunit;

namespace Coppice.Tests.Drafting.Heads;

/// <summary>MH7: the tree that follows from accuracies by head and rank.</summary>
public sealed class HeadTreeTests
{
    [Fact]
    public void Nodes_come_by_the_product_of_their_accuracies()
    {
        var tree = HeadTree.Grow([[0.5, 0.2, 0.08], [0.5, 0.22], [0.5]], 7);
        Assert.Equal(["0", "0.0", "1", "0.0.0", "0.1", "1.0", "2"], tree.Select(node => string.Join('.', node.Path)));
        Assert.Equal([0.5, 0.25, 0.2, 0.125, 0.11, 0.1, 0.08], tree.Select(node => Math.Round(node.Value, 6)));
    }

    /// <summary>Where heads fall off alike, a node never has more children than one before it: a template expands prefixes alone.</summary>
    [Fact]
    public void A_tree_of_63_has_the_shape_of_published_ones()
    {
        double[][] accuracy = [.. Enumerable.Range(0, 5).Select(head => Enumerable.Range(0, 12).Select(rank =>
            0.6 * Math.Pow(0.85, head) * Math.Pow(rank + 1, -1.4)).ToArray())];
        var tree = HeadTree.Grow(accuracy, 63);
        var nodes = tree.Select(node => string.Join('.', node.Path)).ToHashSet();
        Assert.Equal(63, nodes.Count);
        Assert.All(tree, node =>
        {
            Assert.InRange(node.Path.Length, 1, HeadTree.MostDepth);
            Assert.InRange(node.Path[^1], 0, HeadTree.MostChildren - 1);
            if (node.Path.Length > 1) Assert.Contains(string.Join('.', node.Path[..^1]), nodes);
            if (node.Path[^1] > 0) Assert.Contains(string.Join('.', [.. node.Path[..^1], node.Path[^1] - 1]), nodes);
        });
        // Greedy is best: no node that is left out is worth more than one that is in.
        var least = tree.Min(node => node.Value);
        Assert.All(tree, node =>
        {
            if (node.Path.Length < 5)
                Assert.True(nodes.Contains(string.Join('.', [.. node.Path, 0])) || node.Value * accuracy[node.Path.Length][0] <= least);
        });
    }

    [Fact]
    public void Candidates_that_are_never_right_are_left_out() =>
        Assert.Equal(["0"], HeadTree.Grow([[0.7, 0, 0.1], [0]], 5).Select(node => string.Join('.', node.Path)));
}
