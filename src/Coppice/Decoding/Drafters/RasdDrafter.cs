using System.Runtime.InteropServices;
using Coppice.Decoding.Datastores;
using Coppice.Decoding.Sampling;
using Coppice.Speculation;

namespace Coppice.Decoding.Drafters;

/// <summary>RASD: continuations found in the text so far and in a datastore, pruned by what the draft model expects next, and fused with its own tree by their longest common beginnings.</summary>
/// <remarks>
/// Found are those behind the places that match the end of the text longest. One survives if its first token is among the draft's best. Nodes are added by their chance: the
/// product of the shares of continuations that go on alike, as acceptance has confirmed them for matches of that length; where the trees coincide the draft's own counts.
/// Behind a tree that was drawn they come after the drawn siblings and are verified by rule V3.
/// Quan et al., RASD: Retrieval-Augmented Speculative Decoding (2025), section 3; the numbers are ours.
/// </remarks>
internal sealed class RasdDrafter : ModelDrafter
{
    private const int Continuations = 16, ContinuationLength = 10, LongMatch = 8, LengthClasses = 4;      // so many from either source
    private const int TrieNodes = 1 + 2 * Continuations * ContinuationLength;
    private const double RareFirst = 0.01;

    private readonly RasdOptions _options;
    private readonly BestFirstTree _growth;
    private readonly NgramHistory _history;
    private readonly SuffixDatastore? _store;
    private readonly RetrievedTrie _trie = new(TrieNodes);
    private readonly NgramMatch[] _matches = new NgramMatch[Continuations];
    private readonly AcceptanceRates[] _rates = [.. Enumerable.Range(0, LengthClasses).Select(_ => new AcceptanceRates())];
    private readonly (double Share, bool Open, double Reach, int Node)[] _retrieved = new (double, bool, double, int)[TrieNodes];
    private readonly double[] _shares;          // of the nodes of the tree that were retrieved, else 0
    private readonly PhiloxDraftDraws _draws = new();
    private int _lengthClass, _firstRetrieved;

    /// <summary>A drafter for sequences of at most <paramref name="maxTokens"/>, with a datastore, which belongs to it, or without.</summary>
    public RasdDrafter(RasdOptions options, DraftModel model, int maxTokens, SuffixDatastore? store) : base(model)
    {
        (_options, _store) = (options, store);
        _growth = new BestFirstTree(options.Nodes + options.Retrieved + 1, options.Branches);
        _history = new NgramHistory(0, maxTokens);
        _shares = new double[options.Nodes + options.Retrieved + 1];
    }

    /// <inheritdoc/>
    public override void Begin(ReadOnlySpan<int> prompt)
    {
        base.Begin(prompt);
        _history.Begin(prompt, forget: true);
    }

    /// <inheritdoc/>
    public override void Accept(in Verification verification)
    {
        base.Accept(verification);
        _growth.Accept(verification);
        Learn(verification);
    }

    /// <inheritdoc/>
    protected override SamplingShape Shape(Sampler sampler) => _options.Sampled && !sampler.IsGreedy ? sampler.Shape : SamplingShape.Unchanged;

    /// <inheritdoc/>
    protected override void Grow(in DraftRequest request, TokenTree tree, DraftLimits limits)
    {
        var economics = _options.Economics(request.Costs, Model);
        var drafted = limits with { Nodes = Math.Min(limits.Nodes, _options.Nodes + 1), Depth = Math.Min(limits.Depth, _options.Depth) };
        if (_options.Sampled && !request.Sampler.IsGreedy)
        {
            _draws.Begin(request.Sampler.Seed, request.Tokens.Length);
            DyspecDrafter.GrowBest(tree, Model, _draws, drafted, default);
            economics = default;
        }
        else _growth.Grow(tree, Model, drafted, economics);
        _firstRetrieved = tree.Count;
        Retrieve(request.Tokens);
        Prune();
        Fuse(tree, limits with { Nodes = Math.Min(limits.Nodes, tree.Count + _options.Retrieved) }, economics);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _store?.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Collects what followed the longest matches.</summary>
    private void Retrieve(ReadOnlySpan<int> tokens)
    {
        _history.Extend(tokens);
        _trie.Clear();
        var matches = _matches.AsSpan(0, _history.Find(LongMatch, _matches));
        var (length, first, count) = _store?.Find(tokens, LongMatch) ?? default;
        var longest = Math.Max(length, matches.IsEmpty ? 0 : matches[0].Length);
        foreach (var match in matches)
        {
            if (match.Length < longest) break;
            var next = _history.Tokens[match.Next..];
            _trie.Add(next[..Math.Min(next.Length, ContinuationLength)]);
        }
        if (length == longest) AddStored(length, first, count);
        _lengthClass = longest == 0 ? 0 : Math.Min(System.Numerics.BitOperations.Log2((uint)longest), LengthClasses - 1);
    }

    /// <summary>Adds what follows places of the datastore, evenly chosen where there are many.</summary>
    private void AddStored(int length, int first, int count)
    {
        var taken = Math.Min(count, Continuations);
        for (var i = 0; i < taken; i++)
        {
            var next = _store!.Tokens[_store.Next(first + (int)((long)i * count / taken), length)..];
            next = next[..Math.Min(next.Length, ContinuationLength)];
            var end = next.IndexOf(SuffixDatastore.Border);
            _trie.Add(MemoryMarshal.Cast<uint, int>(end < 0 ? next : next[..end]));
        }
    }

    /// <summary>Opens the first tokens that the draft expects too; the most frequent one of a long match needs no consent.</summary>
    private void Prune()
    {
        var expected = Model.Proposals.Tokens(0);
        var probabilities = Model.Proposals.Weights(0);
        for (var node = 1; node < _trie.Count; node++)
        {
            var share = _trie.Share(node);
            var open = true;
            if (_trie.Parent(node) == 0)
            {
                var rank = expected.IndexOf(_trie.Token(node));
                open = (rank >= 0 && (rank < _options.FirstRanks || probabilities[rank] >= RareFirst)) || (_lengthClass == LengthClasses - 1 && share > 0.5);
            }
            _retrieved[node] = (share, open, 0, TokenTree.None);
        }
        _retrieved[0] = (1, true, 1, 0);
    }

    /// <summary>Adds retrieved nodes by their chance, as many as fit and pay; those that the tree has already are followed.</summary>
    private void Fuse(TokenTree tree, DraftLimits limits, TreeEconomics economics)
    {
        while (true)
        {
            var best = 0;
            for (var node = 1; node < _trie.Count; node++)
            {
                ref var item = ref _retrieved[node];
                var parent = _retrieved[_trie.Parent(node)];
                if (!item.Open || item.Node != TokenTree.None || parent.Node == TokenTree.None || tree.Depths[parent.Node] >= limits.Depth) continue;
                item.Reach = parent.Reach * _rates[_lengthClass].Chance(item.Share, item.Share > 0.5);
                if (best == 0 || item.Reach > _retrieved[best].Reach) best = node;
            }
            if (best == 0) return;
            ref var chosen = ref _retrieved[best];
            var (under, token) = (_retrieved[_trie.Parent(best)].Node, _trie.Token(best));
            var there = tree.TryFindChild(under, token, out var existing);
            if (there && existing < _firstRetrieved && !tree.IsSampled) chosen.Reach = _growth.Reach(existing);
            if (!there && tree.Count >= limits.Nodes)
            {
                chosen.Open = false;
                continue;
            }
            if (!_growth.TryAdd(tree, under, token, chosen.Reach, economics, out chosen.Node)) return;
            if (!there) _shares[chosen.Node] = chosen.Share;
        }
    }

    /// <summary>Retrieved nodes that were verified teach how far retrieval is to be trusted.</summary>
    private void Learn(in Verification verification)
    {
        var tree = verification.Tree;
        var path = verification.Path;
        for (var i = 0; i < path.Length && _firstRetrieved > 0; i++)
        {
            for (var child = tree.FirstChild(path[i]); child != TokenTree.None; child = tree.NextSibling(child))
                if (child >= _firstRetrieved) _rates[_lengthClass].Observe(_shares[child], _shares[child] > 0.5, i + 1 < path.Length && path[i + 1] == child);
        }
        _firstRetrieved = 0;
    }
}
