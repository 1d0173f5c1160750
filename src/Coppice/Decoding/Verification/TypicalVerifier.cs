namespace Coppice.Decoding.Verification;

/// <summary>Settings of typical acceptance.</summary>
/// <param name="Epsilon">A token of at least this probability is always accepted.</param>
/// <param name="Delta">Scale of the threshold that falls with entropy.</param>
internal sealed record TypicalAcceptance(double Epsilon = 0.09, double Delta = 0.3);

/// <summary>
/// Typical acceptance, which changes what is generated: it takes drafted tokens that are plausible and not those that the target would have
/// drawn.
/// </summary>
/// <remarks>
/// Rule V4: token x is accepted after a node with target T if T(x) &gt; min(ε, δ · exp(-H(T))); the longest accepted path is taken, of
/// equally long ones that of the largest probability, and after it the most probable token. Cai et al., Medusa, section 3.1.2. Never used
/// unless it is asked for.
/// </remarks>
internal static class TypicalVerifier
{
    /// <summary>Finds the longest path of plausible tokens.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="target">The target; asked once for each plausible node.</param>
    /// <param name="rule">The threshold.</param>
    /// <param name="path">Receives the accepted nodes, the root first; as long as the tree is deep.</param>
    /// <param name="next">The token after the last accepted node.</param>
    /// <returns>Accepted nodes, the root counted: at least 1.</returns>
    public static int Walk<TTarget>(
        TokenTree tree, TTarget target, TypicalAcceptance rule, Span<int> path, out int next) where TTarget : ITargetDistribution<double>
    {
        Span<double> scores = stackalloc double[tree.Count];      // ln of the probability of an accepted path, -∞ for one that is not
        Span<int> following = stackalloc int[tree.Count];
        scores.Fill(double.NegativeInfinity);
        scores[0] = 0;
        var best = 0;
        for (var node = 0; node < tree.Count; node++)
        {
            if (double.IsNegativeInfinity(scores[node])) continue;
            var (depth, deepest) = (tree.Depths[node], tree.Depths[best]);
            if (depth > deepest || (depth == deepest && scores[node] > scores[best])) best = node;
            following[node] = Score(tree, node, target.Weights(tree, node), rule, scores);
        }
        tree.Path(best).CopyTo(path);
        next = following[best];
        return tree.Depths[best] + 1;
    }

    /// <summary>Scores the plausible children of <paramref name="node"/>.</summary>
    /// <returns>The most probable token.</returns>
    private static int Score(TokenTree tree, int node, ReadOnlySpan<double> weights, TypicalAcceptance rule, Span<double> scores)
    {
        var (total, moment, best) = (0.0, 0.0, 0);
        for (var token = 0; token < weights.Length; token++)
        {
            if (weights[token] == 0) continue;
            total += weights[token];
            moment += weights[token] * Math.Log(weights[token]);
            if (weights[token] > weights[best]) best = token;
        }
        var entropy = Math.Log(total) - moment / total;
        var threshold = Math.Min(rule.Epsilon, rule.Delta * Math.Exp(-entropy));
        for (var child = tree.FirstChild(node); child != TokenTree.None; child = tree.NextSibling(child))
        {
            var probability = weights[tree.Tokens[child]] / total;
            if (probability > threshold) scores[child] = scores[node] + Math.Log(probability);
        }
        return best;
    }
}
