using Coppice.Decoding.Verification;

namespace Coppice.Drafting;

/// <summary>One best-first tree over n-gram matches and recycled rows of the target, as large as it pays.</summary>
/// <remarks>
/// Every node has the places of the past that match the text up to it, and a row of tokens that the target held likely behind its last two tokens, or its last.
/// Their candidates go into one queue by the probability of the whole path, each factor calibrated by <see cref="AcceptanceModel"/>. Of the trees that taking the
/// best one after the other gives, the one is proposed that maximises (1 + Σ path probabilities) / t(nodes). Sources: prompt lookup and Token Recycling,
/// whose static tree this replaces.
/// </remarks>
internal sealed class AutoDrafter : Drafter
{
    private const int RowWidth = 8, MostMatches = 64, MostChildren = 16, LongestMatch = 16;

    private readonly AutoDrafterOptions _options;
    private readonly NgramHistory _history;
    private readonly SuccessorCache _rows;
    private readonly AcceptanceModel _acceptance = new();
    private readonly CandidateQueue<Candidate> _queue;
    private readonly Candidate[] _taken;                // of each node; the root's is not used
    private readonly (int First, int Count)[] _matchRanges;
    private readonly NgramMatch[] _matches;             // of the nodes taken, one range behind the other
    private readonly (int Token, Evidence Evidence)[] _children = new (int, Evidence)[MostChildren];
    private int _childCount;

    /// <summary>A candidate: a token behind a node that was taken.</summary>
    private readonly record struct Candidate(int Parent, int Token, Evidence Evidence, int Depth);

    public AutoDrafter(AutoDrafterOptions options, int maxTokens)
    {
        _options = options;
        _history = new NgramHistory(options.HistoryTokens, maxTokens);
        _rows = new SuccessorCache(options.RowBits, RowWidth);
        _queue = new CandidateQueue<Candidate>(options.MaxNodes * MostChildren);
        _taken = new Candidate[options.MaxNodes];
        _matchRanges = new (int, int)[options.MaxNodes];
        _matches = new NgramMatch[options.MaxNodes * MostMatches];
    }

    /// <inheritdoc/>
    public override int TopCount => RowWidth;

    /// <inheritdoc/>
    public override void Begin(ReadOnlySpan<int> prompt)
    {
        _history.Begin(prompt, forget: !_options.Hot);
        if (_options.Hot) return;
        _rows.Clear();
        _acceptance.Clear();
    }

    /// <inheritdoc/>
    public override void Draft(in DraftRequest request, TokenTree tree)
    {
        var tokens = request.Tokens;
        _history.Extend(tokens);
        _queue.Clear();
        _matchRanges[0] = (0, _history.Find(LongestMatch, _matches.AsSpan(0, MostMatches)));
        Expand(0, 0, tokens.Length > 1 ? tokens[^2] : -1, tokens[^1], 1);
        var limit = Math.Min(_options.MaxNodes, request.MaxNodes);
        var (count, expected, best, bestValue) = (1, 1.0, 1, 1 / request.Costs.Seconds(1));
        while (count < limit && _queue.TryTake(out var candidate, out var score))
        {
            _taken[count] = candidate;
            expected += score;
            var value = expected / request.Costs.Seconds(count + 1);
            if (value > bestValue) (best, bestValue) = (count + 1, value);
            if (candidate.Depth < request.MaxDepth && !tree.Ends(candidate.Token))
            {
                Follow(count, candidate);
                var before = candidate.Parent == 0 ? tokens[^1] : _taken[candidate.Parent].Token;
                Expand(count, candidate.Depth, before, candidate.Token, score);
            }
            count++;
        }
        for (var node = 1; node < best; node++) tree.Add(_taken[node].Parent, _taken[node].Token);
    }

    /// <inheritdoc/>
    public override void Accept(in VerificationResult verification)
    {
        var tree = verification.Tree;
        var root = verification.Tokens.Length - verification.Emitted.Length - 1;
        foreach (var node in verification.Path)
        {
            for (var child = tree.FirstChild(node); child != TokenTree.None; child = tree.NextSibling(child))
                _acceptance.Learn(_taken[child].Evidence, accepted: verification.Path.Contains(child));
        }
        // Rejected nodes first: of rows for one context those on the accepted path stay.
        for (var node = tree.Count - 1; node >= 0; node--)
        {
            if (!verification.Path.Contains(node)) Recycle(verification, node, root);
        }
        for (var i = verification.Path.Length - 1; i >= 0; i--) Recycle(verification, verification.Path[i], root);
    }

    private void Recycle(in VerificationResult verification, int node, int root)
    {
        var top = verification.Top(node);
        if (top.Length < RowWidth) return;
        var (tree, parent) = (verification.Tree, verification.Tree.Parents[node]);
        var before = parent != TokenTree.None ? tree.Tokens[parent] : root > 0 ? verification.Tokens[root - 1] : -1;
        var logits = verification.TopLogits(node);
        _rows.Set(SuccessorCache.Key(tree.Tokens[node]), top, logits);
        if (before >= 0) _rows.Set(SuccessorCache.Key(before, tree.Tokens[node]), top, logits);
    }

    /// <summary>The matches of a new node: those of its parent that go on with its token.</summary>
    private void Follow(int node, in Candidate candidate)
    {
        var (first, count) = _matchRanges[candidate.Parent];
        var (start, end) = (node * MostMatches, node * MostMatches);
        var past = _history.Tokens;
        foreach (var match in _matches.AsSpan(first, count))
        {
            if (match.Next < past.Length && past[match.Next] == candidate.Token) _matches[end++] = new NgramMatch(match.Next + 1, match.Length + 1);
        }
        _matchRanges[node] = (start, end - start);
    }

    /// <summary>Queues what may stand behind a node that was taken.</summary>
    private void Expand(int node, int depth, int before, int token, float score)
    {
        _childCount = 0;
        var past = _history.Tokens;
        var (first, count) = _matchRanges[node];
        foreach (var match in _matches.AsSpan(first, count))
        {
            if (match.Next >= past.Length || past[match.Next] < 0 || IndexOf(past[match.Next]) >= 0) continue;
            if (_childCount == MostChildren / 2) break;
            _children[_childCount] = (past[match.Next], new Evidence(match.Length, match.Next < _history.Start, _childCount == 0, 0, 0));
            _childCount++;
        }
        var order = 2;
        if (!_rows.TryGet(SuccessorCache.Key(before, token), out var successors, out var probabilities))
            order = _rows.TryGet(SuccessorCache.Key(token), out successors, out probabilities) ? 1 : 0;
        for (var i = 0; order > 0 && i < successors.Length; i++)
        {
            var at = IndexOf(successors[i]);
            if (at < 0) _children[at = _childCount++] = (successors[i], default);
            _children[at].Evidence = _children[at].Evidence with { Order = order, Probability = probabilities[i] };
        }
        for (var i = 0; i < _childCount; i++)
            _queue.Add(score * _acceptance.Probability(_children[i].Evidence), new Candidate(node, _children[i].Token, _children[i].Evidence, depth + 1));
    }

    private int IndexOf(int token)
    {
        for (var i = 0; i < _childCount; i++)
        {
            if (_children[i].Token == token) return i;
        }
        return -1;
    }
}
