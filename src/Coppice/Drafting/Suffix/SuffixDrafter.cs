using Coppice.Decoding.Verification;
using Coppice.Drafting.Datastores;

namespace Coppice.Drafting;

/// <summary>Retrieval from a datastore: a tree of what followed the longest end of the text that occurs there or earlier in the session.</summary>
/// <remarks>
/// Source: He et al., REST: Retrieval-Based Speculative Decoding (2023): continuations of the longest match form a trie whose likeliest nodes, by count, are
/// the draft. Here the session's own past counts too, matches of several lengths go into one trie with weights that grow with the length, and nodes are taken
/// best first.
/// </remarks>
internal sealed class SuffixDrafter : Drafter
{
    private const int MostPlaces = 64;

    private readonly SuffixOptions _options;
    private readonly SuffixDatastore? _store;
    private readonly NgramHistory _history;
    private readonly NgramMatch[] _found = new NgramMatch[MostPlaces];
    private readonly Place[] _places;       // by node of the tree, one range behind the other
    private readonly int[] _counts;
    private readonly CandidateQueue<(int Parent, int Token)> _queue;

    /// <summary>A place of the past or of the datastore whose token may come next.</summary>
    private readonly record struct Place(bool Stored, int Next, float Weight);

    /// <summary>A drafter with a datastore, which belongs to it, or without.</summary>
    public SuffixDrafter(SuffixOptions options, int maxTokens, SuffixDatastore? store)
    {
        (_options, _store) = (options, store);
        _history = new NgramHistory(options.HistoryTokens, maxTokens);
        _places = new Place[options.Nodes * 2 * MostPlaces];
        _counts = new int[options.Nodes];
        _queue = new CandidateQueue<(int, int)>(options.Nodes * 2 * MostPlaces);
    }

    /// <inheritdoc/>
    public override void Begin(ReadOnlySpan<int> prompt) => _history.Begin(prompt, forget: !_options.Hot);

    /// <inheritdoc/>
    public override void Draft(in DraftRequest request, TokenTree tree)
    {
        _history.Extend(request.Tokens);
        _queue.Clear();
        _counts[0] = Search(request.Tokens, _places);
        var total = 0f;
        for (var i = 0; i < _counts[0]; i++) total += _places[i].Weight;
        Expand(0, total);
        var most = Math.Min(_options.Nodes, request.MaxNodes);
        while (tree.Count < most && _queue.TryTake(out var candidate, out _))
        {
            var node = tree.Add(candidate.Parent, candidate.Token);
            Follow(candidate.Parent, node, candidate.Token);
            if (tree.MayExtend(node, request.MaxDepth)) Expand(node, total);
        }
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
        foreach (var match in _found.AsSpan(0, _history.Find(_options.MaxMatch, _found)))
        {
            if (match.Length >= _options.MinMatch) places[count++] = new Place(false, match.Next, match.Length * match.Length);
        }
        if (_store is null) return count;
        var (length, first, all) = _store.Find(tokens, _options.MaxMatch);
        if (length < _options.MinMatch) return count;
        var taken = Math.Min(all, MostPlaces);
        for (var i = 0; i < taken; i++) places[count++] = new Place(true, _store.Next(first + (int)((long)i * all / taken), length), length * length);
        return count;
    }

    /// <summary>The token at a place, or -1 where a text ends.</summary>
    private int TokenAt(in Place place)
    {
        if (place.Stored) return place.Next < _store!.Tokens.Length ? (int)_store.Tokens[place.Next] : -1;
        return place.Next < _history.Tokens.Length ? _history.Tokens[place.Next] : -1;
    }

    /// <summary>Queues each token that follows a node, with the share of the weight that goes there.</summary>
    private void Expand(int node, float total)
    {
        var places = _places.AsSpan(node * 2 * MostPlaces, _counts[node]);
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
        var places = _places.AsSpan(node * 2 * MostPlaces, 2 * MostPlaces);
        foreach (var place in _places.AsSpan(parent * 2 * MostPlaces, _counts[parent]))
        {
            if (TokenAt(place) == token) places[count++] = place with { Next = place.Next + 1 };
        }
        _counts[node] = count;
    }
}
