using System.Buffers;
using System.Numerics;

namespace Coppice.Decoding.Verification;

/// <summary>The target's distributions after the nodes of a token tree.</summary>
internal interface ITargetDistribution<T>
{
    /// <summary>
    /// [vocabulary]: probabilities up to a common factor of what follows the path to <paramref name="node"/>, after all processors. The
    /// caller may change them.
    /// </summary>
    Span<T> Weights(TokenTree tree, int node);
}

/// <summary>The random decisions of verification; each takes a number of its own.</summary>
internal interface IVerifierDraws<T>
{
    /// <summary>True with probability min(1, <paramref name="numerator"/> / <paramref name="denominator"/>).</summary>
    /// <param name="depth">Depth of the node whose children are verified.</param>
    /// <param name="sibling">Which of them.</param>
    /// <param name="numerator">At least 0.</param>
    /// <param name="denominator">Above 0.</param>
    bool Accepts(int depth, int sibling, T numerator, T denominator);

    /// <summary>An index, with probability proportional to its weight.</summary>
    int Draw(int depth, ReadOnlySpan<T> weights);
}

/// <summary>
/// Recursive rejection: walks a token tree whose nodes may have been drawn at random, and emits tokens that are distributed as the target's
/// own.
/// </summary>
/// <remarks>
/// Rules V2 and V3. At a node with target R and draft distribution P, for its children in the order in which they were added: a drawn child
/// x is accepted with probability min(1, R(x) / P(x)); when it is rejected, R becomes max(R - P, 0) normalised and x leaves P. Any other
/// child is accepted with probability R(x), and leaves R when it is rejected. After the last child one token is drawn from R. With a
/// target that is certain this is rule V0. It is exact as long as each drawn child comes from exactly P without its earlier siblings,
/// whether a child is drawn does not depend on its value, and none is dropped. Jeon et al., Recursive Speculative Decoding, section 3; Chen
/// et al., Accelerating Large Language Model Decoding with Speculative Sampling, theorem 1, for one child.
/// </remarks>
/// <typeparam name="T">Number type: double in use, rationals to prove the law.</typeparam>
internal static class ResidualVerifier<T>
    where T : struct, IAdditionOperators<T, T, T>, ISubtractionOperators<T, T, T>, IMultiplyOperators<T, T, T>,
    IDivisionOperators<T, T, T>, IComparisonOperators<T, T, bool>, IAdditiveIdentity<T, T>
{
    private static T Zero => T.AdditiveIdentity;

    /// <summary>Walks from the root as far as children are accepted.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="proposals">Where its drawn children came from.</param>
    /// <param name="target">The target; asked once for each node of the walk.</param>
    /// <param name="draws">The randomness.</param>
    /// <param name="path">Receives the accepted nodes, the root first; as long as the tree is deep.</param>
    /// <param name="next">The token after the last accepted node.</param>
    /// <returns>Accepted nodes, the root counted: at least 1.</returns>
    public static int Walk<TTarget, TDraws>(
        TokenTree tree, Proposals<T> proposals, TTarget target, TDraws draws, Span<int> path, out int next)
        where TTarget : ITargetDistribution<T> where TDraws : IVerifierDraws<T>
    {
        var (node, accepted) = (0, 1);
        path[0] = 0;
        var residual = target.Weights(tree, node);
        while (TryAccept(tree, node, proposals, residual, draws, out var child))
        {
            node = child;
            path[accepted++] = child;
            residual = target.Weights(tree, node);
        }
        next = draws.Draw(tree.Depths[node], residual);
        return accepted;
    }

    /// <summary>
    /// Accepts one of the children of <paramref name="node"/>, or leaves in <paramref name="residual"/> what the next token is drawn from.
    /// </summary>
    private static bool TryAccept<TDraws>(
        TokenTree tree, int node, Proposals<T> proposals, Span<T> residual, TDraws draws, out int accepted)
        where TDraws : IVerifierDraws<T>
    {
        accepted = tree.FirstChild(node);
        if (accepted == TokenTree.None) return false;
        var tokens = proposals.Tokens(node);
        var (depth, sibling) = (tree.Depths[node], 0);
        var rented = ArrayPool<T>.Shared.Rent(Math.Max(tokens.Length, 1));
        var proposal = rented.AsSpan(0, tokens.Length);
        proposals.Weights(node).CopyTo(proposal);
        var total = Sum(residual);
        var found = false;
        for (; accepted != TokenTree.None; accepted = tree.NextSibling(accepted))
        {
            var token = tree.Tokens[accepted];
            if (tree.Kinds[accepted] == NodeKind.SampledWithoutReplacement)
            {
                var (drawn, sum) = (tokens.IndexOf(token), Sum(proposal));
                found = draws.Accepts(depth, sibling++, residual[token] * sum, proposal[drawn] * total);
                if (found) break;
                Subtract(residual, total / sum, tokens, proposal);
                proposal[drawn] = Zero;
            }
            else
            {
                found = draws.Accepts(depth, sibling++, residual[token], total);
                if (found) break;
                residual[token] = Zero;
            }
            total = Sum(residual);
            found = !(total > Zero);        // nothing left: the child was certain, and rounding alone rejected it
            if (found) break;
        }
        ArrayPool<T>.Shared.Return(rented);
        return found;
    }

    /// <summary>R = max(R - scale · P, 0).</summary>
    private static void Subtract(Span<T> residual, T scale, ReadOnlySpan<int> tokens, ReadOnlySpan<T> proposal)
    {
        for (var i = 0; i < tokens.Length; i++)
        {
            ref var weight = ref residual[tokens[i]];
            weight -= Smaller(weight, proposal[i] * scale);
        }
    }

    private static T Smaller(T a, T b) => a < b ? a : b;

    /// <summary>In a fixed order, in four parts so that an addition does not wait for the one before.</summary>
    private static T Sum(ReadOnlySpan<T> values)
    {
        var (a, b, c, d) = (Zero, Zero, Zero, Zero);
        var i = 0;
        for (; i <= values.Length - 4; i += 4) (a, b, c, d) = (a + values[i], b + values[i + 1], c + values[i + 2], d + values[i + 3]);
        for (; i < values.Length; i++) a += values[i];
        return a + b + (c + d);
    }
}
