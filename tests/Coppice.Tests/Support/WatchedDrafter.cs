using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Execution;

namespace Coppice.Tests.Support;

/// <summary>
/// Another drafter whose trees are looked at before they are verified; it is told that rows cost nothing, so that trees do not depend on
/// times.
/// </summary>
/// <param name="inner">The drafter; belongs to this one.</param>
/// <param name="look">Gets each tree.</param>
/// <param name="between">
/// Where given, each draft is made twice, as where the first one's pass did not fit and is planned again; called between the two.
/// </param>
internal sealed class WatchedDrafter(Drafter inner, Action<TokenTree> look, Action? between = null) : Drafter
{
    private readonly PassCosts _flat = PassCosts.Of((1, 1), (96, 1));

    public override int TopCount => inner.TopCount;

    public override DrafterNeeds Needs => inner.Needs;

    public override ReadOnlyMemory<int> HiddenLayers => inner.HiddenLayers;

    public override Proposals<double> Proposals => inner.Proposals;

    public override void Begin(ReadOnlySpan<int> prompt) => inner.Begin(prompt);

    public override void TakePrompt(in HiddenRows states) => inner.TakePrompt(states);

    public override void Draft(in DraftRequest request, TokenTree tree)
    {
        var flat = new DraftRequest
        {
            Tokens = request.Tokens,
            MaxNodes = request.MaxNodes,
            MaxDepth = request.MaxDepth,
            Sampler = request.Sampler,
            Costs = _flat,
        };
        inner.Draft(flat, tree);
        if (between is not null)
        {
            between();
            tree.Reset(request.Tokens[^1]);
            inner.Draft(flat, tree);
        }
        look(tree);
    }

    public override void Accept(in VerificationResult verification) => inner.Accept(verification);

    protected override void Dispose(bool disposing)
    {
        inner.Dispose();
        base.Dispose(disposing);
    }
}
