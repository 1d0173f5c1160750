using Coppice.Decoding.Verification;

namespace Coppice.Drafting;

/// <summary>Token Recycling: a tree of the tokens that the target held most likely after each token when it last saw it.</summary>
/// <remarks>
/// Source: Luo et al., Turning Trash into Treasure (2024), and the authors' code: every verified row, accepted or not, replaces the row of
/// its token. What follows a token in the prompt goes to the front of its row, so that a text about the prompt does not start from nothing;
/// the code has no such thing. Of several rows for one token in one tree one of an accepted node wins, then the one of smaller depth, then
/// of smaller index; the code leaves that to chance.
/// </remarks>
internal sealed class TokenRecyclingDrafter : Drafter
{
    private readonly TokenRecyclingOptions _options;
    private readonly RecyclingTables _tables;
    private readonly NodeRates _nodeRates;
    private readonly CandidateQueue<(int Parent, int Rank)> _queue;
    private readonly int[] _ranks, _nodes;      // by node of the tree; by node of the template

    /// <summary>Creates a drafter over <paramref name="tables"/>, which are shared or its own.</summary>
    public TokenRecyclingDrafter(TokenRecyclingOptions options, RecyclingTables tables)
    {
        (_options, _tables) = (options, tables);
        _queue = new CandidateQueue<(int, int)>(2 * options.Nodes);
        var nodes = Math.Max(options.Nodes, TreeTemplate.TokenRecycling.Nodes.Count);
        _nodeRates = new NodeRates(nodes);
        _ranks = new int[nodes];
        _nodes = new int[TreeTemplate.TokenRecycling.Nodes.Count];
    }

    /// <inheritdoc/>
    public override int TopCount => Matrix.Width;

    /// <inheritdoc/>
    public override DrafterNeeds Needs => _options.Update == RecyclingUpdate.Every ? DrafterNeeds.EveryNode : DrafterNeeds.None;

    /// <summary>What is remembered of each token.</summary>
    public AdjacencyMatrix Matrix => _tables.Matrix;

    private RankRates Rates => _tables.Rates;

    /// <inheritdoc/>
    public override void Begin(ReadOnlySpan<int> prompt)
    {
        if (!_options.Hot) _tables.Clear();
        if (!_options.Prompt) return;
        lock (_tables.Lock)
        {
            for (var i = 1; i < prompt.Length; i++) Matrix.Prefer(prompt[i - 1], prompt[i]);
        }
    }

    /// <inheritdoc/>
    public override void Draft(in DraftRequest request, TokenTree tree)
    {
        lock (_tables.Lock)
        {
            if (_options.Tree == RecyclingTree.Template) DraftTemplate(request, tree);
            else DraftBestFirst(request, tree);
        }
        tree.ExpectedTokens = _nodeRates.Expected(tree.Count);
    }

    /// <inheritdoc/>
    public override void Accept(in VerificationResult verification)
    {
        _nodeRates.Accept(verification);
        lock (_tables.Lock) Learn(verification);
    }

    private void Learn(in VerificationResult verification)
    {
        var tree = verification.Tree;
        var path = verification.Path;
        for (var i = 0; i < path.Length; i++)
        {
            for (var child = tree.FirstChild(path[i]); child != TokenTree.None; child = tree.NextSibling(child))
                Rates.Learn(_ranks[child], accepted: i + 1 < path.Length && path[i + 1] == child);
        }
        // What is written last stays.
        for (var depth = tree.PathLength - 1; depth >= 0; depth--)
        {
            for (var node = tree.Count - 1; node >= 0; node--)
            {
                if (tree.Depths[node] == depth && !path.Contains(node)) Store(verification, node);
            }
        }
        for (var i = path.Length - 1; i >= 0; i--) Store(verification, path[i]);
    }

    private void Store(in VerificationResult verification, int node)
    {
        var top = verification.Top(node);
        if (top.Length >= Matrix.Width) Matrix.Set(verification.Tree.Tokens[node], top);
    }

    private void DraftTemplate(in DraftRequest request, TokenTree tree)
    {
        var template = TreeTemplate.TokenRecycling.Nodes;
        _nodes.AsSpan().Fill(TokenTree.None);
        _nodes[0] = 0;
        var most = _nodeRates.Limit(request, Math.Min(request.MaxNodes, template.Count));
        for (var i = 1; i < template.Count && tree.Count < most; i++)
        {
            var (parent, rank) = (_nodes[template[i].Parent], template[i].Rank);
            if (parent == TokenTree.None || !tree.MayExtend(parent, request.MaxDepth)) continue;
            var row = Matrix.Row(tree.Tokens[parent]);
            if (rank >= row.Length) continue;
            _nodes[i] = tree.Add(parent, row[rank]);
            _ranks[_nodes[i]] = rank;
        }
    }

    /// <summary>
    /// Takes nodes by the product of their ranks' rates: a node's next sibling and its first child become candidates when it is taken.
    /// </summary>
    private void DraftBestFirst(in DraftRequest request, TokenTree tree)
    {
        var most = _nodeRates.Limit(request, Math.Min(_options.Nodes, request.MaxNodes));
        _queue.Clear();
        if (!Matrix.Row(tree.Tokens[0]).IsEmpty) _queue.Add(Rates[0], (0, 0));
        while (tree.Count < most && _queue.TryTake(out var candidate, out var score))
        {
            var (parent, rank) = candidate;
            var row = Matrix.Row(tree.Tokens[parent]);
            var node = tree.Add(parent, row[rank]);
            _ranks[node] = rank;
            if (rank + 1 < row.Length) _queue.Add(score / Rates[rank] * Rates[rank + 1], (parent, rank + 1));
            if (tree.MayExtend(node, request.MaxDepth) && !Matrix.Row(tree.Tokens[node]).IsEmpty) _queue.Add(score * Rates[0], (node, 0));
        }
    }
}

/// <summary>How often the candidate of a rank is accepted once its parent is; falling with the rank.</summary>
internal sealed class RankRates
{
    private const float PriorWeight = 40;
    private readonly float[] _rates, _weights;

    public RankRates(int ranks)
    {
        (_rates, _weights) = (new float[ranks], new float[ranks]);
        Clear();
    }

    /// <summary>The rate of a rank; at most that of the rank before, so that trees take ranks in order.</summary>
    public float this[int rank]
    {
        get
        {
            var least = _rates[0];
            for (var i = 1; i <= rank; i++) least = Math.Min(least, _rates[i]);
            return least;
        }
    }

    /// <summary>Returns to the priors: 0.3, 0.1, 0.06, then less and less.</summary>
    public void Clear()
    {
        _weights.AsSpan().Fill(PriorWeight);
        for (var rank = 0; rank < _rates.Length; rank++) _rates[rank] = rank switch { 0 => 0.3f, 1 => 0.1f, _ => 0.12f / rank };
    }

    /// <summary>A candidate of <paramref name="rank"/> was accepted or not.</summary>
    public void Learn(int rank, bool accepted)
    {
        _weights[rank]++;
        _rates[rank] += ((accepted ? 1 : 0) - _rates[rank]) / _weights[rank];
    }
}
