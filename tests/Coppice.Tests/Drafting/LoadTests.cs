using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Execution;
using Coppice.Tests.Decoding.Laws;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.Drafting;

/// <summary>
/// Drafting in a pass that other sequences share: nodes go where they give most for the time of the whole pass, down to none.
/// </summary>
public sealed class LoadTests
{
    private const int Vocabulary = 50;

    /// <summary>
    /// Flat up to eight rows, then every row costs its full share: a processor that computes eight rows at the price of one.
    /// </summary>
    private static PassCosts Step() => PassCosts.Of((1, 1), (8, 1.02), (9, 1.15), (128, 16));

    private static int Next(int[] tokens) => tokens.Length < 2 ? 1 : (7 * tokens[^1] + 3 * tokens[^2] + 1) % 47;

    private static Drafter Create(string name)
    {
        var context = new DraftContext(null, (_, _) => throw new InvalidOperationException(), (_, _, _, _) => null)
        {
            VocabularySize = Vocabulary,
            MaxTokens = 1000,
            HiddenSize = 8,
            Folder = "",
        };
        return DrafterOptions.Parse(name).Create(context);
    }

    /// <summary>A drafter that has seen a text twice, the tokens in whose midst it stands now, and a tree that it may fill.</summary>
    private static (Drafter Drafter, int[] Tokens, TokenTree Tree) Taught(string name, Func<int[], int>? next = null)
    {
        var drafter = Create(name);
        int[] tokens = [];
        for (var round = 0; round < 2; round++)
        {
            var target = new ToyTarget(Vocabulary, next ?? Next);
            tokens = [5, 6, 7, .. target.Generate(drafter, [5, 6, 7], 200).Take(100)];
        }
        drafter.Begin(tokens);
        return (drafter, tokens, new TokenTree(96, 31));
    }

    private static int Nodes((Drafter Drafter, int[] Tokens, TokenTree Tree) taught, PassCosts costs, int rows, double tokens)
    {
        taught.Tree.Reset(taught.Tokens[^1]);
        taught.Drafter.Draft(Requests.Of(taught.Tokens, costs, rows, tokens), taught.Tree);
        return taught.Tree.Count;
    }

    public static TheoryData<string> Adaptive =>
        ["auto", "prompt-lookup", "suffix:nodes=30", "token-recycling:nodes=20", "token-recycling:tree=template", "aded:nodes=30"];

    [Theory, MemberData(nameof(Adaptive))]
    public void Where_rows_are_free_there_is_a_tree_however_full_the_pass_is(string name)
    {
        var taught = Taught(name);
        using var drafter = taught.Drafter;
        Assert.InRange(Nodes(taught, PassCosts.Of((1, 1), (128, 1)), 16, 16), 2, 96);
    }

    [Theory, MemberData(nameof(Adaptive))]
    public void Nodes_that_cost_more_than_they_give_are_not_proposed(string name)
    {
        var taught = Taught(name);
        using var drafter = taught.Drafter;
        Assert.Equal(1, Nodes(taught, PassCosts.Of((1, 1), (8, 1), (9, 9), (128, 1000)), 7, 7));
        Assert.Equal(1, taught.Tree.ExpectedTokens);
        var expected = Nodes(taught, Step(), 4, 4);
        Assert.InRange(expected, 2, 96);
    }

    /// <summary>
    /// Up to eight rows are free, so with four others there is room for three nodes; beyond it a row costs an eighth of what a token takes.
    /// </summary>
    [Fact]
    public void Trees_shrink_as_others_fill_the_pass()
    {
        static int Unsure(int[] tokens) => (tokens.Length * tokens.Length + 3 * tokens[^1]) % 17;
        var taught = Taught("auto", Unsure);
        using var drafter = taught.Drafter;
        var costs = PassCosts.Of((1, 1), (8, 1.01), (9, 2), (128, 120));
        int[] nodes = [.. Enumerable.Range(0, 12).Select(others => Nodes(taught, costs, others, others))];
        for (var others = 1; others < nodes.Length; others++) Assert.InRange(nodes[others], 1, nodes[others - 1]);
        Assert.InRange(nodes[0], 2, 8);
        Assert.InRange(nodes[4], 2, 4);
        Assert.All(nodes[8..], count => Assert.Equal(1, count));
    }

    /// <summary>
    /// With nobody else in the pass the size is that which maximises (1 + Σ probabilities) / t(nodes): found anew here for every limit of
    /// the tree.
    /// </summary>
    [Theory, MemberData(nameof(Adaptive))]
    public void Alone_in_a_pass_trees_are_what_they_were(string name)
    {
        var taught = Taught(name);
        using var drafter = taught.Drafter;
        Nodes(taught, Step(), 0, 0);
        int[] tokens = [.. taught.Tree.Tokens], parents = [.. taught.Tree.Parents];
        var alone = new DraftRequest
        {
            Tokens = taught.Tokens,
            MaxNodes = 96,
            MaxDepth = 31,
            Sampler = Requests.Of([0]).Sampler,
            Costs = Step(),
        };
        taught.Tree.Reset(taught.Tokens[^1]);
        drafter.Draft(alone, taught.Tree);
        Assert.Equal(tokens, taught.Tree.Tokens);
        Assert.Equal(parents, taught.Tree.Parents);
        if (name != "auto")
        {
            Nodes(taught, PassCosts.Of((1, 1), (2, 50), (96, 5000)), 0, 0);      // a fixed size does not ask what rows cost
            Assert.Equal(tokens, taught.Tree.Tokens);
        }
    }

    /// <summary>The tree is a prefix of the largest one, the best by the rate of the whole pass, for every number of others.</summary>
    [Theory]
    [InlineData(0, 0)]
    [InlineData(3, 3.5)]
    [InlineData(7, 12)]
    [InlineData(40, 44)]
    public void Auto_takes_the_best_prefix_of_its_largest_tree(int rows, double others)
    {
        static int Unsure(int[] tokens) => (tokens.Length / 3 * 5 + tokens[^1] * 3) % 23;
        var taught = Taught("auto", Unsure);
        using var drafter = taught.Drafter;
        var costs = PassCosts.Of((1, 1), (8, 1.3), (32, 3), (128, 14));
        var expected = new List<double>();
        for (var most = 1; most <= 32; most++)
        {
            taught.Tree.Reset(taught.Tokens[^1]);
            var request = new DraftRequest
            {
                Tokens = taught.Tokens,
                MaxNodes = most,
                MaxDepth = 31,
                Sampler = Requests.Of([0]).Sampler,
                Costs = PassCosts.Of((1, 1), (128, 1)),
            };
            drafter.Draft(request, taught.Tree);
            if (taught.Tree.Count < most) break;
            expected.Add(taught.Tree.ExpectedTokens);
        }
        Assert.InRange(expected.Count, 4, 32);
        var best = Enumerable.Range(1, expected.Count).MaxBy(nodes => (others + expected[nodes - 1]) / Seconds(nodes));
        Assert.Equal(best, Nodes(taught, costs, rows, others));
        Assert.Equal(expected[best - 1], taught.Tree.ExpectedTokens, 1e-9);

        // What a node adds to a pass that others share counts a twentieth more.
        double Seconds(int nodes) =>
            costs.Seconds(rows + nodes) + (rows > 0 ? 0.05 * (costs.Seconds(rows + nodes) - costs.Seconds(rows + 1)) : 0);
    }

    /// <summary>
    /// Beside a prompt every node takes what a row of a pass full of work does, and a token is worth what it is without the prompt.
    /// </summary>
    [Fact]
    public void Beside_prompts_a_node_costs_a_row_of_a_full_pass()
    {
        var costs = PassCosts.Of((1, 1), (8, 1), (9, 5), (128, 100));
        var alone = new PassEconomics(costs, 0, 0);
        var beside = new PassEconomics(costs, 0, 0, rowSeconds: 0.5);
        Assert.Equal(1, alone.Seconds(8));
        Assert.InRange(beside.Seconds(3), 1 + 2 * 0.5, 1 + 2 * 0.6);
        Assert.True(alone.Rate(1.4, 8) > alone.Rate(1, 1));
        Assert.True(beside.Rate(1.4, 2) < beside.Rate(1, 1));
        Assert.True(beside.Rate(1.6, 2) > beside.Rate(1, 1));
    }

    /// <summary>What a tree was expected to give is what it gives in the mean.</summary>
    [Theory, MemberData(nameof(Adaptive))]
    public void Expected_tokens_are_what_passes_give(string name)
    {
        using var drafter = Create(name);
        var target = new ToyTarget(Vocabulary, tokens => (tokens[^1] + (tokens.Length % 4 == 0 ? 2 : 1)) % 40);
        for (var round = 0; round < 6; round++) target.Generate(drafter, [5, 6, 7], 600);
        var expected = target.Expected.Skip(10).SkipLast(5).Average();
        var given = target.Given.Skip(10).SkipLast(5).Average();
        Assert.InRange(expected / given, 0.75, 1.33);
    }

    /// <summary>Drafts rest in a full pass, and come back when it is empty again and what was unlikely has become likely.</summary>
    [Fact]
    public void Rates_that_forbade_drafts_drift_back()
    {
        var rates = new NodeRates(8);
        var tree = new TokenTree(8, 7);
        for (var i = 0; i < 200; i++)
        {
            tree.Reset(0);
            for (var node = 0; node < 7; node++) tree.Add(node, 1);
            rates.Accept(new VerificationResult { Tree = tree, Path = [0], Tokens = [0, 3], Emitted = [3], Best = default });
        }
        Assert.InRange(rates.Expected(8), 1, 1.3);
        var costs = PassCosts.Of((1, 1), (8, 1.5), (128, 20));
        Assert.Equal(1, rates.Limit(Requests.Of([0], costs, 4, 4), 8));
        Assert.Equal(8, rates.Limit(Requests.Of([0], costs), 8));
        var calls = 1;
        while (rates.Limit(Requests.Of([0], costs, 4, 4), 8) == 1 && calls < 1000) calls++;
        Assert.InRange(calls, 5, 300);
    }

    private static readonly Toy Draft =
        new(Vocabulary, _ => [], path => [.. Enumerable.Range(0, 6).Select(t => new Rational((t + path.Sum()) % 6 + 1, 21))]);

    /// <summary>Growth by a draft model stops where a node gives less than the whole pass does for the same time.</summary>
    [Fact]
    public void A_draft_models_tree_counts_the_whole_pass()
    {
        static TokenTree Grow(int rows, double others)
        {
            var tree = new TokenTree(64, 31);
            tree.Reset(0);
            var costs = PassCosts.Of((1, 1), (8, 1.02), (9, 1.3), (128, 30));
            var economics = new TreeEconomics(new PassEconomics(costs, rows, others), 0.01);
            new BestFirstTree(64, 3).Grow(tree, new ToyDraft(Draft, 64), new DraftLimits(32, 8), economics);
            return tree;
        }
        var (alone, few, many) = (Grow(0, 0).Count, Grow(4, 4).Count, Grow(16, 16).Count);
        Assert.InRange(alone, 4, 32);
        Assert.InRange(few, 2, alone - 1);
        Assert.Equal(1, many);
        var limits = new DraftLimits(16, 8);
        var full = new PassEconomics(PassCosts.Of((1, 1), (8, 1.02), (9, 1.3), (128, 30)), 16, 16);
        var empty = new PassEconomics(PassCosts.Of((1, 1), (2, 9)), 0, 0);
        var free = new PassEconomics(PassCosts.Of((1, 1), (128, 1)), 16, 16);
        Assert.False(new TreeEconomics(full, 0.01).Pays(0.6, limits));
        Assert.True(new TreeEconomics(empty, 5).Pays(0.1, limits));      // alone the guard decides
        Assert.True(new TreeEconomics(free, 0.001).Pays(0.6, limits));
    }
}
