using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Decoding.Laws;

/// <summary>
/// The trees that drafters draw from a draft model: their law by enumeration or by chi-square, and what their papers prove of them.
/// </summary>
public sealed class SampledGrowthTests
{
    private static readonly DraftLimits Limits = new(32, 4);

    private delegate void Growth(TokenTree tree, ToyDraft draft, ToyDraft.EnumeratedDraws draws);

    private static TokenTree NewTree()
    {
        var tree = new TokenTree(32, 5);
        tree.Reset(0);
        return tree;
    }

    /// <summary>
    /// Law of the first two tokens and the mean number of tokens of a step, by running the drafter and the verifier for every outcome of
    /// their draws.
    /// </summary>
    private static (Dictionary<string, double> Law, double MeanLength) Enumerate(Toy toy, Growth grow)
    {
        var (law, mean) = (new Dictionary<string, double>(), 0.0);
        foreach (var (probability, emitted) in new Enumeration<double>(1).Run(draws =>
        {
            var (tree, draft) = (NewTree(), new ToyDraft(toy));
            grow(tree, draft, new(draws));
            var path = new int[tree.PathLength];
            var accepted = ResidualVerifier<double>.Walk(tree, draft.Proposals, new ToyDraft.Target(toy), draws, path, out var next);
            return (int[])[.. Toy.Tokens(tree, path[accepted - 1]), next];
        }))
        {
            mean += probability * emitted.Length;
            if (emitted.Length > 1) Count(law, emitted[0], emitted[1], probability);
            else
                for (var second = 0; second < toy.Vocabulary; second++)
                    Count(law, emitted[0], second, probability * toy.Target(emitted[0])[second].ToDouble());
        }
        return (law, mean);
    }

    private static void Count(Dictionary<string, double> law, int first, int second, double probability) =>
        law[$"{first} {second}"] = law.GetValueOrDefault($"{first} {second}") + probability;

    private static void AssertTargetLaw(Toy toy, Dictionary<string, double> law)
    {
        for (var first = 0; first < toy.Vocabulary; first++)
            for (var second = 0; second < toy.Vocabulary; second++)
                Assert.Equal(toy.Target()[first].ToDouble() * toy.Target(first)[second].ToDouble(),
                    law.GetValueOrDefault($"{first} {second}"), 1e-12);
    }

    [Theory]
    [InlineData("1 1", "313/150")]
    [InlineData("2 1", "1181/525")]
    [InlineData("2 2", "859/350")]
    [InlineData("3 1", "761/300")]
    public void RsdC_draws_what_the_specification_says(string branches, string expected)
    {
        int[] counts = [.. branches.Split(' ').Select(int.Parse)];
        var (law, mean) = Enumerate(Toy.TwoLevels, (tree, draft, draws) => RsdCDrafter.Grow(tree, draft, draws, Limits, counts));
        AssertTargetLaw(Toy.TwoLevels, law);
        Assert.Equal(Rational.Parse(expected).ToDouble(), mean, 1e-12);
    }

    [Theory]
    [InlineData(1, "17/10")]
    [InlineData(2, "633/350")]
    [InlineData(3, "27/14")]
    [InlineData(4, "277/140")]
    public void DySpec_draws_what_the_specification_says(int budget, string expected)
    {
        var (law, mean) = Enumerate(Toy.TwoLevels, (tree, draft, draws) => DyspecDrafter.GrowBest(tree, draft, draws,
            Limits with { Nodes = budget + 1 }, default));
        AssertTargetLaw(Toy.TwoLevels, law);
        Assert.Equal(Rational.Parse(expected).ToDouble(), mean, 1e-12);
    }

    [Theory]
    [InlineData(0.3, 32)]
    [InlineData(0.15, 32)]
    [InlineData(0.15, 4)]
    [InlineData(0.01, 3)]
    public void DySpec_by_levels_keeps_the_targets_law_with_and_without_a_cap(double threshold, int nodes)
    {
        var (law, _) = Enumerate(Toy.TwoLevels, (tree, draft, draws) => DyspecDrafter.GrowLevels(tree, draft, draws,
            new DraftLimits(nodes, 2), threshold));
        AssertTargetLaw(Toy.TwoLevels, law);
    }

    [Fact]
    public void Limits_of_nodes_and_depth_stop_draws_without_changing_the_law()
    {
        for (var nodes = 2; nodes < 6; nodes++)
        {
            var limits = new DraftLimits(nodes, 2);
            var (law, _) = Enumerate(Toy.TwoLevels, (tree, draft, draws) =>
            {
                RsdCDrafter.Grow(tree, draft, draws, limits, [2, 2]);
                Assert.True(tree.Count <= nodes);
            });
            AssertTargetLaw(Toy.TwoLevels, law);
        }
    }

    [Fact]
    public void Estimates_of_DySpec_never_rise_and_a_threshold_at_the_smallest_gives_the_same_tree()
    {
        for (var seed = 0; seed < 200; seed++)
        {
            var (best, levels, estimates) = (NewTree(), NewTree(), new double[32]);
            DyspecDrafter.GrowBest(best, new ToyDraft(Toy.TwoLevels), new ToyDraft.KeyedDraws(seed), new DraftLimits(8, 4), estimates);
            for (var node = 2; node < best.Count; node++) Assert.True(estimates[node] <= estimates[node - 1] + 1e-15);
            DyspecDrafter.GrowLevels(levels, new ToyDraft(Toy.TwoLevels), new ToyDraft.KeyedDraws(seed), new DraftLimits(32, 4),
                estimates[best.Count - 1] * (1 - 1e-12));
            Assert.Superset(Paths(best), Paths(levels));
            Assert.Subset(Paths(best).Union(Ties(levels, estimates[best.Count - 1])).ToHashSet(), Paths(levels));
        }
    }

    private static HashSet<string> Paths(TokenTree tree) =>
        [.. Enumerable.Range(1, tree.Count - 1).Select(node => string.Join(' ', Toy.Tokens(tree, node)))];

    /// <summary>Draws that are as good as the last one of the budget, which the threshold makes too.</summary>
    private static HashSet<string> Ties(TokenTree tree, double smallest)
    {
        var ties = new HashSet<string>();
        for (var node = 1; node < tree.Count; node++)
            if (Math.Abs(Estimate(tree, node) - smallest) < 1e-9) ties.Add(string.Join(' ', Toy.Tokens(tree, node)));
        return ties;
    }

    /// <summary>
    /// The chance that a draw is reached and accepted, by definition: its ancestors accepted, its earlier siblings rejected.
    /// </summary>
    private static double Estimate(TokenTree tree, int node)
    {
        var (path, estimate) = (tree.Path(node).ToArray(), 1.0);
        for (var depth = 1; depth < path.Length; depth++)
        {
            double[] left = [.. Toy.TwoLevels.Draft(Toy.Tokens(tree, path[depth - 1])).Select(w => w.ToDouble())];
            for (var child = tree.FirstChild(path[depth - 1]); child != path[depth]; child = tree.NextSibling(child))
            {
                estimate *= 1 - left[tree.Tokens[child]] / left.Sum();
                left[tree.Tokens[child]] = 0;
            }
            if (depth < path.Length - 1) estimate *= left[tree.Tokens[path[depth]]] / left.Sum();
        }
        return estimate;
    }

    [Fact]
    public void Where_acceptance_is_the_draft_probability_no_rule_of_growth_beats_DySpec()
    {
        double[] draft = [0.6, 0.3, 0.1];
        var toy = new Toy(3, _ => Rational.List("0.6 0.3 0.1"), _ => Rational.List("0.6 0.3 0.1"));
        for (var budget = 1; budget <= 5; budget++)
        {
            var gain = 0.0;
            foreach (var (probability, sum) in new Enumeration<double>(1).Run(draws =>
            {
                var (tree, estimates) = (NewTree(), new double[32]);
                DyspecDrafter.GrowBest(tree, new ToyDraft(toy), new ToyDraft.EnumeratedDraws(draws), new DraftLimits(budget + 1, 5),
                    estimates);
                return estimates[1..tree.Count].Sum();
            })) gain += probability * sum;
            Assert.Equal(BestGain(draft, budget, [1.0], [new double[3]]), gain, 1e-9);
        }
    }

    /// <summary>The largest expected sum of estimates that any order of draws can have: tries every open slot for every draw.</summary>
    private static double BestGain(double[] draft, int budget, List<double> estimates, List<double[]> drawn)
    {
        if (budget == 0) return 0;
        var best = 0.0;
        for (var slot = 0; slot < estimates.Count; slot++)
        {
            var (estimate, gone) = (estimates[slot], drawn[slot]);
            var left = draft.Where((_, t) => gone[t] == 0).Sum();
            if (left <= 1e-12) continue;
            var gain = estimate;
            for (var token = 0; token < draft.Length; token++)
            {
                if (gone[token] > 0) continue;
                var probability = draft[token] / left;
                double[] also = [.. gone];
                also[token] = 1;
                List<double> nextEstimates = [.. estimates, estimate * probability];
                List<double[]> nextDrawn = [.. drawn, new double[3]];
                (nextEstimates[slot], nextDrawn[slot]) = (estimate * (1 - probability), also);
                gain += probability * BestGain(draft, budget - 1, nextEstimates, nextDrawn);
            }
            best = Math.Max(best, gain);
        }
        return best;
    }

    private const int Samples = 40_000;

    [Theory]
    [InlineData(1, 313.0 / 150)]
    [InlineData(2, 130895341.0 / 57723330)]
    [InlineData(3, 2.5356202)]
    public void RsdS_emits_the_targets_law_and_the_specifications_number_of_tokens(int width, double expected)
    {
        var (toy, random) = (Toy.TwoLevels, new Random(width));
        var (counts, lengths, squares) = (new Dictionary<string, int>(), 0.0, 0.0);
        for (var i = 0; i < Samples; i++)
        {
            var (tree, draft) = (NewTree(), new ToyDraft(toy));
            RsdSDrafter.Grow(tree, draft, new ToyDraft.RandomDraws(random), Limits, width, 2, default);
            var path = new int[tree.PathLength];
            var accepted = ResidualVerifier<double>.Walk(tree, draft.Proposals, new ToyDraft.Target(toy), new RandomVerification(random),
                path, out var next);
            int[] emitted = [.. Toy.Tokens(tree, path[accepted - 1]), next];
            lengths += emitted.Length;
            squares += emitted.Length * emitted.Length;
            double[] second = [.. toy.Target(emitted[0]).Select(w => w.ToDouble())];
            var other = emitted.Length > 1 ? emitted[1] : Coppice.Decoding.Sampling.Sampler.Draw(second, random.NextDouble());
            var key = $"{emitted[0]} {other}";
            counts[key] = counts.GetValueOrDefault(key) + 1;
        }
        ChiSquare.AssertFits(TargetLaw(toy), counts);
        var mean = lengths / Samples;
        var error = Math.Sqrt((squares / Samples - mean * mean) / Samples);
        Assert.InRange(mean, expected - 4 * error, expected + 4 * error);
    }

    [Fact]
    public void Leaves_of_RsdS_are_sequences_drawn_without_replacement_and_the_best_child_has_its_parents_score()
    {
        var (toy, random, counts) = (Toy.TwoLevels, new Random(5), new Dictionary<string, int>());
        var scores = new double[32];
        for (var i = 0; i < Samples; i++)
        {
            var tree = NewTree();
            RsdSDrafter.Grow(tree, new ToyDraft(toy), new ToyDraft.RandomDraws(random), Limits, 2, 2, scores);
            scores[0] = 0;
            for (var node = 0; node < tree.Count; node++)
                if (tree.FirstChild(node) is var best and not TokenTree.None) Assert.Equal(scores[node], scores[best], 1e-9);
            var leaves = Enumerable.Range(0, tree.Count).Where(n => tree.Depths[n] == 2).OrderByDescending(n => scores[n])
                .Select(n => string.Concat(Toy.Tokens(tree, n)));
            var key = string.Join(' ', leaves);
            counts[key] = counts.GetValueOrDefault(key) + 1;
        }
        var sequences = (from a in Enumerable.Range(0, 3)
                         from b in Enumerable.Range(0, 3)
                         select (Text: $"{a}{b}",
            P: (toy.Draft()[a] * toy.Draft(a)[b]).ToDouble())).ToArray();
        ChiSquare.AssertFits(WithoutReplacement(sequences), counts);
    }

    [Fact]
    public void Draws_without_replacement_have_the_law_of_ordered_pairs()
    {
        var (toy, random, counts) = (Toy.OneLevel, new Random(3), new Dictionary<string, int>());
        for (var i = 0; i < Samples; i++)
        {
            var tree = NewTree();
            RsdCDrafter.Grow(tree, new ToyDraft(toy), new ToyDraft.RandomDraws(random), Limits, [2]);
            var key = $"{tree.Tokens[1]} {tree.Tokens[2]}";
            counts[key] = counts.GetValueOrDefault(key) + 1;
        }
        var tokens = toy.Draft().Select((p, t) => (Text: $"{t}", P: p.ToDouble())).ToArray();
        ChiSquare.AssertFits(WithoutReplacement(tokens), counts);
        counts[counts.Keys.First()] += Samples / 50;
        Assert.True(ChiSquare.Deviation(WithoutReplacement(tokens), counts) > 4, "the test must notice two in a hundred");
    }

    /// <summary>p(x) p(y) / (1 - p(x)).</summary>
    private static Dictionary<string, double> WithoutReplacement((string Text, double P)[] items) =>
        (from x in items from y in items where x != y select (Key: $"{x.Text} {y.Text}", P: x.P * y.P / (1 - x.P)))
            .ToDictionary(e => e.Key, e => e.P);

    private static Dictionary<string, double> TargetLaw(Toy toy) =>
        (from a in Enumerable.Range(0, toy.Vocabulary)
         from b in Enumerable.Range(0, toy.Vocabulary)
         select (Key: $"{a} {b}", P: (toy.Target()[a] * toy.Target(a)[b]).ToDouble())).ToDictionary(e => e.Key, e => e.P);

    private readonly struct RandomVerification(Random random) : IVerifierDraws<double>
    {
        public bool Accepts(int depth, int sibling, double numerator, double denominator) => random.NextDouble() * denominator < numerator;

        public int Draw(int depth, ReadOnlySpan<double> weights) => Coppice.Decoding.Sampling.Sampler.Draw(weights, random.NextDouble());
    }
}
