using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;

namespace Coppice.Drafting;

/// <summary>
/// DySpec: always the draw with the largest chance to be accepted, which is known before it is made; by a heap up to a number of nodes, or
/// level by level down to a threshold.
/// </summary>
/// <remarks>
/// The estimate of a node's first child is the node's own times its draft probability; that of the next sibling is the estimate before it
/// times the chance that it is rejected. Xiong et al., DySpec: Faster Speculative Decoding with Dynamic Token Tree Structure (2024),
/// algorithms 1 and 2; the comparison of the second one is printed the wrong way round.
/// </remarks>
internal sealed class DyspecDrafter(DyspecOptions options, DraftModel model) : SampledDrafter(model, options.Temperature)
{
    /// <inheritdoc/>
    protected override void Grow(TokenTree tree, PhiloxDraftDraws draws, DraftLimits limits)
    {
        limits = limits with { Nodes = Math.Min(limits.Nodes, options.Nodes + 1) };
        if (options.Threshold > 0) GrowLevels(tree, Model, draws, limits, options.Threshold);
        else GrowBest(tree, Model, draws, limits, default);
    }

    /// <summary>
    /// Grows by the largest estimate; of equal ones the slot that was made first, a sibling's before a child's. A node is expanded when its
    /// first child is drawn.
    /// </summary>
    /// <param name="tree">Receives the nodes.</param>
    /// <param name="model">The draft model.</param>
    /// <param name="draws">The randomness.</param>
    /// <param name="limits">Limits of the tree.</param>
    /// <param name="estimates">Receives the estimate with which each node was drawn, if it is as long as the tree may become.</param>
    internal static void GrowBest<TModel, TDraws>(TokenTree tree, TModel model, TDraws draws, DraftLimits limits, Span<double> estimates)
        where TModel : IDraftDistributions where TDraws : IDraftDraws
    {
        Span<Slot> slots = stackalloc Slot[2 * limits.Nodes];
        Span<double> left = stackalloc double[model.Proposals.Width];
        slots[0] = new Slot(1, 0);
        var count = 1;
        while (tree.Count < limits.Nodes)
        {
            var best = Largest(slots[..count]);
            var (estimate, node) = slots[best];
            if (!(estimate > 0)) return;
            slots[best] = default;
            if (tree.FirstChild(node) == TokenTree.None && node > 0) model.Expand(tree, [node]);
            if (!TryDraw(tree, model, draws, node, left, out var child, out var probability)) continue;
            if (!estimates.IsEmpty) estimates[child] = estimate;
            slots[count++] = new Slot(estimate * (1 - probability), node);
            if (tree.MayExtend(child, limits.Depth)) slots[count++] = new Slot(estimate * probability, child);
        }
    }

    /// <summary>
    /// Grows level by level: below each node children are drawn while their estimate is at least <paramref name="threshold"/>. One pass of
    /// the draft model for each level.
    /// </summary>
    internal static void GrowLevels<TModel, TDraws>(TokenTree tree, TModel model, TDraws draws, DraftLimits limits, double threshold)
        where TModel : IDraftDistributions where TDraws : IDraftDraws
    {
        Span<Slot> level = stackalloc Slot[limits.Nodes], next = stackalloc Slot[limits.Nodes];
        Span<int> nodes = stackalloc int[limits.Nodes];
        Span<double> left = stackalloc double[model.Proposals.Width];
        level[0] = new Slot(1, 0);
        var count = 1;
        for (var depth = 0; depth < limits.Depth && count > 0 && tree.Count < limits.Nodes; depth++)
        {
            for (var i = 0; i < count; i++) nodes[i] = level[i].Node;
            if (depth > 0) model.Expand(tree, nodes[..count]);
            var grown = 0;
            while (tree.Count < limits.Nodes)
            {
                var best = Largest(level[..count]);
                var (estimate, node) = level[best];
                if (!(estimate >= threshold)) break;
                level[best] = default;
                if (!TryDraw(tree, model, draws, node, left, out var child, out var probability)) continue;
                level[best] = new Slot(estimate * (1 - probability), node);
                var below = estimate * probability;
                if (below >= threshold && tree.MayExtend(child, limits.Depth)) next[grown++] = new Slot(below, child);
            }
            next[..grown].CopyTo(level);
            count = grown;
        }
    }

    /// <summary>The slot with the largest estimate, the first of equal ones.</summary>
    private static int Largest(ReadOnlySpan<Slot> slots)
    {
        var best = 0;
        for (var i = 1; i < slots.Length; i++)
        {
            if (slots[i].Estimate > slots[best].Estimate) best = i;
        }
        return best;
    }

    /// <summary>
    /// Draws the next child of <paramref name="node"/> from its distribution without the children that it has; false where nothing is left.
    /// </summary>
    private static bool TryDraw<TModel, TDraws>(
        TokenTree tree, TModel model, TDraws draws, int node, Span<double> left, out int child, out double probability)
        where TModel : IDraftDistributions where TDraws : IDraftDraws
    {
        var tokens = model.Proposals.Tokens(node);
        left = left[..tokens.Length];
        model.Proposals.Weights(node).CopyTo(left);
        for (var earlier = tree.FirstChild(node); earlier != TokenTree.None; earlier = tree.NextSibling(earlier))
            left[tokens.IndexOf(tree.Tokens[earlier])] = 0;
        var total = 0.0;
        foreach (var weight in left) total += weight;
        (child, probability) = (0, 0);
        if (!(total > 0)) return false;
        var drawn = draws.Draw(tree, node, left);
        probability = left[drawn] / total;
        child = tree.AddSampled(node, tokens[drawn]);
        return true;
    }

    /// <summary>A draw that can be made next.</summary>
    private readonly record struct Slot(double Estimate, int Node);
}
