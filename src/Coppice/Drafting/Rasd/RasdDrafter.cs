using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Drafting.Datastores;

namespace Coppice.Drafting;

/// <summary>
/// RASD: continuations found in the text so far and in a datastore, pruned by what the draft model expects next, and fused with its own
/// tree by their longest common beginnings.
/// </summary>
/// <remarks>
/// Found are those after the places that match the end of the text longest. One survives if its first token is among the draft's best.
/// Nodes are added by their chance, which is that of the <see cref="Retrieval"/>; where the trees coincide the draft's own counts. After a
/// tree that was drawn they come after the drawn siblings and are verified by rule V3. Quan et al., RASD: Retrieval-Augmented Speculative
/// Decoding (2025), section 3; the numbers are ours.
/// </remarks>
internal sealed class RasdDrafter : ModelDrafter
{
    private const int Continuations = 16, ContinuationLength = 10, LongestMatch = 8;

    private readonly RasdOptions _options;
    private readonly BestFirstTree _growth;
    private readonly SequenceIndex _text;
    private readonly NgramMatch[] _matches = new NgramMatch[Continuations];
    private readonly SuffixDatastore? _store;
    private readonly StoredContinuations? _stored;
    private readonly Retrieval[] _sources;      // the text so far, then the datastore
    private readonly (Retrieval? Source, double Share)[] _origins;      // of the nodes of the tree that were retrieved
    private readonly PhiloxDraftDraws _draws = new();
    private readonly NodeRates _drawnRates;     // of trees that were drawn
    private int _firstRetrieved;

    /// <summary>A drafter for sequences of at most <paramref name="maxTokens"/>; a datastore, if there is one, belongs to it.</summary>
    public RasdDrafter(RasdOptions options, DraftModel model, int maxTokens, SuffixDatastore? store) : base(model)
    {
        (_options, _store) = (options, store);
        _growth = new BestFirstTree(options.Nodes + options.Retrieved + 1, options.Branches);
        _text = new SequenceIndex(maxTokens);
        _drawnRates = new NodeRates(options.Nodes + options.Retrieved + 1);
        _stored = store is null ? null : new StoredContinuations(store);
        var past = new Retrieval(1 + Continuations * ContinuationLength);
        _sources = store is null ? [past] : [past, new Retrieval(1 + StoredContinuations.Prefixes)];
        _origins = new (Retrieval?, double)[options.Nodes + options.Retrieved + 1];
    }

    /// <inheritdoc/>
    public override void Begin(ReadOnlySpan<int> prompt)
    {
        base.Begin(prompt);
        _text.Begin(prompt);
    }

    /// <inheritdoc/>
    public override void Accept(in VerificationResult verification)
    {
        base.Accept(verification);
        _growth.Accept(verification);
        if (verification.Tree.IsSampled) _drawnRates.Accept(verification);
        Learn(verification);
    }

    /// <inheritdoc/>
    /// <remarks>A tree that is drawn decides which text is sampled, and must not depend on who else is in the pass.</remarks>
    protected override DraftLimits Limit(in DraftRequest request, DraftLimits limits)
    {
        if (Draws(request) || _growth.Pays(limits, _options.Economics(request, Model))) return limits;
        return limits with { Nodes = 1 };
    }

    /// <inheritdoc/>
    protected override SamplingShape Shape(Sampler sampler) =>
        _options.Sampled && !sampler.IsGreedy ? sampler.Shape : SamplingShape.Unchanged;

    /// <inheritdoc/>
    protected override void Grow(in DraftRequest request, TokenTree tree, DraftLimits limits)
    {
        var economics = _options.Economics(request, Model);
        var drafted = limits with { Nodes = Math.Min(limits.Nodes, _options.Nodes + 1), Depth = Math.Min(limits.Depth, _options.Depth) };
        if (Draws(request))
        {
            _draws.Begin(request.Sampler.Seed, request.Tokens.Length);
            DyspecDrafter.GrowBest(tree, Model, _draws, drafted, default);
            economics = default;
        }
        else _growth.Grow(tree, Model, drafted, economics);
        _firstRetrieved = tree.Count;
        Retrieve(request.Tokens);
        Fuse(tree, _growth, _sources, limits with { Nodes = Math.Min(limits.Nodes, tree.Count + _options.Retrieved) }, economics, _origins);
        tree.ExpectedTokens = tree.IsSampled ? _drawnRates.Expected(tree.Count) : _growth.Tokens;
    }

    private bool Draws(in DraftRequest request) => _options.Sampled && !request.Sampler.IsGreedy;

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _store?.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Collects from every source what followed its longest matches, and prunes it.</summary>
    private void Retrieve(ReadOnlySpan<int> tokens)
    {
        var expected = Model.Proposals.Tokens(0);
        var probabilities = Model.Proposals.Weights(0);
        _sources[0].Prune(Recall(tokens, _sources[0].Trie), expected, probabilities, _options.FirstRanks);
        if (_stored is not null) _sources[1].Prune(_stored.Collect(tokens, _sources[1].Trie), expected, probabilities, _options.FirstRanks);
    }

    /// <summary>Collects what followed the longest matches in the text so far; returns their length.</summary>
    private int Recall(ReadOnlySpan<int> tokens, RetrievedTrie trie)
    {
        _text.Extend(tokens);
        trie.Clear();
        var matches = _matches.AsSpan(0, _text.Find(LongestMatch, _matches));
        foreach (var match in matches)
        {
            if (match.Length < matches[0].Length) break;
            var next = _text.Tokens[match.Next..];
            trie.Add(next[..Math.Min(next.Length, ContinuationLength)]);
        }
        return matches.IsEmpty ? 0 : matches[0].Length;
    }

    /// <summary>Adds retrieved nodes by their chance, as many as fit and pay; those that the tree has already are followed.</summary>
    /// <param name="tree">The draft's own tree.</param>
    /// <param name="growth">What has grown it.</param>
    /// <param name="sources">What was retrieved, pruned.</param>
    /// <param name="limits">Limits of the whole tree.</param>
    /// <param name="economics">What a node must give.</param>
    /// <param name="origins">Receives the source of each node that is added, and its share there.</param>
    internal static void Fuse(
        TokenTree tree,
        BestFirstTree growth,
        ReadOnlySpan<Retrieval> sources,
        DraftLimits limits,
        TreeEconomics economics,
        Span<(Retrieval? Source, double Share)> origins)
    {
        var drafted = tree.Count;
        while (true)
        {
            var (source, node, reach) = (sources[0], 0, 0.0);
            foreach (var candidate in sources)
            {
                var best = candidate.Best(tree, limits.Depth, out var chance);
                if (best != 0 && (node == 0 || chance > reach)) (source, node, reach) = (candidate, best, chance);
            }
            if (node == 0) return;
            var (under, token) = (source.NodeAbove(node), source.Trie.Token(node));
            var there = tree.TryFindChild(under, token, out var placed);
            if (!there && tree.Count >= limits.Nodes)
            {
                source.Close(node);
                continue;
            }
            if (there && placed < drafted && !tree.IsSampled) reach = growth.Reach(placed);
            if (!growth.TryAdd(tree, under, token, reach, economics, out placed)) return;
            source.Place(node, placed, reach);
            if (!there) origins[placed] = (source, source.Share(node));
        }
    }

    /// <summary>Retrieved nodes that were verified teach how far their source is to be trusted.</summary>
    private void Learn(in VerificationResult verification)
    {
        var tree = verification.Tree;
        var path = verification.Path;
        for (var i = 0; i < path.Length && _firstRetrieved > 0; i++)
        {
            for (var child = tree.FirstChild(path[i]); child != TokenTree.None; child = tree.NextSibling(child))
            {
                var accepted = i + 1 < path.Length && path[i + 1] == child;
                if (child >= _firstRetrieved) _origins[child].Source?.Learn(_origins[child].Share, accepted);
            }
        }
        _firstRetrieved = 0;
    }
}
