using Coppice.Decoding.Verification;

namespace Coppice.Drafting;

/// <summary>
/// How often the n-th node of a drafter's trees is accepted, and how many nodes pay in a pass that other sequences share.
/// </summary>
/// <remarks>
/// For drafters whose trees have a fixed size and whose nodes come by falling worth. Alone in a pass they keep that size. In a shared pass
/// the first nodes are proposed up to the number that maximises expected tokens for the time of the whole pass, or none. Where none pays
/// the rates drift back to the priors, so that drafts are tried again.
/// </remarks>
internal sealed class NodeRates
{
    private const float First = 0.5f, Falling = 0.8f;       // at first: of the first node, and of each in terms of the one before
    private const float Memory = 64, Drift = 0.01f;

    private readonly float[] _rates, _weights;

    /// <summary>Creates rates for trees of at most <paramref name="nodes"/>, the root included.</summary>
    public NodeRates(int nodes)
    {
        (_rates, _weights) = (new float[nodes], new float[nodes]);
        _weights.AsSpan().Fill(Memory / 4);
        for (var node = 1; node < nodes; node++) _rates[node] = Prior(node);
    }

    /// <summary>Tokens that a tree of a number of nodes is expected to give.</summary>
    public double Expected(int nodes)
    {
        var tokens = 1.0;
        foreach (var rate in _rates.AsSpan(0, Math.Min(nodes, _rates.Length))) tokens += rate;
        return tokens;
    }

    /// <summary>How many nodes to propose, the root included: <paramref name="most"/> where the sequence is alone in the pass.</summary>
    public int Limit(in DraftRequest request, int most)
    {
        var economics = new PassEconomics(request);
        if (!economics.IsShared) return most;
        var (best, expected) = (1, 1.0);
        var bestRate = economics.Rate(expected, 1);
        for (var nodes = 2; nodes <= most; nodes++)
        {
            if (nodes <= _rates.Length) expected += _rates[nodes - 1];
            var rate = economics.Rate(expected, nodes);
            if (rate > bestRate) (best, bestRate) = (nodes, rate);
        }
        for (var node = best; best == 1 && node < _rates.Length; node++) _rates[node] += Drift * (Prior(node) - _rates[node]);
        return best;
    }

    /// <summary>Learns from a tree whose nodes were proposed in the order of their numbers.</summary>
    public void Accept(in VerificationResult verification)
    {
        var nodes = Math.Min(verification.Tree.Count, _rates.Length);
        for (var node = 1; node < nodes; node++)
        {
            _weights[node] = Math.Min(_weights[node] + 1, Memory);
            _rates[node] += ((verification.Path.Contains(node) ? 1 : 0) - _rates[node]) / _weights[node];
        }
    }

    private static float Prior(int node) => First * MathF.Pow(Falling, node - 1);
}
