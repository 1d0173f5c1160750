using Coppice.Decoding;
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

    [Fact]
    public void Every_path_is_its_parents_path_and_the_node_itself()
    {
        Gen.Select(Gen.Int[0, 100], Gen.Int[0, 5]).Array[0, 30].Sample(edges =>
        {
            var tree = new TokenTree(31, 30);
            tree.Reset(0);
            foreach (var (parent, token) in edges) tree.Add(parent % tree.Count, token);
            for (var node = 1; node < tree.Count; node++)
            {
                var path = tree.Path(node).ToArray();
                Assert.Equal(tree.Depths[node] + 1, path.Length);
                Assert.Equal(node, path[^1]);
                Assert.Equal(tree.Path(path[^2]).ToArray(), path[..^1]);
                Assert.True(path[^2] < node);
                Assert.True(tree.TryFindChild(path[^2], tree.Tokens[node], out var child) && child == node);
            }
        }, iter: 300);
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
