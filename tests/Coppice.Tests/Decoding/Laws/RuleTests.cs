using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using CsCheck;
using Xunit;

namespace Coppice.Tests.Decoding.Laws;

/// <summary>
/// How the rules of acceptance relate to each other, and that the draws of the engine are what the enumerations stand for.
/// </summary>
public sealed class RuleTests
{
    private const int Vocabulary = 6;

    private static readonly Gen<(int Parent, int Token, bool Sampled)[]> Trees =
        Gen.Select(Gen.Int[0, 100], Gen.Int[0, Vocabulary - 1], Gen.Bool).Array[0, 20];

    private static (TokenTree Tree, Proposals<double> Proposals) Build((int Parent, int Token, bool Sampled)[] edges, int seed)
    {
        var tree = new TokenTree(32, 31);
        tree.Reset(0);
        foreach (var (parent, token, sampled) in edges)
        {
            var under = parent % tree.Count;
            if (tree.TryFindChild(under, token, out _)) continue;
            if (sampled) tree.AddSampled(under, token);
            else tree.Add(under, token);
        }
        var proposals = new Proposals<double>(tree.Capacity, Vocabulary);
        int[] tokens = [.. Enumerable.Range(0, Vocabulary)];
        for (var node = 0; node < tree.Count; node++) proposals.Set(node, tokens, [.. tokens.Select(t => Noise(seed + 1, node, t))]);
        return (tree, proposals);
    }

    private static double Noise(int seed, int node, int token) => Philox.Uniform((ulong)seed, RandomStream.Search, node, token) + 0.01;

    /// <summary>A target that is certain of one token after every node.</summary>
    private readonly struct Certain(int seed) : ITargetDistribution<double>, ITokenChoice
    {
        public int Choose(TokenTree tree, int node) => (int)(Noise(seed, node, 0) * 1000) % Vocabulary;

        public Span<double> Weights(TokenTree tree, int node)
        {
            var weights = new double[Vocabulary];
            weights[Choose(tree, node)] = 3;
            return weights;
        }
    }

    [Fact]
    public void With_a_certain_target_every_rule_is_the_greedy_one() => Gen.Select(Trees, Gen.Int[0, 1000]).Sample((edges, seed) =>
    {
        var (tree, proposals) = Build(edges, seed);
        var (greedy, residual, typical) = (new int[32], new int[32], new int[32]);
        var accepted = Verifier.Walk(tree, new Certain(seed), greedy, out var next);
        Assert.Equal(accepted, ResidualVerifier<double>.Walk(tree, proposals, new Certain(seed), new PhiloxDraws((ulong)seed, 5), residual,
            out var residualNext));
        Assert.Equal(accepted, TypicalVerifier.Walk(tree, new Certain(seed), new TypicalAcceptance(), typical, out var typicalNext));
        Assert.Equal((next, next), (residualNext, typicalNext));
        Assert.Equal(greedy[..accepted], residual[..accepted]);
        Assert.Equal(greedy[..accepted], typical[..accepted]);
    }, iter: 500);

    private readonly struct Fixed(double[] weights) : ITargetDistribution<double>
    {
        public Span<double> Weights(TokenTree tree, int node) => weights.ToArray();
    }

    [Theory]
    [InlineData("0.5 0.3 0.1 0.1", 1, true)]        // entropy 1.17: threshold min(0.09, 0.3 · 0.31)
    [InlineData("0.5 0.3 0.1 0.1", 2, true)]
    [InlineData("0.85 0.08 0.04 0.03", 1, false)]   // entropy 0.57: threshold 0.09
    [InlineData("0.2 0.2 0.2 0.08 0.08 0.08 0.08 0.08", 3, true)]  // entropy 1.98: threshold 0.3 · 0.139 = 0.042
    public void Typical_acceptance_takes_what_lies_above_its_threshold(string weights, int token, bool accepted)
    {
        var tree = new TokenTree(4, 3);
        tree.Reset(0);
        tree.Add(0, token);
        var path = new int[4];
        double[] scaled = [.. weights.Split(' ').Select(w => 7 * double.Parse(w, System.Globalization.CultureInfo.InvariantCulture))];
        Assert.Equal(accepted ? 2 : 1, TypicalVerifier.Walk(tree, new Fixed(scaled), new TypicalAcceptance(), path, out var next));
        Assert.Equal(0, next);
    }

    [Fact]
    public void Typical_acceptance_takes_the_longest_path_and_of_equal_ones_the_more_probable()
    {
        var tree = new TokenTree(8, 3);
        tree.Reset(0);
        var a = tree.Add(0, 1);
        var b = tree.Add(0, 0);
        tree.Add(a, 1);
        var best = tree.Add(b, 1);
        tree.Add(0, 3);
        var path = new int[4];
        Assert.Equal(3, TypicalVerifier.Walk(tree, new Fixed([0.5, 0.4, 0.06, 0.04]), new TypicalAcceptance(), path, out _));
        Assert.Equal([0, b, best], path[..3]);
    }

    [Fact]
    public void Every_decision_takes_a_number_of_its_own()
    {
        var draws = new PhiloxDraws(9, 100);
        for (var depth = 0; depth < 5; depth++)
        {
            for (var sibling = 0; sibling < 5; sibling++)
            {
                var u = Philox.Uniform(9, RandomStream.Acceptance, 100 + depth, sibling);
                Assert.True(draws.Accepts(depth, sibling, u + 1e-9, 1));
                Assert.False(draws.Accepts(depth, sibling, u, 1));
                Assert.False(draws.Accepts(depth, sibling, 2 * u, 2));
            }
            var v = Philox.Uniform(9, RandomStream.Residual, 100 + depth);
            Assert.Equal(v < 0.25 ? 1 : 3, draws.Draw(depth, [0, 0.5, 0, 1.5]));
        }
    }

    /// <summary>
    /// Faults of published code, each measured on the specification's example: a path draws for itself, or a miss is drawn again.
    /// </summary>
    [Fact]
    public void Draws_for_each_path_and_draws_after_a_miss_are_not_lossless()
    {
        // A drafted token of probability 1/2, five paths through it: accepted with 1 - 2⁻⁵. And a miss that is drawn again keeps 1/2 + 1/4
        // for the drafted token.
        var random = new Random(1);
        var (byPath, again, samples) = (0, 0, 40_000);
        for (var i = 0; i < samples; i++)
        {
            var hit = false;
            for (var path = 0; path < 5; path++) hit |= Sampler.Draw((ReadOnlySpan<double>)[0.5, 0.5], random.NextDouble()) == 0;
            if (hit) byPath++;
            if (Sampler.Draw((ReadOnlySpan<double>)[0.5, 0.5], random.NextDouble()) == 0
                || Sampler.Draw((ReadOnlySpan<double>)[0.5, 0.5], random.NextDouble()) == 0)
                again++;
        }
        var law = new Dictionary<string, double> { ["drafted"] = 0.5, ["other"] = 0.5 };
        foreach (var count in (int[])[byPath, again])
            Assert.True(Support.ChiSquare.Deviation(law, new Dictionary<string, int>
            {
                ["drafted"] = count,
                ["other"] = samples - count
            }) > 10);
    }
}
