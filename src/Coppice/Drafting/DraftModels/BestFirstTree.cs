using Coppice.Decoding.Verification;

namespace Coppice.Drafting;

/// <summary>Decides how large a tree of a draft model grows: times of verification, of the whole pass, and of drafting.</summary>
/// <param name="pass">Times of verification, or null to grow up to the limits.</param>
/// <param name="passSeconds">Time of a pass of the draft model.</param>
internal readonly struct TreeEconomics(PassEconomics? pass, double passSeconds)
{
    private const int LookAhead = 8;

    /// <summary>
    /// Tokens a second of the whole pass, where a tree of <paramref name="nodes"/> and a number of passes of the draft are expected to give
    /// <paramref name="tokens"/>.
    /// </summary>
    public double Rate(double tokens, int nodes, int passes) => pass?.Rate(tokens, nodes, passes * passSeconds) ?? 0;

    /// <summary>
    /// Marginal cost of one more node, steps amortised: where the curve has a step with a flat part after it, the nodes on that part share
    /// the step. Seconds.
    /// </summary>
    public double NodeSeconds(int nodes)
    {
        if (pass is not { } known) return 0;
        var (now, least) = (known.Seconds(nodes), double.PositiveInfinity);
        for (var more = 1; more <= LookAhead; more++) least = Math.Min(least, (known.Seconds(nodes + more) - now) / more);
        return Math.Max(least, 0);
    }

    /// <summary>Seconds of another pass of the draft.</summary>
    public double PassSeconds => pass is null ? 0 : passSeconds;

    /// <summary>
    /// Whether some chain pays in a pass that other sequences share, if each of its tokens is accepted with <paramref name="chance"/>;
    /// alone always.
    /// </summary>
    public bool Pays(double chance, DraftLimits limits)
    {
        if (pass is not { IsShared: true }) return true;
        var (plain, tokens, reach) = (Rate(1, 1, 0), 1.0, 1.0);
        for (var nodes = 2; nodes <= Math.Min(limits.Nodes, limits.Depth + 1); nodes++)
        {
            reach *= chance;
            tokens += reach;
            if (Rate(tokens, nodes, nodes - 1) > plain) return true;
        }
        return false;
    }
}

/// <summary>
/// Grows a tree by the most probable nodes of a draft model: whatever gives the most expected tokens for its time comes next, another node
/// or another pass of the draft.
/// </summary>
/// <remarks>
/// A node's chance is the product of the draft's probabilities along its path, as acceptance has confirmed them. Li et al., EAGLE-2 (2024),
/// section 4.1, keep the nodes of the largest chance from levels of a fixed width; here the levels are as wide as pays.
/// </remarks>
/// <param name="nodes">Nodes of the largest tree.</param>
/// <param name="branches">Most probable children of a node that are considered.</param>
internal sealed class BestFirstTree(int nodes, int branches)
{
    private const double Follow = 0.05, Drift = 0.01, FirstChance = 0.6;

    private readonly AcceptanceRates _rates = new();
    private readonly double[] _reach = new double[nodes];
    private readonly (double Probability, bool First)[] _sources = new (double, bool)[nodes];
    private readonly bool[] _expandable = new bool[nodes];
    private readonly Candidate[] _candidates = new Candidate[nodes * branches];
    private int _count, _grown, _passes;
    private double _tokens;
    private double _bestChild = FirstChance;        // chance of an expanded node's best child, a slow mean

    /// <summary>Expected tokens of the tree that was grown last, that after the last accepted node included.</summary>
    public double Tokens => _tokens;

    /// <summary>Chance that a node of the tree is accepted.</summary>
    public double Reach(int node) => _reach[node];

    /// <summary>Grows <paramref name="tree"/> from its root, whose distribution is set.</summary>
    public void Grow<TModel>(TokenTree tree, TModel model, DraftLimits limits, TreeEconomics economics) where TModel : IDraftDistributions
    {
        limits = limits with { Nodes = Math.Min(limits.Nodes, nodes) };
        (_count, _reach[0], _tokens, _passes) = (0, 1, 1, 1);
        Open(model, 0);
        while (tree.Count < limits.Nodes)
        {
            var (candidate, node) = (BestCandidate(), BestExpandable(tree));
            var (rate, nodeSeconds) = (economics.Rate(_tokens, tree.Count, _passes), economics.NodeSeconds(tree.Count));
            var ofNode = candidate < 0 ? double.NegativeInfinity : _candidates[candidate].Reach - rate * nodeSeconds;
            var ofPass = node < 0 ? double.NegativeInfinity : _reach[node] * _bestChild - rate * (nodeSeconds + economics.PassSeconds);
            if (!(Math.Max(ofNode, ofPass) > 0)) break;
            if (ofPass > ofNode)
            {
                _expandable[node] = false;
                model.Expand(tree, [node]);
                Open(model, node);
                _passes++;
            }
            else
            {
                var taken = _candidates[candidate];
                _candidates[candidate] = _candidates[--_count];
                var added = tree.Add(taken.Parent, taken.Token);
                _reach[added] = taken.Reach;
                _sources[added] = (taken.Probability, taken.First);
                _expandable[added] = tree.MayExtend(added, limits.Depth);
                _tokens += taken.Reach;
            }
        }
        _grown = tree.Count;
    }

    /// <summary>
    /// Whether a draft pays at all; while none does the chance of acceptance drifts back to the first guess, so that drafts are tried
    /// again.
    /// </summary>
    public bool Pays(DraftLimits limits, TreeEconomics economics)
    {
        if (economics.Pays(_bestChild, limits)) return true;
        _bestChild += Drift * (FirstChance - _bestChild);
        return false;
    }

    /// <summary>Adds a node of another source, if it pays.</summary>
    public bool TryAdd(TokenTree tree, int parent, int token, double reach, TreeEconomics economics, out int node)
    {
        if (tree.TryFindChild(parent, token, out node)) return true;
        if (!(reach > economics.Rate(_tokens, tree.Count, _passes) * economics.NodeSeconds(tree.Count))) return false;
        node = tree.Add(parent, token);
        _reach[node] = reach;
        _tokens += reach;
        return true;
    }

    /// <summary>Learns from what was accepted of the tree that was grown last.</summary>
    public void Accept(in VerificationResult verification)
    {
        var tree = verification.Tree;
        var path = verification.Path;
        for (var i = 0; i < path.Length && _grown > 1; i++)
        {
            for (var child = tree.FirstChild(path[i]); child != TokenTree.None; child = tree.NextSibling(child))
            {
                var accepted = i + 1 < path.Length && path[i + 1] == child;
                if (child < _grown) _rates.Observe(_sources[child].Probability, _sources[child].First, accepted);
            }
        }
        _grown = 0;
    }

    /// <summary>The children of an expanded node become candidates, none better than the one before.</summary>
    private void Open<TModel>(TModel model, int node) where TModel : IDraftDistributions
    {
        var tokens = model.Proposals.Tokens(node);
        var weights = model.Proposals.Weights(node);
        var least = 1.0;
        for (var i = 0; i < Math.Min(branches, tokens.Length); i++)
        {
            least = Math.Min(least, _rates.Chance(weights[i], i == 0));
            _candidates[_count++] = new Candidate(node, tokens[i], weights[i], i == 0, _reach[node] * least);
            if (i == 0) _bestChild += Follow * (least - _bestChild);
        }
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

    private int BestExpandable(TokenTree tree)
    {
        var best = -1;
        for (var node = 1; node < tree.Count; node++)
        {
            if (_expandable[node] && (best < 0 || _reach[node] > _reach[best])) best = node;
        }
        return best;
    }

    /// <summary>A token that may follow a node of the tree.</summary>
    private readonly record struct Candidate(int Parent, int Token, double Probability, bool First, double Reach);
}
