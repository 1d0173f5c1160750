using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Execution;
using Coppice.Loading;

namespace Coppice.Drafting;

/// <summary>A drafter with a draft model: one class for each shape of tree.</summary>
/// <param name="model">The draft model; belongs to the drafter.</param>
internal abstract class ModelDrafter(DraftModel model) : Drafter
{
    /// <inheritdoc/>
    public sealed override Proposals<double> Proposals => model.Proposals;

    /// <summary>The draft model.</summary>
    protected DraftModel Model => model;

    /// <inheritdoc/>
    public override void Begin(ReadOnlySpan<int> prompt) => model.Begin(prompt);

    /// <inheritdoc/>
    public sealed override void Draft(in DraftRequest request, TokenTree tree)
    {
        var limits = new DraftLimits(Math.Min(request.MaxNodes, model.MaxNodes), Math.Min(request.MaxDepth, model.MaxDepth(request.Tokens.Length)));
        if (limits.Nodes < 2 || limits.Depth < 1) return;
        model.Start(request.Tokens, Shape(request.Sampler));
        Grow(request, tree, limits);
    }

    /// <inheritdoc/>
    public override void Accept(in VerificationResult verification) => model.Accept(verification);

    /// <summary>A draft of which nothing stays, so that its code is compiled before there is a text.</summary>
    public void WarmUp()
    {
        var tree = new TokenTree(4, 3);
        tree.Reset(0);
        Begin([0]);
        Draft(new DraftRequest { Tokens = [0, 0], MaxNodes = tree.Capacity, MaxDepth = tree.PathLength - 1, Sampler = new Sampler([], greedy: true, 0), Costs = PassCosts.Of((1, 1)) }, tree);
    }

    /// <summary>How the draft's distributions are changed before they are used.</summary>
    protected abstract SamplingShape Shape(Sampler sampler);

    /// <summary>Adds nodes; the root's distribution is set.</summary>
    protected abstract void Grow(in DraftRequest request, TokenTree tree, DraftLimits limits);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        model.Dispose();
        base.Dispose(disposing);
    }
}

/// <summary>How large a tree may become.</summary>
/// <param name="Nodes">Nodes, the root counted.</param>
/// <param name="Depth">Depth of the deepest node.</param>
internal readonly record struct DraftLimits(int Nodes, int Depth);

/// <summary>A drafter that draws its tree at random from the draft model, without replacement; verified by recursive rejection.</summary>
/// <param name="model">The draft model; belongs to the drafter.</param>
/// <param name="temperature">Of the draws; 0 for the target's, and <see cref="GreedyTemperature"/> where the target is greedy.</param>
internal abstract class SampledDrafter(DraftModel model, double temperature) : ModelDrafter(model)
{
    /// <summary>Temperature of DySpec's experiments, section 5.</summary>
    public const float GreedyTemperature = 0.6f;

    private readonly PhiloxDraftDraws _draws = new();

    /// <inheritdoc/>
    protected sealed override SamplingShape Shape(Sampler sampler) => sampler.Shape with
    {
        Temperature = temperature > 0 ? (float)temperature : sampler.IsGreedy ? GreedyTemperature : sampler.Shape.Temperature,
    };

    /// <inheritdoc/>
    protected sealed override void Grow(in DraftRequest request, TokenTree tree, DraftLimits limits)
    {
        _draws.Begin(request.Sampler.Seed, request.Tokens.Length);
        Grow(tree, _draws, limits);
    }

    /// <summary>Draws nodes.</summary>
    protected abstract void Grow(TokenTree tree, PhiloxDraftDraws draws, DraftLimits limits);
}
