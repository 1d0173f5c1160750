using Coppice.Cache;
using Coppice.Decoding.Verification;
using Coppice.Execution;
using Coppice.Kernels;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Identities;

/// <summary>Logits after pages that were found or shared are, bit for bit, those of the same tokens computed alone.</summary>
public sealed class PrefixIdentityTests
{
    private const int Pages = 24;

    public static TheoryData<string, ElementType> Cases
    {
        get
        {
            var cases = new TheoryData<string, ElementType>();
            foreach (var name in TinyFamilies.Configs.Keys)
            {
                foreach (var type in (ElementType[])[ElementType.F32, ElementType.F16]) cases.Add(name, type);
            }
            return cases;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void After_a_prefix_that_was_found_and_after_a_fork_logits_equal_those_alone(string family, ElementType type)
    {
        using var folder = new TinyModel(TinyFamilies.Configs[family]);
        using var model = folder.Load(new ModelOptions { Device = "cpu", ContextLength = 240 });
        using var runner = new PassRunner(model);
        var geometry = model.Runner.Geometry with { Type = type };
        using var memory = model.Backend.CreatePool("kv", KvPagePool.Bytes(model.Backend, geometry, Pages) + 4096);
        var order = Enumerable.Range(0, Pages).ToArray();
        new Random(5).Shuffle(order);
        using var pool = new KvPagePool(memory, geometry, Pages, order);
        using var prefixes = new PrefixCache(pool, Pages);
        var source = new KvSource(model.Backend, geometry, pool);
        var scope = new object();
        var prompt = TinyModel.Prompt(150);

        // The first sequence computes the prompt in one cut, and goes on with a tree.
        using (var first = KvCacheKind.Create(source, 300))
        {
            Prefill(runner, first, prompt, 37);
            runner.Run(first, Tree(runner));
            first.Commit([0, 2]);
            prefixes.Insert(scope, false, prompt, first.WholePages);
        }
        Assert.Equal(2, prefixes.PagesHeld);

        // The second finds 128 of its tokens; its last ones differ.
        var other = (int[])prompt.Clone();
        other[140] = 3 + other[140] % 80;
        var pages = new int[4];
        Assert.Equal(2, prefixes.Match(scope, false, other, pages));
        using var second = KvCacheKind.Create(source, 300);
        second.Adopt(pages.AsSpan(0, 2), 128);
        var rest = runner.Run(second, other.AsSpan(128));
        using var fork = second.Fork();
        var tree = runner.Run(second, Tree(runner));
        second.Commit([0, 2]);
        var next = runner.Run(second, [9]);
        var forked = runner.Run(fork, [11, 12]);

        foreach (var alone in (KvCache[])[runner.Dense(type), runner.Paged(3, type)])
        {
            Assert.Equal(Prefill(runner, alone, other, 50)[^rest.Length..], rest);
            Assert.Equal(runner.Run(alone, Tree(runner)), tree);
            alone.Commit([0, 2]);
            Assert.Equal(runner.Run(alone, [9]), next);
            alone.Truncate(other.Length);
            Assert.Equal(runner.Run(alone, [11, 12]), forked);
        }
    }

    /// <summary>Logits of all tokens, computed some at a time.</summary>
    private static float[] Prefill(PassRunner runner, KvCache cache, int[] tokens, int chunk)
    {
        var logits = new List<float>();
        for (var begin = 0; begin < tokens.Length; begin += chunk)
            logits.AddRange(runner.Run(cache, tokens.AsSpan(begin, Math.Min(chunk, tokens.Length - begin))));
        return [.. logits];
    }

    private static TokenTree Tree(PassRunner runner)
    {
        var tree = runner.NewTree();
        tree.Reset(20);
        tree.Add(0, 21);
        tree.Add(0, 22);
        tree.Add(1, 23);
        return tree;
    }
}
