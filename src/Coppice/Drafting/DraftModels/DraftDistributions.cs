using Coppice.Decoding.Verification;

namespace Coppice.Drafting;

/// <summary>What a draft model says of the nodes of a token tree.</summary>
internal interface IDraftDistributions
{
    /// <summary>
    /// For the root and every expanded node the draft's distribution over what follows it, the most probable token first.
    /// </summary>
    Proposals<double> Proposals { get; }

    /// <summary>Runs the draft model over <paramref name="nodes"/>, whose parents are expanded or the root, in one pass.</summary>
    void Expand(TokenTree tree, ReadOnlySpan<int> nodes);
}

/// <summary>The random numbers of a draft.</summary>
internal interface IDraftDraws
{
    /// <summary>A number in [0, 1).</summary>
    double Uniform();

    /// <summary>An index with probability proportional to its weight: the next child of <paramref name="parent"/>.</summary>
    int Draw(TokenTree tree, int parent, ReadOnlySpan<double> weights);
}
