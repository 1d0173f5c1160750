using Coppice.Cache;
using Coppice.Execution;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Execution;

/// <summary>One pass over stretches, tokens and trees of many sequences gives each the bits that it gets alone.</summary>
public sealed class MixedPassTests
{
    public static TheoryData<string> Families => ["llama", "gemma3", "mixtral", "gpt2", "small"];

    [Theory, MemberData(nameof(Families))]
    public void Rows_of_a_mixed_pass_equal_those_of_passes_alone(string family)
    {
        using var folder = new TinyModel(family == "small" ? ScheduleTests.Config : TinyFamilies.Configs[family]);
        using var model = folder.Load(new ModelOptions { Device = "cpu", ContextLength = 128, PrefillChunk = 146, Threads = 1 });
        using var runner = new PassRunner(model);
        for (var seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            var parts = Enumerable.Range(0, 2 + random.Next(6)).Select(i => new Part(i + seed, random)).ToList();
            // What is too much for one pass is left out.
            while (parts.Sum(part => part.Rows) > model.Runner.Size.Rows) parts.RemoveAt(parts.Count - 1);
            var alone = parts.Select(part => runner.Run(part.Request(runner, part.Begun(runner)))).ToArray();
            var caches = parts.Select(part => part.Begun(runner)).ToArray();
            var together = runner.Run([.. parts.Zip(caches, (part, cache) => part.Request(runner, cache))]);
            var first = 0;
            foreach (var logits in alone)
            {
                var same = logits.AsSpan().CommonPrefixLength(together.AsSpan(first, logits.Length));
                Assert.True(same == logits.Length,
                    $"{seed}: {string.Join(", ", parts)}: row {(first + same) / model.VocabularySize} differs");
                first += logits.Length;
            }
            Best(model, runner, parts);
        }
    }

    /// <summary>
    /// The largest logits that come with the pass, in one run of the head for all, are those that are computed when they are asked for.
    /// </summary>
    private static void Best(LanguageModel model, PassRunner runner, List<Part> parts)
    {
        const int count = 13;
        List<(int[] Tokens, float[] Logits)> Of(PassRequest request) =>
        [
            .. Enumerable.Range(0, request.NodeCount).Select(node =>
            {
                var tokens = request.Output.Best(node, count, out var logits);
                return (tokens.ToArray(), logits.ToArray());
            }),
        ];
        var alone = parts.Select(part =>
        {
            var request = part.Request(runner, part.Begun(runner));
            request.TopCount = count;
            model.Runner.Run(request);
            return Of(request);
        }).ToArray();
        var requests = parts.Select(part => part.Request(runner, part.Begun(runner))).ToArray();
        foreach (var request in requests) request.TopCount = count;
        model.Runner.Run(requests);
        for (var i = 0; i < parts.Count; i++)
        {
            var together = Of(requests[i]);
            for (var node = 0; node < together.Count; node++)
            {
                Assert.Equal(alone[i][node].Logits, together[node].Logits);
                Assert.Equal(alone[i][node].Tokens, together[node].Tokens);
            }
        }
    }

    /// <summary>What one sequence has and asks for, made from a seed.</summary>
    private sealed class Part(int seed, Random random)
    {
        private readonly int _held = random.Next(80);
        private readonly int _kind = random.Next(3);
        private readonly int _count = 1 + random.Next(40);

        public override string ToString() => $"{(_kind < 2 ? "stretch" : "tree")} of {Rows} after {_held}";

        public int Rows => _kind == 0 ? 1 : _count;

        public KvCache Begun(PassRunner runner)
        {
            var cache = seed % 2 == 0 ? runner.Dense() : runner.Paged(seed);
            if (_held > 0) runner.Run(cache, TinyModel.Prompt(_held, seed));
            return cache;
        }

        public PassRequest Request(PassRunner runner, KvCache cache)
        {
            var tokens = TinyModel.Prompt(Rows, seed + 50);
            if (_kind < 2) return PassRunner.Stretch(cache, tokens);
            var request = new PassRequest();
            var tree = runner.NewTree();
            var shape = new Random(seed);
            tree.Reset(tokens[0]);
            for (var node = 1; node < tokens.Length; node++)
                tree.Add(shape.Next(Math.Max(0, node - 4), node), 2 + node);     // siblings differ
            request.Nodes(cache, tree);
            return request;
        }
    }
}
