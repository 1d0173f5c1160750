using Coppice.Cache;
using Coppice.Decoding.Verification;
using Coppice.Execution;
using Coppice.Kernels;
using Coppice.Tests.Support;
using CsCheck;
using Xunit;

namespace Coppice.Tests.Identities;

/// <summary>Results that must be equal bit for bit by two routes, for every family.</summary>
public sealed class ForwardIdentityTests
{
    public static TheoryData<string> Families => TinyFamilies.Names;

    [Theory, MemberData(nameof(Families))]
    public void Whole_chunked_and_token_by_token_prefill_agree(string family)
    {
        using var folder = new TinyModel(TinyFamilies.Configs[family]);
        using var model = folder.Load();
        using var runner = new PassRunner(model);
        var tokens = TinyModel.Prompt(60);
        var whole = runner.Run(runner.Dense(), tokens);
        foreach (var chunk in (int[])[1, 7, 33])
        {
            var cache = runner.Dense();
            var parts = new List<float>();
            for (var first = 0; first < tokens.Length; first += chunk)
                parts.AddRange(runner.Run(cache, tokens.AsSpan(first, Math.Min(chunk, tokens.Length - first))));
            Assert.Equal(whole, parts);
        }
    }

    [Theory, MemberData(nameof(Families))]
    public void A_batch_equals_its_members_alone(string family)
    {
        using var folder = new TinyModel(TinyFamilies.Configs[family]);
        using var model = folder.Load();
        using var runner = new PassRunner(model);
        int[][] prompts = [TinyModel.Prompt(13, 1), TinyModel.Prompt(1, 2), TinyModel.Prompt(30, 3)];
        var caches = prompts.Select(_ => runner.Dense()).ToArray();
        var alone = new List<float>();
        foreach (var prompt in prompts)
        {
            var cache = runner.Dense();
            runner.Run(cache, prompt.AsSpan(0, prompt.Length / 2 + 1));
            var rest = prompt.AsSpan(prompt.Length / 2 + 1);
            if (rest.Length > 0) alone.AddRange(runner.Run(cache, rest));
        }
        for (var i = 0; i < prompts.Length; i++) runner.Run(caches[i], prompts[i].AsSpan(0, prompts[i].Length / 2 + 1));
        var rests = caches.Zip(prompts, (cache, prompt) => (Cache: cache, Tokens: prompt[(prompt.Length / 2 + 1)..]))
            .Where(part => part.Tokens.Length > 0);
        Assert.Equal(alone, runner.Run([.. rests.Select(part => PassRunner.Stretch(part.Cache, part.Tokens))]));
    }

    [Theory, MemberData(nameof(Families))]
    public void A_tree_node_equals_decoding_its_path(string family)
    {
        using var folder = new TinyModel(TinyFamilies.Configs[family]);
        using var model = folder.Load();
        using var runner = new PassRunner(model);
        var prompt = TinyModel.Prompt(70);      // the tree lies across a page border
        var tree = RandomTree(runner.NewTree(), 20, seed: 5);
        var (cache, paged) = (runner.Dense(), runner.Paged(3));
        Prefill(runner, cache, prompt);
        Prefill(runner, paged, prompt);
        var nodes = runner.Run(cache, tree);
        Assert.Equal(nodes, runner.Run(paged, tree));
        foreach (var atOnce in (int[])[1, 3, 7])
        {
            Assert.Equal(nodes, runner.Run(cache, tree, atOnce));
            Assert.Equal(nodes, runner.Run(paged, tree, atOnce));
        }
        for (var node = 0; node < tree.Count; node++)
        {
            var path = tree.Path(node).ToArray().Select(n => tree.Tokens[n]).ToArray();
            var alone = runner.Run(cache, path);
            cache.Truncate(prompt.Length);
            Assert.Equal(alone[^model.VocabularySize..], nodes.AsSpan(node * model.VocabularySize, model.VocabularySize).ToArray());
        }
    }

    [Theory, MemberData(nameof(Families))]
    public void A_chain_equals_its_tokens_in_one_pass_and_one_by_one(string family)
    {
        using var folder = new TinyModel(TinyFamilies.Configs[family]);
        using var model = folder.Load();
        using var runner = new PassRunner(model);
        var (prompt, chain) = (TinyModel.Prompt(60), TinyModel.Prompt(20, seed: 8));
        var tree = runner.NewTree();
        tree.Reset(chain[0]);
        for (var i = 1; i < chain.Length; i++) tree.Add(i - 1, chain[i]);
        var cache = runner.Dense();
        Prefill(runner, cache, prompt);
        var nodes = runner.Run(cache, tree);
        Assert.Equal(runner.Run(cache, chain), nodes);
        cache.Truncate(prompt.Length);
        Assert.Equal(chain.SelectMany(token => runner.Run(cache, [token])), nodes);
    }

    [Theory, InlineData(ElementType.F32), InlineData(ElementType.F16), InlineData(ElementType.BF16)]
    public void Paged_cache_equals_dense_for_any_page_order(ElementType type)
    {
        using var folder = new TinyModel();
        using var model = folder.Load(new ModelOptions { Device = "cpu", ContextLength = 300 });
        using var runner = new PassRunner(model);
        for (var seed = 0; seed < 4; seed++)
        {
            var (dense, paged) = (runner.Dense(type), runner.Paged(seed, type));
            for (var chunk = 0; chunk < 5; chunk++)
            {
                var tokens = TinyModel.Prompt(50, seed * 10 + chunk);
                Assert.Equal(runner.Run(dense, tokens), runner.Run(paged, tokens));
            }
        }
    }

    [Fact]
    public void After_any_appends_commits_and_truncates_the_next_logits_equal_those_of_a_fresh_cache()
    {
        using var folder = new TinyModel();
        using var model = folder.Load();
        using var runner = new PassRunner(model);
        var caches = new[] { runner.Dense(), runner.Paged(9) };
        var fresh = runner.Dense();
        Gen.Select(Gen.Int[0, 2], Gen.Int[1, 20], Gen.Int[0, 1000]).Array[1, 8].Sample(steps =>
        {
            foreach (var cache in caches)
            {
                cache.Truncate(0);
                var kept = new List<int>();
                foreach (var (kind, size, seed) in steps) Step(runner, cache, kept, kind, size, seed);
                var next = runner.Run(cache, [5]);
                fresh.Truncate(0);
                if (kept.Count > 0) Prefill(runner, fresh, kept.ToArray());
                Assert.Equal(runner.Run(fresh, [5]), next);
            }
        }, iter: 40, threads: 1);
    }

    private static void Step(PassRunner runner, KvCache cache, List<int> kept, int kind, int size, int seed)
    {
        if (kind == 0 || kept.Count + size > 100)
        {
            cache.Truncate(Math.Min(seed, kept.Count));
            kept.RemoveRange(Math.Min(seed, kept.Count), kept.Count - Math.Min(seed, kept.Count));
        }
        else if (kind == 1)
        {
            var tokens = TinyModel.Prompt(size, seed);
            runner.Run(cache, tokens);
            kept.AddRange(tokens);
        }
        else
        {
            var tree = RandomTree(runner.NewTree(), size, seed);
            runner.Run(cache, tree);
            var path = tree.Path(seed % tree.Count);
            cache.Commit(path);
            foreach (var node in path) kept.Add(tree.Tokens[node]);
        }
        Assert.Equal(kept.Count, cache.Length);
    }

    private static void Prefill(PassRunner runner, KvCache cache, int[] tokens)
    {
        for (var first = 0; first < tokens.Length; first += 50)
            runner.Run(cache, tokens.AsSpan(first, Math.Min(50, tokens.Length - first)));
    }

    private static TokenTree RandomTree(TokenTree tree, int nodes, int seed)
    {
        var random = new Random(seed);
        tree.Reset(random.Next(2, 96));
        while (tree.Count < nodes) tree.Add(random.Next(Math.Max(0, tree.Count - 6), tree.Count), random.Next(2, 96));
        return tree;
    }
}
