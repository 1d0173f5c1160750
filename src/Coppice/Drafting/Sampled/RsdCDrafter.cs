using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;

namespace Coppice.Drafting;

/// <summary>
/// Recursive speculative decoding with constant branching: at every level each node gets the same number of children, drawn without
/// replacement.
/// </summary>
/// <remarks>
/// Draws one after the other from what is left are the largest of Gumbel-perturbed logits in descending order. One pass of the draft model
/// for each level. Jeon et al., Recursive Speculative Decoding: Accelerating LLM Inference via Sampling Without Replacement (2024),
/// algorithm 4.
/// </remarks>
internal sealed class RsdCDrafter(RsdCOptions options, DraftModel model) : SampledDrafter(model, options.Temperature)
{
    /// <inheritdoc/>
    protected override void Grow(TokenTree tree, PhiloxDraftDraws draws, DraftLimits limits) =>
        Grow(tree, Model, draws, limits, options.Branching);

    /// <summary>Grows a tree of <paramref name="branching"/>; where a limit is reached nothing more is drawn.</summary>
    internal static void Grow<TModel, TDraws>(TokenTree tree, TModel model, TDraws draws, DraftLimits limits, ReadOnlySpan<int> branching)
        where TModel : IDraftDistributions where TDraws : IDraftDraws
    {
        Span<int> level = stackalloc int[limits.Nodes];
        Span<double> left = stackalloc double[model.Proposals.Width];
        var (first, end) = (0, 1);
        for (var depth = 0; depth < Math.Min(branching.Length, limits.Depth) && tree.Count < limits.Nodes; depth++)
        {
            var count = 0;
            for (var node = first; node < end; node++)
            {
                if (tree.MayExtend(node, limits.Depth)) level[count++] = node;
            }
            if (count == 0) break;
            if (depth > 0) model.Expand(tree, level[..count]);
            foreach (var node in level[..count])
            {
                var tokens = model.Proposals.Tokens(node);
                model.Proposals.Weights(node).CopyTo(left);
                for (var child = 0; child < Math.Min(branching[depth], tokens.Length) && tree.Count < limits.Nodes; child++)
                {
                    var drawn = draws.Draw(tree, node, left[..tokens.Length]);
                    tree.AddSampled(node, tokens[drawn]);
                    left[drawn] = 0;
                }
            }
            (first, end) = (end, tree.Count);
        }
    }
}
