using Coppice.Decoding.Verification;

namespace Coppice.Drafting;

/// <summary>One best-first tree over n-gram matches and recycled rows of the target, as large as it pays.</summary>
/// <remarks>
/// Every node has the places of the past that match the text up to it, and a row of tokens that the target held likely after its last two
/// tokens, or its last. Their candidates go into one queue by the probability of the whole path, each factor calibrated by
/// <see cref="AcceptanceModel"/>. Of the trees that taking the best one after the other gives, the one is proposed that maximises (1 + Σ
/// path probabilities) / t(nodes), of the whole pass where other sequences share it. Where the model has draft heads, what they say of a
/// node is further evidence for its candidates, asked for where it may be worth its time. Sources: prompt lookup and Token Recycling, whose
/// static tree this replaces.
/// </remarks>
internal sealed class AutoDrafter : Drafter
{
    private const int MostOwn = 64, MostPast = 16, MostMatches = MostOwn + MostPast;
    // Children of a node that matches, recycled choices and heads name.
    private const int MostMatched = 8, MostNamed = 4, MostChildren = MostMatched + AutoTables.RowWidth + MostNamed;

    /// <summary>Of what the other sources leave open, what heads are taken to win before they are asked.</summary>
    private const float HeadGain = 0.4f;

    private readonly AutoDrafterOptions _options;
    private readonly AutoTables _tables;
    private readonly SuffixIndex? _index;
    private readonly SequenceIndex _own;
    private readonly CandidateQueue<Candidate> _queue;
    private readonly Candidate[] _taken;                // of each node; the root's is not used
    private readonly (int First, int Count)[] _matchRanges;
    private readonly Match[] _matches;                  // of the nodes taken, one range after the other
    private readonly NgramMatch[] _ownMatches = new NgramMatch[MostOwn];
    private readonly PastMatch[] _pastMatches = new PastMatch[MostPast];
    private readonly int[] _continuations = new int[MostPast * SuffixIndex.Stride];
    private readonly (int Token, Evidence Evidence)[] _children = new (int, Evidence)[MostChildren];
    private readonly HeadSource? _heads;
    private readonly int[] _path;
    private RingText? _text;
    private int _childCount;
    private bool _headsRan;         // for this draft
    private double _headSeconds;    // of this draft

    /// <summary>A candidate: a token after a node that was taken.</summary>
    private readonly record struct Candidate(int Parent, int Token, Evidence Evidence, int Depth, bool IsForced = false);

    /// <summary>A place whose token may come next: in this text, or in a continuation of an earlier one.</summary>
    private readonly record struct Match(int Next, int Length, bool Past);

    /// <summary>Creates a drafter.</summary>
    /// <param name="options">Its settings.</param>
    /// <param name="maxTokens">Tokens of a session at most.</param>
    /// <param name="tables">What it learns; shared or its own.</param>
    /// <param name="index">Earlier texts; null for none.</param>
    /// <param name="heads">What draft heads of the model say, which belongs to the drafter; null for none.</param>
    public AutoDrafter(AutoDrafterOptions options, int maxTokens, AutoTables tables, SuffixIndex? index, HeadSource? heads = null)
    {
        (_options, _tables, _index, _heads) = (options, tables, index, heads);
        _path = new int[heads?.Depth ?? 0];
        _own = new SequenceIndex(maxTokens);
        _queue = new CandidateQueue<Candidate>(options.MaxNodes * MostChildren);
        _taken = new Candidate[options.MaxNodes];
        _matchRanges = new (int, int)[options.MaxNodes];
        _matches = new Match[options.MaxNodes * MostMatches];
    }

    /// <inheritdoc/>
    public override int TopCount => AutoTables.RowWidth;

    /// <inheritdoc/>
    public override DrafterNeeds Needs => _heads?.Needs ?? DrafterNeeds.None;

    /// <inheritdoc/>
    public override ReadOnlyMemory<int> HiddenLayers => _heads is null ? default : HeadSource.HiddenLayers;

    /// <inheritdoc/>
    public override void TakePrompt(in HiddenRows states) => _heads?.TakePrompt(states);

    /// <inheritdoc/>
    public override void Begin(ReadOnlySpan<int> prompt)
    {
        var continues = _own.Begin(prompt);
        if (continues && _text is not null) _index?.Extend(_text, prompt);
        else _text = _index?.Begin(prompt);
        if (!_options.Hot) _tables.Clear();
        _heads?.Begin();
    }

    /// <inheritdoc/>
    public override void Draft(in DraftRequest request, TokenTree tree)
    {
        var tokens = request.Tokens;
        _own.Extend(tokens);
        _queue.Clear();
        _matchRanges[0] = (0, FindMatches(tokens));
        var economics = new PassEconomics(request);
        var limit = Math.Min(_options.MaxNodes, request.MaxNodes);
        var (count, expected, best) = (1, 1.0, 1);
        var (bestExpected, bestRate) = (expected, economics.Rate(expected, 1));
        (_headsRan, _headSeconds) = (false, 0);
        lock (_tables.Lock)
        {
            Expand(request.Filter, tokens, 0, 0, tokens.Length > 1 ? tokens[^2] : -1, tokens[^1], 1, bestRate);
            while (count < limit && _queue.TryTake(out var candidate, out var score))
            {
                if (request.Filter?.TryAdd(candidate.Parent, count, candidate.Token) == false) continue;
                _taken[count] = candidate;
                expected += score;
                var rate = economics.Rate(expected, count + 1, _headSeconds);
                if (rate > bestRate) (best, bestExpected, bestRate) = (count + 1, expected, rate);
                if (candidate.Depth < request.MaxDepth && !tree.Ends(candidate.Token))
                {
                    Follow(count, candidate);
                    var before = candidate.Parent == 0 ? tokens[^1] : _taken[candidate.Parent].Token;
                    Expand(request.Filter, tokens, count, candidate.Depth, before, candidate.Token, score, bestRate);
                }
                count++;
            }
        }
        tree.ExpectedTokens = bestExpected;
        for (var node = 1; node < best; node++) tree.Add(_taken[node].Parent, _taken[node].Token);
    }

    /// <inheritdoc/>
    public override void Accept(in VerificationResult verification)
    {
        if (_text is not null) _index!.Extend(_text, verification.Tokens);
        _heads?.Accept(verification);
        lock (_tables.Lock) Learn(verification);
    }

    private void Learn(in VerificationResult verification)
    {
        var tree = verification.Tree;
        var root = verification.Tokens.Length - verification.Emitted.Length - 1;
        foreach (var node in verification.Path)
        {
            for (var child = tree.FirstChild(node); child != TokenTree.None; child = tree.NextSibling(child))
            {
                if (!_taken[child].IsForced) _tables.Acceptance.Learn(_taken[child].Evidence, accepted: verification.Path.Contains(child));
            }
        }
        // Rejected nodes first: of rows for one context those on the accepted path stay.
        for (var node = tree.Count - 1; node >= 0; node--)
        {
            if (!verification.Path.Contains(node)) Recycle(verification, node, root);
        }
        for (var i = verification.Path.Length - 1; i >= 0; i--) Recycle(verification, verification.Path[i], root);
    }

    /// <summary>Fills the root's matches, the longest first, of equally long ones those in this text first.</summary>
    private int FindMatches(ReadOnlySpan<int> tokens)
    {
        var own = _ownMatches.AsSpan(0, _own.Find(SuffixIndex.LongestMatch, _ownMatches));
        var past = _text is null ? [] : _pastMatches.AsSpan(0, _index!.Find(_text, tokens, _pastMatches, _continuations));
        var count = 0;
        while (own.Length > 0 || past.Length > 0)
        {
            if (past.IsEmpty || own.Length > 0 && own[0].Length >= past[0].Length)
            {
                _matches[count++] = new Match(own[0].Next, own[0].Length, Past: false);
                own = own[1..];
            }
            else
            {
                _matches[count++] = new Match(past[0].First, past[0].Length, Past: true);
                past = past[1..];
            }
        }
        return count;
    }

    /// <summary>The token at a match, or -1 where its text ends.</summary>
    private int TokenAt(in Match match) =>
        match.Past ? _continuations[match.Next] : match.Next < _own.Tokens.Length ? _own.Tokens[match.Next] : SuffixIndex.End;

    private void Recycle(in VerificationResult verification, int node, int root)
    {
        var top = verification.Top(node);
        if (top.Length < AutoTables.RowWidth) return;
        var (tree, parent) = (verification.Tree, verification.Tree.Parents[node]);
        var before = parent != TokenTree.None ? tree.Tokens[parent] : root > 0 ? verification.Tokens[root - 1] : -1;
        var logits = verification.TopLogits(node);
        _tables.Rows.Set(SuccessorCache.Key(tree.Tokens[node]), top, logits);
        if (before >= 0) _tables.Rows.Set(SuccessorCache.Key(before, tree.Tokens[node]), top, logits);
    }

    /// <summary>The matches of a new node: those of its parent that go on with its token.</summary>
    private void Follow(int node, in Candidate candidate)
    {
        var (first, count) = _matchRanges[candidate.Parent];
        var (start, end) = (node * MostMatches, node * MostMatches);
        foreach (var match in _matches.AsSpan(first, count))
        {
            if (TokenAt(match) == candidate.Token) _matches[end++] = match with { Next = match.Next + 1, Length = match.Length + 1 };
        }
        _matchRanges[node] = (start, end - start);
    }

    /// <summary>
    /// Queues what may follow a node that was taken; what a constraint forces follows for certain, and nothing else does.
    /// </summary>
    /// <param name="filter">What the constraint leaves.</param>
    /// <param name="tokens">The sequence.</param>
    /// <param name="node">The node.</param>
    /// <param name="depth">Its depth.</param>
    /// <param name="before">The token before its own.</param>
    /// <param name="token">Its token.</param>
    /// <param name="score">Its path's probability.</param>
    /// <param name="rate">Tokens a second of the best tree so far: what the heads' time costs.</param>
    private void Expand(
        IDraftFilter? filter, ReadOnlySpan<int> tokens, int node, int depth, int before, int token, float score, double rate)
    {
        if (filter?.ForcedAfter(node) is int forced and >= 0)
        {
            _queue.Add(score, new Candidate(node, forced, default, depth + 1, IsForced: true));
            return;
        }
        _childCount = 0;
        var (first, count) = _matchRanges[node];
        foreach (var match in _matches.AsSpan(first, count))
        {
            var next = TokenAt(match);
            if (next < 0 || IndexOf(next) >= 0) continue;
            if (_childCount == MostMatched) break;
            _children[_childCount] = (next, new Evidence(match.Length, match.Past, _childCount == 0, 0, 0));
            _childCount++;
        }
        var order = 2;
        if (!_tables.Rows.TryGet(SuccessorCache.Key(before, token), out var successors, out var probabilities))
            order = _tables.Rows.TryGet(SuccessorCache.Key(token), out successors, out probabilities) ? 1 : 0;
        for (var i = 0; order > 0 && i < successors.Length; i++)
        {
            var at = IndexOf(successors[i]);
            if (at < 0) _children[at = _childCount++] = (successors[i], default);
            _children[at].Evidence = _children[at].Evidence with { Order = order, Probability = probabilities[i] };
        }
        if (_heads is not null) AskHeads(_heads, tokens, node, depth, score, rate);
        foreach (var (child, evidence) in _children.AsSpan(0, _childCount))
            _queue.Add(score * _tables.Acceptance.Probability(evidence), new Candidate(node, child, evidence, depth + 1));
    }

    /// <summary>
    /// Adds what draft heads say of the children, and those that only they name, where they may give more than they cost: not where a long
    /// match makes the next token nearly certain.
    /// </summary>
    private void AskHeads(HeadSource heads, ReadOnlySpan<int> tokens, int node, int depth, float score, double rate)
    {
        if (depth >= heads.Depth) return;
        var open = 1f;
        foreach (var (_, evidence) in _children.AsSpan(0, _childCount)) open = Math.Min(open, 1 - _tables.Acceptance.Probability(evidence));
        var seconds = node == 0 || !_headsRan ? heads.Seconds : heads.ReadSeconds;
        if (score * open * HeadGain < rate * seconds) return;
        if (!_headsRan && !(_headsRan = heads.TryBegin(tokens.Length))) return;
        _headSeconds += seconds;
        var path = _path.AsSpan(0, depth + 1);
        for (var (at, place) = (node, depth); place > 0; at = _taken[at].Parent, place--) path[place] = _taken[at].Token;
        path[0] = tokens[^1];
        var named = heads.Read(path, out var logits);
        var total = 0f;
        foreach (var logit in logits) total += MathF.Exp(logit - logits[0]);
        for (var i = 0; i < _childCount; i++) _children[i].Evidence = _children[i].Evidence with { Head = 1 };
        for (var i = 0; i < Math.Min(MostNamed, named.Length); i++)
        {
            var at = IndexOf(named[i]);
            if (at < 0) _children[at = _childCount++] = (named[i], default);
            var head = AcceptanceModel.Named(MathF.Exp(logits[i] - logits[0]) / total);
            _children[at].Evidence = _children[at].Evidence with { Head = head };
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _heads?.Dispose();
        base.Dispose(disposing);
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
