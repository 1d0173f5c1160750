namespace Coppice.Decoding.Verification;

/// <summary>Which token follows a node of a token tree, by the target model.</summary>
internal interface ITokenChoice
{
    /// <summary>
    /// The next token after the path that ends in <paramref name="node"/>; called once for each node of the walk, from the root down.
    /// </summary>
    int Choose(TokenTree tree, int node);
}

/// <summary>Walks a token tree and decides what is accepted: a function of the tree and of the target's choices, nothing else.</summary>
/// <remarks>
/// Rules V0 (greedy: the choice is the arg-max) and V1 (sample and match: the choice is one draw, its random number keyed by the absolute
/// position). Both accept the child that carries the choice, so the output is that of plain decoding, token for token. Leviathan et al.,
/// Fast Inference from Transformers via Speculative Decoding, section 2, with a deterministic draft.
/// </remarks>
internal static class Verifier
{
    /// <summary>Follows the choices from the root as long as the tree has them.</summary>
    /// <param name="tree">The tree.</param>
    /// <param name="choice">The target's choices.</param>
    /// <param name="path">Receives the accepted nodes, the root first; as long as the tree is deep.</param>
    /// <param name="next">The token after the last accepted node.</param>
    /// <returns>Accepted nodes, the root counted: at least 1.</returns>
    public static int Walk<TChoice>(TokenTree tree, TChoice choice, Span<int> path, out int next) where TChoice : ITokenChoice
    {
        var node = 0;
        var accepted = 1;
        path[0] = 0;
        for (next = choice.Choose(tree, node); tree.TryFindChild(node, next, out var child); next = choice.Choose(tree, node))
        {
            node = child;
            path[accepted++] = child;
        }
        return accepted;
    }
}
