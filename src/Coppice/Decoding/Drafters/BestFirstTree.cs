namespace Coppice.Decoding.Drafters;

/// <summary>What decides how large a tree is worth growing: times of verification and of drafting.</summary>
/// <param name="costs">Times of verification, or null to grow up to the limits.</param>
/// <param name="passSeconds">Time of a pass of the draft model.</param>
internal readonly struct TreeEconomics(PassCosts? costs, double passSeconds)
{
    private const int LookAhead = 8;

    /// <summary>Tokens that a second is worth, where a tree of <paramref name="nodes"/> and so many passes of the draft are expected to give <paramref name="tokens"/>.</summary>
    public double Rate(double tokens, int nodes, int passes) => costs is null ? 0 : tokens / (costs.Seconds(nodes) + passes * passSeconds);

    /// <summary>Seconds of another node: where the curve has a step behind which it is flat, the step is shared by the nodes behind it.</summary>
    public double NodeSeconds(int nodes)
    {
        if (costs is null) return 0;
        var (now, least) = (costs.Seconds(nodes), double.PositiveInfinity);
        for (var more = 1; more <= LookAhead; more++) least = Math.Min(least, (costs.Seconds(nodes + more) - now) / more);
        return Math.Max(least, 0);
    }

    /// <summary>Seconds of another pass of the draft.</summary>
    public double PassSeconds => costs is null ? 0 : passSeconds;
}

/// <summary>Grows a tree by the most probable nodes of a draft model: whatever gives the most expected tokens for its time comes next, another node or another pass of the draft.</summary>
/// <remarks>
/// A node's chance is the product of the draft's probabilities along its path, as acceptance has confirmed them. Li et al., EAGLE-2 (2024), section 4.1, keep the nodes of the
/// largest chance from levels of a fixed width; here the levels are as wide as pays.
/// </remarks>
/// <param name="nodes">Nodes of the largest tree.</param>
/// <param name="branches">Most probable children of a node that are considered.</param>
internal sealed class BestFirstTree(int nodes, int branches)
{
    private const double Follow = 0.05;

    private readonly AcceptanceRates _rates = new();
    private readonly double[] _reach = new double[nodes], _probability = new double[nodes];
    private readonly bool[] _expandable = new bool[nodes];
    private readonly (int Parent, int Token, double Probability, double Reach)[] _candidates = new (int, int, double, double)[nodes * branches];
    private int _count, _drafted;
    private double _bestChild = 0.6;      // chance of an expanded node's best child, a slow mean

    /// <summary>Grows <paramref name="tree"/> from its root, whose distribution is set.</summary>
    public void Grow<TModel>(TokenTree tree, TModel model, DraftLimits limits, TreeEconomics economics) where TModel : IDraftDistributions
    {
        limits = limits with { Nodes = Math.Min(limits.Nodes, nodes) };
        (_count, _reach[0]) = (0, 1);
        var (tokens, passes) = (1.0, 1);
        Open(model, 0);
        while (tree.Count < limits.Nodes)
        {
            var (candidate, node) = (BestCandidate(), BestExpandable(tree.Count, tree, limits.Depth));
            var rate = economics.Rate(tokens, tree.Count, passes);
            var another = economics.NodeSeconds(tree.Count);
            var ofNode = candidate < 0 ? double.NegativeInfinity : _candidates[candidate].Reach - rate * another;
            var ofPass = node < 0 ? double.NegativeInfinity : _reach[node] * _bestChild - rate * (another + economics.PassSeconds);
            if (!(Math.Max(ofNode, ofPass) > 0)) break;
            if (ofPass > ofNode)
            {
                _expandable[node] = false;
                model.Expand(tree, [node]);
                Open(model, node);
                passes++;
            }
            else
            {
                tokens += _candidates[candidate].Reach;
                Add(tree, candidate);
            }
        }
        _drafted = tree.Count;
    }

    /// <summary>Learns from what was accepted of the tree that was grown last.</summary>
    public void Accept(in Verification verification)
    {
        var tree = verification.Tree;
        var path = verification.Path;
        for (var i = 0; i < path.Length && _drafted > 1; i++)
        {
            for (var child = tree.FirstChild(path[i]); child != TokenTree.None; child = tree.NextSibling(child))
                if (child < _drafted) _rates.Observe(_probability[child], i + 1 < path.Length && path[i + 1] == child);
        }
        _drafted = 0;
    }

    /// <summary>The children of an expanded node become candidates.</summary>
    private void Open<TModel>(TModel model, int node) where TModel : IDraftDistributions
    {
        var tokens = model.Proposals.Tokens(node);
        var weights = model.Proposals.Weights(node);
        for (var i = 0; i < Math.Min(branches, tokens.Length); i++)
            _candidates[_count++] = (node, tokens[i], weights[i], _reach[node] * _rates.Chance(weights[i]));
        _bestChild += Follow * (_rates.Chance(weights[0]) - _bestChild);
    }

    private void Add(TokenTree tree, int candidate)
    {
        var (parent, token, probability, reach) = _candidates[candidate];
        _candidates[candidate] = _candidates[--_count];
        var node = tree.Add(parent, token);
        (_reach[node], _probability[node], _expandable[node]) = (reach, probability, true);
    }

    private int BestCandidate()
    {
        var best = -1;
        for (var i = 0; i < _count; i++)
        {
            if (best < 0 || _candidates[i].Reach > _candidates[best].Reach) best = i;
        }
        return best;
    }

    private int BestExpandable(int count, TokenTree tree, int maxDepth)
    {
        var best = -1;
        for (var node = 1; node < count; node++)
        {
            if (_expandable[node] && tree.Depths[node] < maxDepth && (best < 0 || _reach[node] > _reach[best])) best = node;
        }
        return best;
    }
}
