using Coppice.Decoding.Verification;
using Coppice.Drafting.Datastores;

namespace Coppice.Drafting;

/// <summary>
/// Retrieval from a datastore: a tree of what followed the longest end of the text that occurs there, earlier in the session or in an
/// earlier text.
/// </summary>
/// <remarks>
/// Source: He et al., REST: Retrieval-Based Speculative Decoding (2023): continuations of the longest match form a trie whose likeliest
/// nodes, by count, are the draft. Here the session's own text and earlier ones count too, matches of several lengths go into one trie with
/// weights that grow with the length, and nodes are taken best first.
/// </remarks>
internal sealed class SuffixDrafter : Drafter
{
    private const int MostPlaces = 64, MostPast = 16, Places = 2 * MostPlaces + MostPast;

    private readonly SuffixOptions _options;
    private readonly SuffixDatastore? _store;
    private readonly SequenceIndex _own;
    private readonly SuffixIndex? _index;
    private readonly NgramMatch[] _ownMatches = new NgramMatch[MostPlaces];
    private readonly PastMatch[] _pastMatches = new PastMatch[MostPast];
    private readonly int[] _continuations = new int[MostPast * SuffixIndex.Stride];
    private readonly Place[] _places;       // by node of the tree, one range after the other
    private readonly int[] _counts;
    private readonly CandidateQueue<(int Parent, int Token)> _queue;
    private readonly NodeRates _rates;
    private RingText? _text;

    /// <summary>What a place lies in.</summary>
    private enum Source : byte
    {
        Own,
        Past,
        Stored,
    }

    /// <summary>A place whose token may come next.</summary>
    private readonly record struct Place(Source Source, int Next, float Weight);

    /// <summary>Creates a drafter.</summary>
    /// <param name="options">Its settings.</param>
    /// <param name="maxTokens">Tokens of a session at most.</param>
    /// <param name="index">Earlier texts; null for none.</param>
    /// <param name="store">A datastore, which belongs to the drafter; null for none.</param>
    public SuffixDrafter(SuffixOptions options, int maxTokens, SuffixIndex? index, SuffixDatastore? store)
    {
        (_options, _index, _store) = (options, index, store);
        _own = new SequenceIndex(maxTokens);
        _places = new Place[options.Nodes * Places];
        _counts = new int[options.Nodes];
        _queue = new CandidateQueue<(int, int)>(options.Nodes * Places);
        _rates = new NodeRates(options.Nodes);
    }

    /// <inheritdoc/>
    public override void Begin(ReadOnlySpan<int> prompt)
    {
        var continues = _own.Begin(prompt);
        if (continues && _text is not null) _index?.Extend(_text, prompt);
        else _text = _index?.Begin(prompt);
    }

    /// <inheritdoc/>
    public override void Draft(in DraftRequest request, TokenTree tree)
    {
        _own.Extend(request.Tokens);
        _queue.Clear();
        _counts[0] = Search(request.Tokens, _places);
        var total = 0f;
        for (var i = 0; i < _counts[0]; i++) total += _places[i].Weight;
        Expand(0, total);
        var most = _rates.Limit(request, Math.Min(_options.Nodes, request.MaxNodes));
        while (tree.Count < most && _queue.TryTake(out var candidate, out _))
        {
            var node = tree.Add(candidate.Parent, candidate.Token);
            Follow(candidate.Parent, node, candidate.Token);
            if (tree.MayExtend(node, request.MaxDepth)) Expand(node, total);
        }
        tree.ExpectedTokens = _rates.Expected(tree.Count);
    }

    /// <inheritdoc/>
    public override void Accept(in VerificationResult verification)
    {
        if (_text is not null) _index!.Extend(_text, verification.Tokens);
        _rates.Accept(verification);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _store?.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Fills <paramref name="places"/> with what follows matches, each with the square of its length as weight.</summary>
    private int Search(ReadOnlySpan<int> tokens, Span<Place> places)
    {
        var count = 0;
        foreach (var match in _ownMatches.AsSpan(0, _own.Find(_options.MaxMatch, _ownMatches)))
        {
            if (match.Length >= _options.MinMatch) places[count++] = new Place(Source.Own, match.Next, match.Length * match.Length);
        }
        var past = _text is null ? [] : _pastMatches.AsSpan(0, _index!.Find(_text, tokens, _pastMatches, _continuations));
        foreach (var match in past)
        {
            var matched = Math.Min(match.Length, _options.MaxMatch);
            if (matched >= _options.MinMatch) places[count++] = new Place(Source.Past, match.First, matched * matched);
        }
        if (_store is null) return count;
        var (length, first, all) = _store.Find(tokens, _options.MaxMatch);
        if (length < _options.MinMatch) return count;
        var taken = Math.Min(all, MostPlaces);
        for (var i = 0; i < taken; i++)
        {
            var number = first + (int)((long)i * all / taken);
            places[count++] = new Place(Source.Stored, _store.Next(number, length), length * length);
        }
        return count;
    }

    /// <summary>The token at a place, or -1 where a text ends.</summary>
    private int TokenAt(in Place place)
    {
        switch (place.Source)
        {
            case Source.Own: return place.Next < _own.Tokens.Length ? _own.Tokens[place.Next] : SuffixIndex.End;
            case Source.Past: return _continuations[place.Next];
            default: return place.Next < _store!.Tokens.Length ? (int)_store.Tokens[place.Next] : SuffixIndex.End;
        }
    }

    /// <summary>Queues each token that follows a node, with the share of the weight that goes there.</summary>
    private void Expand(int node, float total)
    {
        var places = _places.AsSpan(node * Places, _counts[node]);
        for (var i = 0; i < places.Length; i++)
        {
            var (token, weight, known) = (TokenAt(places[i]), 0f, false);
            for (var j = 0; j < places.Length && !known; j++)
            {
                if (TokenAt(places[j]) != token) continue;
                known = j < i;
                weight += places[j].Weight;
            }
            if (token >= 0 && !known) _queue.Add(weight / total, (node, token));
        }
    }

    private void Follow(int parent, int node, int token)
    {
        var count = 0;
        var places = _places.AsSpan(node * Places, Places);
        foreach (var place in _places.AsSpan(parent * Places, _counts[parent]))
        {
            if (TokenAt(place) == token) places[count++] = place with { Next = place.Next + 1 };
        }
        _counts[node] = count;
    }
}
