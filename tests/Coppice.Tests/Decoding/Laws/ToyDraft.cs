using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Drafting;

namespace Coppice.Tests.Decoding.Laws;

/// <summary>The toy's draft as the drafters see a draft model; also counts how it is used.</summary>
internal sealed class ToyDraft : IDraftDistributions
{
    private readonly Toy _toy;

    public ToyDraft(Toy toy, int nodes = 64)
    {
        _toy = toy;
        Proposals = new Proposals<double>(nodes, toy.Vocabulary);
        Set(0, []);
    }

    public Proposals<double> Proposals { get; }
    public int Passes { get; private set; }
    public int Expanded { get; private set; }

    public void Expand(TokenTree tree, ReadOnlySpan<int> nodes)
    {
        foreach (var node in nodes) Set(node, Toy.Tokens(tree, node));
        Passes++;
        Expanded += nodes.Length;
    }

    /// <summary>Tokens by descending probability, as a model gives them.</summary>
    private void Set(int node, int[] path)
    {
        double[] weights = [.. _toy.Draft(path).Select(w => w.ToDouble())];
        int[] tokens = [.. Enumerable.Range(0, weights.Length).Where(t => weights[t] > 0).OrderByDescending(t => weights[t])];
        Proposals.Set(node, tokens, [.. tokens.Select(t => weights[t])]);
    }

    /// <summary>The toy's target in floating point.</summary>
    internal readonly struct Target(Toy toy) : ITargetDistribution<double>
    {
        public Span<double> Weights(TokenTree tree, int node) => toy.Target(Toy.Tokens(tree, node)).Select(w => w.ToDouble()).ToArray();
    }

    /// <summary>Enumerated decisions as the draws of a draft.</summary>
    internal readonly struct EnumeratedDraws(Enumeration<double> enumeration) : IDraftDraws
    {
        public double Uniform() => throw new NotSupportedException("a continuous number cannot be enumerated");

        public int Draw(TokenTree tree, int parent, ReadOnlySpan<double> weights) => enumeration.Choose(weights);
    }

    /// <summary>Numbers of a seeded generator.</summary>
    internal readonly struct RandomDraws(Random random) : IDraftDraws
    {
        public double Uniform() => random.NextDouble();

        public int Draw(TokenTree tree, int parent, ReadOnlySpan<double> weights) =>
            Coppice.Decoding.Sampling.Sampler.Draw(weights, random.NextDouble());
    }

    /// <summary>
    /// Draws that depend on the path and the number of the sibling alone, so that trees grown in different orders can be compared.
    /// </summary>
    internal readonly struct KeyedDraws(int seed) : IDraftDraws
    {
        public double Uniform() => throw new NotSupportedException("not keyed");

        public int Draw(TokenTree tree, int parent, ReadOnlySpan<double> weights)
        {
            var siblings = 0;
            for (var child = tree.FirstChild(parent); child != TokenTree.None; child = tree.NextSibling(child)) siblings++;
            var key = Toy.Tokens(tree, parent).Aggregate(siblings + 7, (hash, token) => hash * 31 + token + 1);
            return Coppice.Decoding.Sampling.Sampler.Draw(weights,
                Coppice.Decoding.Sampling.Philox.Uniform((ulong)seed, Coppice.Decoding.Sampling.RandomStream.Draft, key));
        }
    }
}
