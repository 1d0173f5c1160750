using Coppice.Decoding.Verification;

namespace Coppice.Drafting;

/// <summary>Proposes what draft heads hold likely after the state of the last verified token, as the best-first tree that pays.</summary>
/// <remarks>Deterministic, so that sampled text too is that of plain decoding, token for token.</remarks>
/// <param name="options">Settings.</param>
/// <param name="heads">What the heads say; belongs to the drafter.</param>
internal sealed class HeadDrafter(HeadOptions options, HeadSource heads) : Drafter, IDraftDistributions
{
    private readonly BestFirstTree _growth = new(options.Nodes + 1, options.Branches);
    private readonly Proposals<double> _distributions = new(options.Nodes + 1, heads.Top);
    private readonly double[] _weights = new double[heads.Top];
    private readonly int[] _path = new int[heads.Depth];

    /// <inheritdoc/>
    public override DrafterNeeds Needs => heads.Needs;

    /// <inheritdoc/>
    public override ReadOnlyMemory<int> HiddenLayers => HeadSource.HiddenLayers;

    /// <inheritdoc/>
    Proposals<double> IDraftDistributions.Proposals => _distributions;

    /// <inheritdoc/>
    public override void Begin(ReadOnlySpan<int> prompt) => heads.Begin();

    /// <inheritdoc/>
    public override void TakePrompt(in HiddenRows states) => heads.TakePrompt(states);

    /// <inheritdoc/>
    public override void Draft(in DraftRequest request, TokenTree tree)
    {
        var limits = new DraftLimits(Math.Min(request.MaxNodes, options.Nodes + 1), Math.Min(request.MaxDepth, heads.Depth));
        var shared = options.Adaptive || request.OtherRows > 0;
        var economics = new TreeEconomics(shared ? new PassEconomics(request) : null, heads.ReadSeconds);
        if (limits.Nodes < 2 || !_growth.Pays(limits, economics) || !heads.TryBegin(request.Tokens.Length)) return;
        Expand(tree, 0);
        _growth.Grow(tree, this, limits, economics);
        tree.ExpectedTokens = _growth.Tokens;
    }

    /// <inheritdoc/>
    public override void Accept(in VerificationResult verification)
    {
        _growth.Accept(verification);
        heads.Accept(verification);
    }

    /// <inheritdoc/>
    void IDraftDistributions.Expand(TokenTree tree, ReadOnlySpan<int> nodes)
    {
        foreach (var node in nodes) Expand(tree, node);
    }

    /// <summary>Sets the distribution after a node: the heads' best tokens, as if there were no others.</summary>
    private void Expand(TokenTree tree, int node)
    {
        var nodes = tree.Path(node);
        var path = _path.AsSpan(0, nodes.Length);
        for (var i = 0; i < path.Length; i++) path[i] = tree.Tokens[nodes[i]];
        var tokens = heads.Read(path, out var logits);
        var total = 0.0;
        for (var i = 0; i < tokens.Length; i++) total += _weights[i] = Math.Exp(logits[i] - logits[0]);
        for (var i = 0; i < tokens.Length; i++) _weights[i] /= total;
        _distributions.Set(node, tokens, _weights.AsSpan(0, tokens.Length));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) heads.Dispose();
        base.Dispose(disposing);
    }
}
