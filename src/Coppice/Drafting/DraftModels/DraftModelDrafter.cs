using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;

namespace Coppice.Drafting;

/// <summary>
/// A draft model's most probable tokens, as a chain or a tree: deterministic, so that sampled text too is that of plain decoding, token for
/// token.
/// </summary>
internal sealed class DraftModelDrafter(DraftModelOptions options, DraftModel model) : ModelDrafter(model)
{
    private readonly BestFirstTree _growth = new(options.Nodes + 1, options.Branches);

    /// <inheritdoc/>
    public override void Accept(in VerificationResult verification)
    {
        base.Accept(verification);
        _growth.Accept(verification);
    }

    /// <inheritdoc/>
    protected override SamplingShape Shape(Sampler sampler) => SamplingShape.Unchanged;

    /// <inheritdoc/>
    protected override DraftLimits Limit(in DraftRequest request, DraftLimits limits)
    {
        limits = new DraftLimits(Math.Min(limits.Nodes, options.Nodes + 1), Math.Min(limits.Depth, options.Depth));
        return _growth.Pays(limits, options.Economics(request, Model)) ? limits : limits with { Nodes = 1 };
    }

    /// <inheritdoc/>
    protected override void Grow(in DraftRequest request, TokenTree tree, DraftLimits limits)
    {
        _growth.Grow(tree, Model, limits, options.Economics(request, Model));
        tree.ExpectedTokens = _growth.Tokens;
    }
}
