using Coppice.Cache;
using Coppice.Decoding.Verification;
using Coppice.Kernels;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Identities;

/// <summary>What stays of a verified tree: keys and values as if its path had been decoded, and nothing of the rest.</summary>
public sealed class CommitTests
{
    private static readonly int[][] Paths = [[0], [0, 2, 3, 7, 8], [0, 1, 2, 3, 4, 5], [0, 9], [0, 1, 9], [0, 8, 9], [0, 3, 6, 9],
        [0, 1, 3, 4, 6, 7, 8]];

    public static TheoryData<ElementType, bool> Caches =>
        new() { { ElementType.F32, false }, { ElementType.F16, false }, { ElementType.F32, true }, { ElementType.BF16, true } };

    /// <summary>A tree of ten nodes in which <paramref name="path"/> is one; the others hang somewhere.</summary>
    private static TokenTree Tree(TokenTree tree, int[] path, Func<int, int> token)
    {
        tree.Reset(token(0));
        for (var node = 1; node < 10; node++)
        {
            var at = Array.IndexOf(path, node);
            var parent = at > 0 ? path[at - 1] : (node * 5 + 1) % tree.Count;
            if (at < 0 && path.Contains(parent)) parent = path[0];
            Assert.Equal(node, tree.Add(parent, token(node)));
        }
        Assert.Equal(path, tree.Path(path[^1]).ToArray());
        return tree;
    }

    [Theory, MemberData(nameof(Caches))]
    public void Rows_that_move_over_each_other_arrive_whole(ElementType type, bool paged)
    {
        using var folder = new TinyModel();
        using var model = folder.Load();
        using var runner = new PassRunner(model);
        var prompt = TinyModel.Prompt(59);         // the tree lies across a page border
        var (cache, fresh) = paged ? (runner.Paged(2, type), (KvCache)runner.Paged(3, type)) : (runner.Dense(type), runner.Dense(type));
        foreach (var path in Paths)
        {
            cache.Truncate(0);
            runner.Run(cache, prompt);
            runner.Run(cache, Tree(runner.NewTree(), path, node => 10 + node));
            cache.Commit(path);
            Assert.Equal(prompt.Length + path.Length, cache.Length);
            fresh.Truncate(0);
            runner.Run(fresh, prompt);
            foreach (var node in path) runner.Run(fresh, [10 + node]);
            // Three tokens see all keys and values in all layers.
            Assert.Equal(runner.Run(fresh, [5, 6, 7]), runner.Run(cache, [5, 6, 7]));
        }
    }

    /// <summary>
    /// A token whose embedding is no number poisons keys, values and logits of its nodes: of no others, and nothing of it is read later.
    /// </summary>
    [Theory, MemberData(nameof(Caches))]
    public void What_was_not_kept_is_never_read_again(ElementType type, bool paged)
    {
        const int Poison = 80;
        using var folder = new TinyModel();
        var rows = 0;
        Assert.Contains("embed", folder.Tensors.First(tensor => tensor.Shape.Length == 2).Name, StringComparison.Ordinal);
        folder.Write(roundRow: row =>
        {
            if (rows++ is >= Poison and < 96) row.Fill(float.NaN);
        });
        using var model = folder.Load();
        using var runner = new PassRunner(model);
        var prompt = TinyModel.Prompt(59, vocabulary: Poison);
        var (cache, fresh) = paged ? (runner.Paged(2, type), (KvCache)runner.Paged(3, type)) : (runner.Dense(type), runner.Dense(type));
        foreach (var path in Paths)
        {
            cache.Truncate(0);
            runner.Run(cache, prompt);
            var tree = Tree(runner.NewTree(), path, node => node + (path.Contains(node) ? 10 : Poison));
            var logits = runner.Run(cache, tree);
            foreach (var node in path) Assert.All(logits[(node * 96)..((node + 1) * 96)], logit => Assert.True(float.IsFinite(logit)));
            cache.Commit(path);
            fresh.Truncate(0);
            runner.Run(fresh, prompt);
            foreach (var node in path) runner.Run(fresh, [10 + node]);
            Assert.Equal(runner.Run(fresh, [5]), runner.Run(cache, [5]));
            Assert.Equal(runner.Run(fresh, [6, 7, 8, 9, 10, 11]), runner.Run(cache, [6, 7, 8, 9, 10, 11]));
        }
    }
}
