using System.Diagnostics;
using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Drafting.Datastores;
using Coppice.Execution;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Drafting;

/// <summary>What each drafter that needs no second model proposes, on targets whose every choice is known.</summary>
public sealed class TableDrafterTests
{
    private const int Vocabulary = 50;

    /// <summary>After t comes t + 1, modulo a period.</summary>
    private static ToyTarget Counter(int period) => new(Vocabulary, tokens => (tokens[^1] + 1) % period);

    private static TokenRecyclingDrafter Recycling(TokenRecyclingOptions options, int vocabulary) =>
        new(options, new RecyclingTables(vocabulary, options.Width));

    private static AutoDrafter Auto() => new(new AutoDrafterOptions(), 1000, new AutoTables(12), new SuffixIndex(4096));

    private static TokenTree Draft(Drafter drafter, int[] tokens, int maxDepth = 31)
    {
        var tree = new TokenTree(96, 31);
        tree.Reset(tokens[^1]);
        drafter.Draft(new DraftRequest
        {
            Tokens = tokens,
            MaxNodes = 96,
            MaxDepth = maxDepth,
            Sampler = new Sampler([], greedy: true, 0),
            Costs = PassCosts.Of((1, 1), (96, 1))
        }, tree);
        return tree;
    }

    [Fact]
    public void Prompt_lookup_takes_the_longest_match_and_of_equal_ones_the_last()
    {
        using var drafter = new PromptLookupDrafter(new PromptLookupOptions { Length = 3 }, 100);
        int[] tokens = [1, 2, 3, 40, 41, 9, 2, 3, 42, 43, 7, 3, 44, 9, 1, 2, 3];
        drafter.Begin(tokens);
        Assert.Equal([3, 40, 41, 9], Draft(drafter, tokens).Tokens.ToArray());          // after 1 2 3, not after 2 3 or 3
        int[] shorter = [.. tokens[..^3], 3];
        drafter.Begin(shorter);
        Assert.Equal([3, 44, 9, 3], Draft(drafter, shorter).Tokens.ToArray());          // the last 3 of all
        Assert.Equal([3, 44], Draft(drafter, shorter, maxDepth: 1).Tokens.ToArray());
        drafter.Begin([7, 8, 8]);
        Assert.Equal([8, 8, 8, 8], Draft(drafter, [7, 8, 8]).Tokens.ToArray());        // a cycle goes on
    }

    [Fact]
    public void The_published_tree_of_token_recycling_has_its_levels_and_takes_ranks_from_the_matrix()
    {
        var template = TreeTemplate.TokenRecycling.Nodes;
        Assert.Equal(81, template.Count);
        var depths = new int[template.Count];
        for (var i = 1; i < template.Count; i++) depths[i] = depths[template[i].Parent] + 1;
        Assert.Equal([1, 8, 21, 25, 15, 8, 3], Enumerable.Range(0, 7).Select(level => depths.Count(depth => depth == level)));
        // leaves
        Assert.Equal(40, template.Count - template.Select(node => node.Parent).Where(parent => parent >= 0).Distinct().Count());

        using var drafter = Recycling(new TokenRecyclingOptions { Tree = RecyclingTree.Template }, Vocabulary);
        for (var token = 0; token < Vocabulary; token++)
            drafter.Matrix.Set(token, [.. Enumerable.Range(1, 8).Select(rank => (token * 3 + rank) % Vocabulary)]);
        var tree = Draft(drafter, [4]);
        Assert.Equal(81, tree.Count);
        for (var i = 1; i < tree.Count; i++)
            Assert.Equal((tree.Tokens[tree.Parents[i]] * 3 + template[i].Rank + 1) % Vocabulary, tree.Tokens[i]);
    }

    [Fact]
    public void Token_recycling_accepts_a_whole_path_of_its_tree_once_it_has_seen_every_token()
    {
        using var drafter = Recycling(new TokenRecyclingOptions { Tree = RecyclingTree.Template, Prompt = false }, Vocabulary);
        var target = Counter(10);
        target.Generate(drafter, [0], 80);
        Assert.All(target.Given.Skip(10).SkipLast(1), given => Assert.Equal(7, given));
        Assert.Equal(4 * 8 * Vocabulary + (Vocabulary + 7) / 8, drafter.Matrix.Bytes);
    }

    [Fact]
    public void Of_several_rows_for_one_token_that_of_an_accepted_node_stays_then_the_least_deep_then_the_first()
    {
        var tree = new TokenTree(8, 4);
        tree.Reset(1);
        var a = tree.Add(0, 2);         // rejected, depth 1
        var b = tree.Add(0, 3);         // accepted
        tree.Add(a, 3);                 // rejected, the token of an accepted node
        tree.Add(a, 4);                 // rejected, depth 2
        tree.Add(b, 2);                 // rejected, depth 2: after the one of depth 1
        var rows = Enumerable.Range(0, tree.Count).SelectMany(node => Enumerable.Range(10 * node, 4)).ToArray();
        var best = new TopRows(Enumerable.Range(0, tree.Count).ToArray(), rows, new float[rows.Length], 4, 4);
        using var drafter = Recycling(new TokenRecyclingOptions { Width = 4 }, 100);
        drafter.Accept(new VerificationResult { Tree = tree, Path = [0, b], Tokens = [1, 3, 9], Emitted = [3, 9], Best = best });
        Assert.Equal([0, 1, 2, 3], drafter.Matrix.Row(1).ToArray());
        Assert.Equal([20, 21, 22, 23], drafter.Matrix.Row(3).ToArray());
        Assert.Equal([10, 11, 12, 13], drafter.Matrix.Row(2).ToArray());
        Assert.Equal([40, 41, 42, 43], drafter.Matrix.Row(4).ToArray());
        Assert.True(drafter.Matrix.Row(5).IsEmpty);
    }

    /// <summary>
    /// A thousand random trees full of equal tokens, verified with a random path each: the row that stays is found by definition.
    /// </summary>
    [Fact]
    public void Rows_of_equal_tokens_are_decided_the_same_way_every_time()
    {
        using var drafter = Recycling(new TokenRecyclingOptions { Width = 4 }, 100);
        using var again = Recycling(new TokenRecyclingOptions { Width = 4 }, 100);
        var (random, tree) = (new Random(6), new TokenTree(64, 12));
        for (var trial = 0; trial < 1000; trial++)
        {
            tree.Reset(random.Next(8));
            for (var i = 0; i < 60; i++)
                if (random.Next(tree.Count) is var parent && tree.MayExtend(parent, 12)) tree.Add(parent, random.Next(8));
            var path = tree.Path(random.Next(tree.Count)).ToArray();
            int[] emitted = [.. path[1..].Select(node => tree.Tokens[node]), 9];
            var rows = Enumerable.Range(0, tree.Count * 4).Select(_ => random.Next(100)).ToArray();
            foreach (var each in (TokenRecyclingDrafter[])[drafter, again])
            {
                var best = new TopRows(Enumerable.Range(0, tree.Count).ToArray(), rows, new float[rows.Length], 4, 4);
                each.Accept(new VerificationResult
                {
                    Tree = tree,
                    Path = path,
                    Tokens = [tree.Tokens[0], .. emitted],
                    Emitted = emitted,
                    Best = best
                });
            }
            for (var token = 0; token < 8; token++)
            {
                var nodes = Enumerable.Range(0, tree.Count).Where(node => tree.Tokens[node] == token).ToArray();
                if (nodes.Length == 0) continue;
                var decides = nodes.OrderBy(node => path.Contains(node) ? 0 : 1).ThenBy(node => tree.Depths[node]).ThenBy(node => node)
                    .First();
                Assert.Equal(rows[(4 * decides)..(4 * decides + 4)], drafter.Matrix.Row(token).ToArray());
                Assert.Equal(drafter.Matrix.Row(token).ToArray(), again.Matrix.Row(token).ToArray());
            }
        }
    }

    [Fact]
    public void A_table_of_triples_counts_within_documents()
    {
        using var folder = new TemporaryFile();
        using (var file = File.Create(folder.Path))
            Assert.Equal(4, TrigramStore.Build(file, new byte[32], [[1, 2, 3, 1, 2, 3, 1, 2, 4], [2, 4, 5], [7, 8]]));
        using var store = TrigramStore.Open(folder.Path, new byte[32], Vocabulary);
        Assert.Equal([new Successor(3, 2f / 3), new Successor(4, 1f / 3)], store.Row(TrigramStore.Key(1, 2)).ToArray());
        Assert.Equal([new Successor(5, 1)], store.Row(TrigramStore.Key(2, 4)).ToArray());
        Assert.True(store.Row(TrigramStore.Key(4, 5)).IsEmpty);
    }

    [Fact]
    public void A_triple_gains_weight_with_every_occurrence_up_to_a_limit()
    {
        var table = new TrigramTable(8, null);
        for (var i = 1; i <= 100; i++)
        {
            table.Bump(1, 2, 3, 0.04f, 3);
            if (i is 1 or 2) Assert.Equal(0.04f * i, table.Row(1, 2)[0].Weight, 1e-6f);
        }
        Assert.Equal(3, table.Row(1, 2)[0].Weight, 1e-5f);
        for (var token = 10; token < 40; token++) table.Bump(1, 2, token, 0.04f, 3);
        Assert.Equal((TrigramTable.RowLength, 3), (table.Row(1, 2).Length, table.Row(1, 2)[0].Token));      // the smallest weight goes
    }

    [Fact]
    public void Aded_chooses_children_by_its_formula()
    {
        // w/n = 3/2, P = 0.25, N = 9: 1.5 + 0.25 · 3/3 · (32 + ln(18/8))
        Assert.Equal(1.5 + 0.25 * (32 + Math.Log(18.0 / 8)), AdedDrafter.Puct(3, 2, 0.25f, AdedDrafter.Exploration(9)), 1e-5);
    }

    [Fact]
    public void Aded_accepts_four_levels_of_a_text_that_its_table_knows()
    {
        using var drafter = new AdedDrafter(new AdedOptions(), new TrigramTable(10, null), null);
        var target = new ToyTarget(Vocabulary, tokens => tokens.Length < 2 ? 1 : (tokens[^1] + tokens[^2] + 1) % 7);
        target.Generate(drafter, [1, 2], 400);
        Assert.All(target.Given.Skip(200 / 5).SkipLast(1), given => Assert.Equal(5, given));
        Assert.Equal(150, drafter.RootVisits);
        Assert.InRange(target.LargestTree, 5, 8);
        Assert.Equal(4, target.Deepest);
    }

    [Fact]
    public void Aded_keeps_its_limits_and_proposes_nothing_where_it_knows_nothing()
    {
        var random = new Random(3);
        int[] tokens = [.. Enumerable.Range(0, 3000).Select(_ => random.Next(6))];
        using var drafter = new AdedDrafter(new AdedOptions { Nodes = 65 }, new TrigramTable(10, null), null);
        drafter.Begin(tokens);
        var tree = Draft(drafter, tokens);
        Assert.InRange(tree.Count, 20, 65);
        Assert.InRange(tree.Depths.ToArray().Max(), 2, 4);
        Assert.Equal(1, Draft(drafter, [40, 41]).Count);
        Assert.Equal(1, Draft(drafter, [40]).Count);
    }

    /// <summary>
    /// Rows of the table are full, so that the search is as wide as it can be. Of several batches the quickest counts: others may work on
    /// the machine.
    /// </summary>
    [Fact]
    public void Of_a_hundred_searches_by_aded_ninety_nine_take_less_than_a_millisecond()
    {
        var random = new Random(2);
        int[] tokens = [.. Enumerable.Range(0, 30_000).Select(_ => random.Next(20))];
        using var drafter = new AdedDrafter(new AdedOptions { Nodes = 65 }, new TrigramTable(15, null), null);
        drafter.Begin(tokens);
        var tree = new TokenTree(96, 31);
        var least = double.PositiveInfinity;
        for (var batch = 0; batch < 40 && least >= 1; batch++)
        {
            var times = new double[300];
            for (var i = 0; i < times.Length; i++)
            {
                var seen = tokens.AsSpan(0, 1000 + random.Next(tokens.Length - 1000));
                tree.Reset(seen[^1]);
                var start = Stopwatch.GetTimestamp();
                drafter.Draft(new DraftRequest
                {
                    Tokens = seen,
                    MaxNodes = 96,
                    MaxDepth = 31,
                    Sampler = new Sampler([], greedy: true, 0),
                    Costs = PassCosts.Of((1, 1))
                }, tree);
                times[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                Assert.Equal(150, drafter.RootVisits);
            }
            least = Math.Min(least, times.Order().ElementAt(times.Length * 99 / 100));
        }
        Assert.True(least < 1, $"the 99th percentile is {least:f3} ms");
    }

    [Fact]
    public void A_drafter_over_a_datastore_goes_on_as_its_texts_do()
    {
        using var folder = new TemporaryFile();
        using (var file = File.Create(folder.Path)) SuffixDatastore.Build(file, new byte[32], [[1, 2, 3, 4, 5, 6], [9, 2, 3, 7, 8]]);
        using var drafter = new SuffixDrafter(new SuffixOptions { Nodes = 4 }, 100, null,
            SuffixDatastore.Open(folder.Path, new byte[32], Vocabulary));
        drafter.Begin([20, 1, 2, 3]);
        Assert.Equal([3, 4, 5, 6], Draft(drafter, [20, 1, 2, 3]).Tokens.ToArray());       // the longer match
        drafter.Begin([20, 2, 3]);
        var tree = Draft(drafter, [20, 2, 3]);
        Assert.True(tree.TryFindChild(0, 4, out _) && tree.TryFindChild(0, 7, out _));
    }

    [Fact]
    public void Auto_proposes_more_the_less_rows_cost_and_nothing_where_they_cost_more_than_they_give()
    {
        static int Nodes(PassCosts costs)
        {
            using var drafter = Auto();
            var target = Counter(10);
            target.Generate(drafter, [0, 1], 200, costs);
            return target.LargestTree;
        }
        Assert.Equal(1, Nodes(PassCosts.Of((1, 1), (2, 3), (3, 5))));
        var (dear, cheap) = (Nodes(PassCosts.Of((1, 1), (8, 1.2), (9, 3), (32, 12))), Nodes(PassCosts.Of((1, 1), (32, 1.1))));
        Assert.InRange(dear, 4, 8);
        Assert.InRange(cheap, 12, 32);
    }

    [Fact]
    public void What_auto_and_the_others_learn_makes_a_repeated_text_faster()
    {
        static int Next(int[] tokens) => tokens.Length < 2 ? 1 : (7 * tokens[^1] + 3 * tokens[^2] + 1) % 47;
        foreach (var name in (string[])["auto", "suffix", "aded", "token-recycling"])
        {
            using Drafter drafter = name switch
            {
                "auto" => Auto(),
                "suffix" => new SuffixDrafter(new SuffixOptions(), 1000, new SuffixIndex(1000), null),
                "aded" => new AdedDrafter(new AdedOptions(), new TrigramTable(12, null), null),
                _ => Recycling(new TokenRecyclingOptions(), Vocabulary),
            };
            var target = new ToyTarget(Vocabulary, Next);
            var first = target.Generate(drafter, [5, 6, 7], 100);
            var cold = target.Given.Count;
            Assert.Equal(first, target.Generate(drafter, [5, 6, 7], 100));
            Assert.InRange(target.Given.Count, 1, cold);
        }
    }
}
