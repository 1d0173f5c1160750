using Coppice.Decoding.Verification;
using CsCheck;
using Xunit;

namespace Coppice.Tests.Decoding;

public sealed class TokenTreeTests
{
    private sealed class Scripted(Func<int[], int> next) : ITokenChoice
    {
        public int Choose(TokenTree tree, int node) => next([.. tree.Path(node).ToArray().Select(n => tree.Tokens[n])]);
    }

    [Fact]
    public void Siblings_with_one_token_are_one_node_and_paths_lead_from_the_root()
    {
        var tree = new TokenTree(8, 3);
        tree.Reset(10);
        var a = tree.Add(0, 11);
        var b = tree.Add(0, 12);
        var c = tree.Add(b, 13);
        Assert.Equal(a, tree.Add(0, 11));
        Assert.Equal(4, tree.Count);
        Assert.Equal([0, 1, 1, 2], tree.Depths.ToArray());
        Assert.Equal([0, b, c], tree.Path(c).ToArray());
        Assert.True(tree.TryFindChild(b, 13, out var found) && found == c);
        Assert.False(tree.TryFindChild(a, 13, out _));
    }

    [Fact]
    public void Nodes_beyond_the_capacity_the_depth_or_the_tree_are_refused()
    {
        var tree = new TokenTree(3, 1);
        tree.Reset(1);
        var child = tree.Add(0, 2);
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.Add(child, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.Add(2, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.Add(0, -1));
        tree.Add(0, 3);
        Assert.Throws<ArgumentOutOfRangeException>(() => tree.Add(0, 4));
        Assert.Equal(child, tree.Add(0, 2));
        tree.Reset(9);
        Assert.Equal([9], tree.Tokens.ToArray());
    }

    /// <summary>Random trees in the order in which they were grown, level by level, and depth first.</summary>
    [Fact]
    public void Ten_thousand_trees_of_any_order_are_the_closure_of_their_parents()
    {
        Gen.Select(Gen.Int[0, 1000], Gen.Int[0, 5]).Array[0, 127].Sample(edges =>
        {
            var grown = new TokenTree(128, 127);
            grown.Reset(0);
            foreach (var (parent, token) in edges) grown.Add(parent % grown.Count, token);
            AssertClosed(grown);
            int[] levels = [.. Enumerable.Range(1, grown.Count - 1).OrderBy(node => grown.Depths[node])];
            AssertClosed(Renumbered(grown, levels));
            var depthFirst = new List<int>();
            void Descend(int node)
            {
                if (node > 0) depthFirst.Add(node);
                for (var child = grown.FirstChild(node); child != TokenTree.None; child = grown.NextSibling(child)) Descend(child);
            }
            Descend(0);
            AssertClosed(Renumbered(grown, depthFirst));
        }, iter: 10_000);
    }

    private static TokenTree Renumbered(TokenTree tree, IReadOnlyList<int> order)
    {
        var (other, numbers) = (new TokenTree(128, 127), new int[tree.Count]);
        other.Reset(tree.Tokens[0]);
        foreach (var node in order) numbers[node] = other.Add(numbers[tree.Parents[node]], tree.Tokens[node]);
        Assert.Equal(tree.Count, other.Count);
        foreach (var node in order)
        {
            Assert.Equal(tree.Depths[node], other.Depths[numbers[node]]);
            Assert.Equal(tree.Path(node).ToArray().Select(n => numbers[n]), other.Path(numbers[node]).ToArray());
        }
        return other;
    }

    /// <summary>
    /// What a node sees is itself and what its parent sees; siblings have different tokens and are linked in the order of their numbers.
    /// </summary>
    private static void AssertClosed(TokenTree tree)
    {
        Assert.Equal((TokenTree.None, 0), (tree.Parents[0], tree.Depths[0]));
        var siblings = new HashSet<(int, int)>();
        var linked = 1;
        for (var node = 0; node < tree.Count; node++)
        {
            for (var child = tree.FirstChild(node); child != TokenTree.None; child = tree.NextSibling(child), linked++)
            {
                Assert.Equal(node, tree.Parents[child]);
                Assert.True(tree.NextSibling(child) == TokenTree.None || tree.NextSibling(child) > child);
            }
            if (node == 0) continue;
            var path = tree.Path(node);
            var parent = tree.Parents[node];
            Assert.True(parent < node && siblings.Add((parent, tree.Tokens[node])));
            Assert.Equal(tree.Depths[parent] + 1, tree.Depths[node]);
            Assert.Equal(node, path[^1]);
            Assert.True(path[..^1].SequenceEqual(tree.Path(parent)));
            Assert.True(tree.TryFindChild(parent, tree.Tokens[node], out var found) && found == node);
        }
        Assert.Equal(tree.Count, linked);
    }

    [Fact]
    public void Verification_follows_the_choices_and_emits_what_plain_decoding_would()
    {
        Gen.Select(Gen.Int[0, 100], Gen.Int[0, 3]).Array[0, 30].Sample(edges =>
        {
            var tree = new TokenTree(31, 30);
            tree.Reset(0);
            foreach (var (parent, token) in edges) tree.Add(parent % tree.Count, token);
            static int Next(int[] tokens) => (tokens.Sum() * 7 + tokens.Length) % 4;
            var path = new int[31];
            var accepted = Verifier.Walk(tree, new Scripted(Next), path, out var next);
            List<int> emitted = [.. path.Take(accepted).Skip(1).Select(n => tree.Tokens[n]), next];
            List<int> plain = [0];
            foreach (var token in emitted)
            {
                Assert.Equal(Next([.. plain]), token);
                plain.Add(token);
            }
            Assert.False(tree.TryFindChild(path[accepted - 1], next, out _), "the walk must not stop where the tree goes on");
        }, iter: 500);
    }
}
