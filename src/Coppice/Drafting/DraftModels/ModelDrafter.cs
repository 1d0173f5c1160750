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
        var depth = Math.Min(request.MaxDepth, model.MaxDepth(request.Tokens.Length));
        var limits = new DraftLimits(Math.Min(request.MaxNodes, model.MaxNodes), depth);
        limits = Limit(request, limits);
        if (limits.Nodes < 2 || limits.Depth < 1) return;
        model.Start(request.Tokens, Shape(request.Sampler));
        Grow(request, tree, limits);
    }

    /// <inheritdoc/>
    public override void Accept(in VerificationResult verification) => model.Accept(verification);

    /// <summary>A draft that is discarded, so that its code is compiled before there is a text.</summary>
    public void WarmUp()
    {
        var tree = new TokenTree(4, 3);
        tree.Reset(0);
        Begin([0]);
        var request = new DraftRequest
        {
            Tokens = [0, 0],
            MaxNodes = tree.Capacity,
            MaxDepth = tree.PathLength - 1,
            Sampler = new Sampler([], greedy: true, 0),
            Costs = PassCosts.Of((1, 1)),
        };
        Draft(request, tree);
    }

    /// <summary>How the draft's distributions are changed before they are used.</summary>
    protected abstract SamplingShape Shape(Sampler sampler);

    /// <summary>How large a tree may become in a pass that other sequences share; one node where no draft pays.</summary>
    protected abstract DraftLimits Limit(in DraftRequest request, DraftLimits limits);

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

    private const int MostNodes = 96;

    private readonly PhiloxDraftDraws _draws = new();
    private readonly NodeRates _rates = new(MostNodes);

    /// <inheritdoc/>
    public sealed override void Accept(in VerificationResult verification)
    {
        base.Accept(verification);
        _rates.Accept(verification);
    }

    /// <inheritdoc/>
    /// <remarks>Where the text is sampled it depends on the nodes that are drawn, and must not depend on who else is in the pass.</remarks>
    protected sealed override DraftLimits Limit(in DraftRequest request, DraftLimits limits) =>
        request.Sampler.IsGreedy ? limits with { Nodes = _rates.Limit(request, limits.Nodes) } : limits;

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
        tree.ExpectedTokens = _rates.Expected(tree.Count);
    }

    /// <summary>Draws nodes.</summary>
    protected abstract void Grow(TokenTree tree, PhiloxDraftDraws draws, DraftLimits limits);
}
