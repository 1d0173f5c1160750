using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;

namespace Coppice.Drafting;

/// <summary>
/// Recursive speculative decoding with stochastic beam search: at every level the sequences that a draw without replacement of whole
/// sequences would go through.
/// </summary>
/// <remarks>
/// A node carries φ, the log-probability of its path, and ψ, the largest Gumbel-perturbed log-probability of any sequence below it. A
/// node's best child has its ψ; the next one's is a Gumbel with location φ + ln(what is left of the distribution), truncated at the ψ
/// before: known before its token is drawn, so that only children that make the beam are drawn. That is what perturbing every child and
/// conditioning on the maximum gives. Jeon et al. (2024), algorithm 6; Kool et al., Stochastic Beams and Where to Find Them (2019), section
/// 4.1.
/// </remarks>
internal sealed class RsdSDrafter(RsdSOptions options, DraftModel model) : SampledDrafter(model, options.Temperature)
{
    /// <inheritdoc/>
    protected override void Grow(TokenTree tree, PhiloxDraftDraws draws, DraftLimits limits) =>
        Grow(tree, Model, draws, limits, options.Width, options.Length, default);

    /// <summary>
    /// Grows a beam of <paramref name="width"/> over <paramref name="length"/> levels; where a limit is reached nothing more is drawn.
    /// </summary>
    /// <param name="tree">Receives the nodes.</param>
    /// <param name="model">The draft model.</param>
    /// <param name="draws">The randomness.</param>
    /// <param name="limits">Limits of the tree.</param>
    /// <param name="width">Nodes of a level.</param>
    /// <param name="length">Levels.</param>
    /// <param name="scores">Receives ψ of every node, if it is as long as the tree may become.</param>
    internal static void Grow<TModel, TDraws>(
        TokenTree tree, TModel model, TDraws draws, DraftLimits limits, int width, int length, Span<double> scores)
        where TModel : IDraftDistributions where TDraws : IDraftDraws
    {
        Span<Beam> beam = stackalloc Beam[width], children = stackalloc Beam[width];
        Span<int> nodes = stackalloc int[width];
        Span<double> left = stackalloc double[width * model.Proposals.Width];
        beam[0] = default;
        var count = 1;
        for (var depth = 0; depth < Math.Min(length, limits.Depth) && tree.Count < limits.Nodes; depth++)
        {
            for (var i = 0; i < count; i++) nodes[i] = beam[i].Node;
            if (depth > 0) model.Expand(tree, nodes[..count]);
            for (var i = 0; i < count; i++)
                beam[i].Open(model.Proposals.Weights(beam[i].Node), left.Slice(i * model.Proposals.Width, model.Proposals.Width));
            var grown = 0;
            while (grown < width && tree.Count < limits.Nodes)
            {
                var best = 0;
                for (var i = 1; i < count; i++)
                {
                    if (beam[i].Next > beam[best].Next) best = i;
                }
                if (double.IsNegativeInfinity(beam[best].Next)) break;
                ref var parent = ref beam[best];
                var tokens = model.Proposals.Tokens(parent.Node);
                var weights = left.Slice(best * model.Proposals.Width, tokens.Length);
                var drawn = draws.Draw(tree, parent.Node, weights);
                var child = tree.AddSampled(parent.Node, tokens[drawn]);
                if (!scores.IsEmpty) scores[child] = parent.Next;
                children[grown++] = parent.Take(child, weights, drawn, draws.Uniform());
            }
            count = 0;
            foreach (var child in children[..grown])
            {
                if (tree.MayExtend(child.Node, limits.Depth)) beam[count++] = child;
            }
            if (count == 0) break;
        }
    }

    /// <summary>A node of the beam and what is left below it.</summary>
    private struct Beam
    {
        private double _logProbability, _total;

        public int Node { get; private set; }
        /// <summary>ψ of the node's next child; -∞ where none is left.</summary>
        public double Next { get; private set; }

        /// <summary>Prepares for the draws of children; the first child has the node's own ψ, which is in <see cref="Next"/>.</summary>
        public void Open(ReadOnlySpan<double> weights, Span<double> left)
        {
            weights.CopyTo(left);
            _total = 0;
            foreach (var weight in weights) _total += weight;
        }

        /// <summary>The child that was drawn; takes it out of what is left and finds ψ of the next one.</summary>
        public Beam Take(int child, Span<double> left, int drawn, double uniform)
        {
            var taken = new Beam { Node = child, Next = Next, _logProbability = _logProbability + Math.Log(left[drawn] / _total) };
            left[drawn] = 0;
            var remaining = 0.0;
            foreach (var weight in left) remaining += weight;
            Next = remaining > 0 ? Gumbel.Truncated(_logProbability + Math.Log(remaining / _total), Next, uniform)
                : double.NegativeInfinity;
            return taken;
        }
    }
}
