using Coppice.Decoding.Verification;
using Xunit;

namespace Coppice.Tests.Decoding.Laws;

/// <summary>The law of what verification emits, by enumerating every draw with exact fractions.</summary>
public sealed class ExactLawTests
{
    private delegate void Growth(Toy toy, TokenTree tree, Enumeration<Rational> draws);

    /// <summary>Tokens that one step emits, with their probabilities.</summary>
    private static List<(Rational Probability, int[] Emitted)> Step(Toy toy, Growth grow, Func<TokenTree, TokenTree>? rearrange = null)
    {
        var enumeration = new Enumeration<Rational>(Rational.One);
        return [.. enumeration.Run(draws =>
        {
            var tree = NewTree();
            grow(toy, tree, draws);
            if (rearrange is not null) tree = rearrange(tree);
            var proposals = new Proposals<Rational>(tree.Capacity, toy.Vocabulary);
            toy.Propose(tree, proposals);
            var path = new int[tree.PathLength];
            var accepted = ResidualVerifier<Rational>.Walk(tree, proposals, new Toy.TableTarget(toy), draws, path, out var next);
            return (int[])[.. Toy.Tokens(tree, path[accepted - 1]), next];
        })];
    }

    private static TokenTree NewTree()
    {
        var tree = new TokenTree(32, 5);
        tree.Reset(0);
        return tree;
    }

    /// <summary>Probability of each text of <paramref name="length"/> tokens; what a step leaves open comes from the target.</summary>
    private static Dictionary<string, Rational> Law(Toy toy, IEnumerable<(Rational Probability, int[] Emitted)> steps, int length)
    {
        var law = new Dictionary<string, Rational>();
        void Spread(Rational probability, int[] tokens)
        {
            if (tokens.Length >= length)
            {
                var key = string.Join(' ', tokens.Take(length));
                law[key] = law.GetValueOrDefault(key) + probability;
                return;
            }
            var weights = toy.Target(tokens);
            for (var token = 0; token < weights.Length; token++)
                if (weights[token] > default(Rational)) Spread(probability * weights[token], [.. tokens, token]);
        }
        foreach (var (probability, emitted) in steps) Spread(probability, emitted);
        return law;
    }

    private static Dictionary<string, Rational> TargetLaw(Toy toy, int length) => Law(toy, [(Rational.One, [])], length);

    private static Rational MeanLength(IEnumerable<(Rational Probability, int[] Emitted)> steps) =>
        steps.Aggregate(default(Rational), (sum, step) => sum + step.Probability * new Rational(step.Emitted.Length, 1));

    private static void AssertLossless(Toy toy, List<(Rational Probability, int[] Emitted)> steps, int length = 3)
    {
        Assert.Equal(Rational.One, steps.Aggregate(default(Rational), (sum, step) => sum + step.Probability));
        var expected = TargetLaw(toy, length);
        var actual = Law(toy, steps, length);
        Assert.Equal(expected.OrderBy(e => e.Key), actual.OrderBy(e => e.Key));
    }

    private static double TotalVariation(Toy toy, List<(Rational Probability, int[] Emitted)> steps, int length)
    {
        var (expected, actual) = (TargetLaw(toy, length), Law(toy, steps, length));
        return expected.Keys.Union(actual.Keys).Sum(k => Math.Abs((expected.GetValueOrDefault(k) - actual.GetValueOrDefault(k))
            .ToDouble())) / 2;
    }

    /// <summary>RSD-C: the same number of drawn children at each level.</summary>
    private static Growth Branching(params int[] counts) => (toy, tree, draws) =>
    {
        var (first, end) = (0, 1);
        foreach (var count in counts)
        {
            for (var node = first; node < end; node++)
                for (var child = 0; child < count; child++) toy.DrawChild(tree, node, draws);
            (first, end) = (end, tree.Count);
        }
    };

    [Theory]
    [InlineData(1, "1/2")]
    [InlineData(2, "29/40")]
    [InlineData(3, "101/120")]
    [InlineData(4, "1")]
    public void Without_replacement_a_child_of_k_is_accepted_as_often_as_the_specification_says(int count, string expected)
    {
        var steps = Step(Toy.OneLevel, Branching(count));
        Assert.Equal(Rational.Parse(expected), MeanLength(steps) - Rational.One);
        AssertLossless(Toy.OneLevel, steps, 2);
    }

    [Theory]
    [InlineData("1 1", "313/150")]
    [InlineData("2 1", "1181/525")]
    [InlineData("2 2", "859/350")]
    [InlineData("3 1", "761/300")]
    public void RsdC_emits_the_targets_law_and_the_specifications_number_of_tokens(string counts, string expected)
    {
        var steps = Step(Toy.TwoLevels, Branching([.. counts.Split(' ').Select(int.Parse)]));
        AssertLossless(Toy.TwoLevels, steps);
        Assert.Equal(Rational.Parse(expected), MeanLength(steps));
    }

    /// <summary>
    /// Stochastic beam search by what it is equivalent to: whole sequences are drawn without replacement; the beam of the first level holds
    /// the first tokens of the sequences in the order in which they appear, that of the last level the first sequences.
    /// </summary>
    private static Growth StochasticBeam(int width) => (toy, tree, draws) =>
    {
        int[][] sequences = [.. from a in Enumerable.Range(0, 3) from b in Enumerable.Range(0, 3) select (int[])[a, b]];
        Rational[] weights = [.. sequences.Select(s => toy.Draft()[s[0]] * toy.Draft(s[0])[s[1]])];
        var (drawn, heads) = (new List<int[]>(), new List<int>());
        while (drawn.Count < width || heads.Count < width)
        {
            var next = draws.Choose(weights);
            weights[next] = default;
            if (drawn.Count < width) drawn.Add(sequences[next]);
            if (!heads.Contains(sequences[next][0])) heads.Add(sequences[next][0]);
        }
        foreach (var head in heads) tree.AddSampled(0, head);
        foreach (var sequence in drawn)
        {
            tree.TryFindChild(0, sequence[0], out var parent);
            tree.AddSampled(parent, sequence[1]);
        }
    };

    [Fact]
    public void RsdS_emits_the_targets_law_and_the_specifications_number_of_tokens()
    {
        var narrow = Step(Toy.TwoLevels, StochasticBeam(1));
        AssertLossless(Toy.TwoLevels, narrow);
        Assert.Equal(Rational.Parse("313/150"), MeanLength(narrow));
        var wide = Step(Toy.TwoLevels, StochasticBeam(2));
        AssertLossless(Toy.TwoLevels, wide);
        Assert.Equal(Rational.Parse("130895341/57723330"), MeanLength(wide));
    }

    /// <summary>
    /// DySpec, written from its definition: always the draw with the largest estimate, the slot that was created first of equal ones.
    /// </summary>
    private static Growth Budget(int count) => (toy, tree, draws) =>
    {
        var slots = new List<(Rational Estimate, int Node)> { (Rational.One, 0) };
        for (var drawn = 0; drawn < count; drawn++)
        {
            var best = slots.Aggregate((a, b) => b.Estimate > a.Estimate ? b : a);
            slots.Remove(best);
            var weights = toy.Draft(Toy.Tokens(tree, best.Node));
            for (var earlier = tree.FirstChild(best.Node); earlier != TokenTree.None; earlier = tree.NextSibling(earlier))
                weights[tree.Tokens[earlier]] = default;
            var left = weights.Aggregate((a, b) => a + b);
            var child = toy.DrawChild(tree, best.Node, draws);
            var probability = weights[tree.Tokens[child]] / left;
            slots.Add((best.Estimate * (Rational.One - probability), best.Node));
            slots.Add((best.Estimate * probability, child));
        }
    };

    [Theory]
    [InlineData(1, "17/10")]
    [InlineData(2, "633/350")]
    [InlineData(3, "27/14")]
    [InlineData(4, "277/140")]
    public void DySpec_emits_the_targets_law_and_the_specifications_number_of_tokens(int budget, string expected)
    {
        var steps = Step(Toy.TwoLevels, Budget(budget));
        AssertLossless(Toy.TwoLevels, steps);
        Assert.Equal(Rational.Parse(expected), MeanLength(steps));
    }

    /// <summary>A fixed child among drawn ones, before or after them; drawn ones that equal it are drawn ones.</summary>
    private static Growth Mixed(int fixedToken, int drawnBefore, int drawnBehind) => (toy, tree, draws) =>
    {
        for (var i = 0; i < drawnBefore; i++) toy.DrawChild(tree, 0, draws);
        var node = tree.Add(0, fixedToken);
        for (var i = 0; i < drawnBehind; i++) toy.DrawChild(tree, 0, draws);
        tree.Add(node, 2);
        tree.Add(tree.FirstChild(0), 1);
    };

    [Theory]
    [InlineData(0, 1, 0)]
    [InlineData(1, 2, 0)]
    [InlineData(2, 0, 0)]
    public void Drawn_and_fixed_children_together_emit_the_targets_law(int fixedToken, int drawnBefore, int drawnBehind) =>
        AssertLossless(Toy.TwoLevels, Step(Toy.TwoLevels, Mixed(fixedToken, drawnBefore, drawnBehind)));

    /// <summary>
    /// A fixed child of token 0 before one that is drawn from the draft without token 0: its distribution is that of the draws, so the law
    /// holds in this order too.
    /// </summary>
    [Fact]
    public void A_fixed_child_before_drawn_ones_emits_the_targets_law()
    {
        var toy = new Toy(3, path => Toy.TwoLevels.Target(path), path => path.Length == 0
            ? Rational.List("0 0.6 0.4") : Toy.TwoLevels.Draft(path));
        AssertLossless(toy, Step(toy, Mixed(0, 0, 2)));
    }

    [Fact]
    public void A_fixed_tree_emits_the_targets_law_and_accepts_what_the_target_gives_its_children()
    {
        var steps = Step(Toy.TwoLevels, (_, tree, _) =>
        {
            tree.Add(0, 1);
            tree.Add(tree.Add(0, 2), 0);
        });
        AssertLossless(Toy.TwoLevels, steps);
        var deeper = steps.Where(s => s.Emitted.Length > 1).Aggregate(default(Rational), (sum, s) => sum + s.Probability);
        Assert.Equal(Rational.Parse("0.3") + Rational.Parse("0.2"), deeper);
    }

    [Fact]
    public void All_children_drawn_means_that_one_is_accepted() =>
        Assert.All(Step(Toy.TwoLevels, Branching(3)), step => Assert.Equal(2, step.Emitted.Length));

    [Fact]
    public void A_draft_that_equals_the_target_is_accepted_to_its_end()
    {
        var same = new Toy(3, path => Toy.TwoLevels.Target(path), path => Toy.TwoLevels.Target(path));
        Assert.All(Step(same, Branching(1, 1)), step => Assert.Equal(3, step.Emitted.Length));
        Assert.All(Step(same, Branching(2, 2)), step => Assert.Equal(3, step.Emitted.Length));
    }

    [Fact]
    public void A_draft_of_other_tokens_than_the_targets_is_never_accepted()
    {
        var apart = new Toy(4, _ => Rational.List("0.5 0.5 0 0"), _ => Rational.List("0 0 0.5 0.5"));
        var steps = Step(apart, Branching(2));
        Assert.All(steps, step => Assert.Single(step.Emitted));
        AssertLossless(apart, steps, 2);
    }

    /// <summary>
    /// Negative controls: breaking a condition of the rule changes the law, by as much as the specification says where it has a number.
    /// </summary>
    [Fact]
    public void Dropping_reordering_or_choosing_children_by_value_is_not_lossless()
    {
        var toy = Toy.TwoLevels;
        var reversed = Step(toy, Branching(2), tree =>
        {
            var turned = NewTree();
            for (var node = tree.Count - 1; node > 0; node--) turned.AddSampled(0, tree.Tokens[node]);
            return turned;
        });
        var dropped = Step(toy, Branching(2), tree =>
        {
            var kept = NewTree();
            for (var node = 1; node < tree.Count; node++)
                if (toy.Draft()[tree.Tokens[node]] >= Rational.Parse("0.25")) kept.AddSampled(0, tree.Tokens[node]);
            return kept;
        });
        var best = Step(Toy.OneLevel, (_, tree, _) =>
        {
            tree.AddSampled(0, 2);
            tree.AddSampled(0, 1);
        });
        Assert.Equal(27.0 / 280, TotalVariation(toy, reversed, 1), 1e-12);
        Assert.Equal(1.0 / 8, TotalVariation(toy, dropped, 1), 1e-12);
        Assert.Equal(1.0 / 10, TotalVariation(Toy.OneLevel, best, 1), 1e-12);
    }
}
