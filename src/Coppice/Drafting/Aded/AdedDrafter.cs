using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;

namespace Coppice.Drafting;

/// <summary>
/// ADED: a tree search over a table of triples that adapts to the text; the prefixes that the search visits most become the draft.
/// </summary>
/// <remarks>
/// Source: Adaptive Draft-Verification for Efficient LLM Decoding (2024) and the authors' code: PUCT with the constants below. A child is
/// chosen by w/n + P · √N/(1+n) · (c1 + ln((N+c2+1)/c2)), an unvisited one first. Rows are ordered by weight and token where the code
/// depends on the order of a hash table. Where nothing is known of the last two tokens nothing is proposed; the code proposes token 100.
/// </remarks>
internal sealed class AdedDrafter : Drafter
{
    private const float C1 = 32, C2 = 8, Step = 0.04f, MostWeight = 3;
    private const int Levels = 3, Window = 16, Extracted = 24;

    private readonly AdedOptions _options;
    private readonly TrigramTable _table;
    private readonly SearchNode[] _nodes;
    private readonly int[] _path = new int[Levels + 1];
    private readonly CandidateQueue<int> _byVisits;
    private readonly NodeRates _rates;
    private readonly IDisposable? _store;
    private int _count, _learned;

    /// <summary>A prefix of the draft: its last two tokens, and what the search knows of it.</summary>
    private struct SearchNode
    {
        public int Before, Token, Parent, FirstChild, Children, Visits, Depth;
        public float Prior, Score;
    }

    /// <summary>A drafter over <paramref name="table"/>; the store beneath it, if any, belongs to the drafter.</summary>
    public AdedDrafter(AdedOptions options, TrigramTable table, IDisposable? store)
    {
        (_options, _table, _store) = (options, table, store);
        _nodes = new SearchNode[1 + options.Iterations * TrigramTable.RowLength];
        _rates = new NodeRates(options.Nodes);
        _byVisits = new CandidateQueue<int>(_nodes.Length);
    }

    /// <summary>Visits of the root in the last search.</summary>
    public int RootVisits => _count == 0 ? 0 : _nodes[0].Visits;

    /// <inheritdoc/>
    public override void Begin(ReadOnlySpan<int> prompt)
    {
        lock (_table.Lock)
        {
            if (!_options.Hot) _table.Clear();
            _learned = 0;
            if (_options.Prompt) LearnUpTo(prompt);
            _learned = prompt.Length;
        }
    }

    /// <inheritdoc/>
    public override void Draft(in DraftRequest request, TokenTree tree)
    {
        var tokens = request.Tokens;
        if (tokens.Length < 2) return;
        var most = _rates.Limit(request, Math.Min(_options.Nodes, request.MaxNodes));
        lock (_table.Lock)
        {
            Learn(tokens);
            if (most > 1 || !new PassEconomics(request).IsShared)
            {
                Search(tokens, request.Sampler);
                Extract(most, request.MaxDepth, tree);
            }
        }
        tree.ExpectedTokens = _rates.Expected(tree.Count);
    }

    /// <inheritdoc/>
    public override void Accept(in VerificationResult verification) => _rates.Accept(verification);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _store?.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>Bumps the triples of the last tokens, again with every draft as the code does, or each once.</summary>
    private void Learn(ReadOnlySpan<int> tokens)
    {
        if (_options.CountOnce)
        {
            LearnUpTo(tokens);
            return;
        }
        var window = tokens[Math.Max(0, tokens.Length - Window)..];
        for (var i = 2; i < window.Length; i++) _table.Bump(window[i - 2], window[i - 1], window[i], Step, MostWeight);
    }

    private void LearnUpTo(ReadOnlySpan<int> tokens)
    {
        for (var i = Math.Max(_learned, 2); i < tokens.Length; i++) _table.Bump(tokens[i - 2], tokens[i - 1], tokens[i], Step, MostWeight);
        _learned = tokens.Length;
    }

    private void Search(ReadOnlySpan<int> tokens, Sampler sampler)
    {
        _nodes[0] = new SearchNode { Before = tokens[^2], Token = tokens[^1], Parent = -1 };
        _count = 1;
        if (_table.Row(tokens[^2], tokens[^1]).IsEmpty) return;
        for (var iteration = 0; iteration < _options.Iterations; iteration++)
        {
            var (length, score) = (1, 1f);
            var node = _path[0] = 0;
            while (_nodes[node].Children > 0)
            {
                node = _path[length++] = Choose(node);
                score += _nodes[node].Prior;
            }
            if (_nodes[node].Depth < Levels && TryExpand(node))
            {
                node = _path[length++] = _nodes[node].FirstChild;
                score += _nodes[node].Prior;
            }
            score += RollOut(_nodes[node], sampler, tokens.Length, iteration);
            if (_options.Reward == AdedReward.AsReleased) score = 1;
            foreach (var visited in _path.AsSpan(0, length))
            {
                _nodes[visited].Visits++;
                _nodes[visited].Score += score;
            }
        }
    }

    private int Choose(int node)
    {
        var first = _nodes[node].FirstChild;
        var children = _nodes.AsSpan(first, _nodes[node].Children);
        var (best, largest) = (0, float.NegativeInfinity);
        var explore = Exploration(_nodes[node].Visits);
        for (var i = 0; i < children.Length; i++)
        {
            if (children[i].Visits == 0) return first + i;
            var value = Puct(children[i].Score, children[i].Visits, children[i].Prior, explore);
            if (value > largest) (best, largest) = (i, value);
        }
        return first + best;
    }

    /// <summary>√N · (c1 + ln((N+c2+1)/c2)).</summary>
    internal static float Exploration(int visits) => MathF.Sqrt(visits) * (C1 + MathF.Log((visits + C2 + 1) / C2));

    /// <summary>w/n + P · exploration/(1+n).</summary>
    internal static float Puct(float score, int visits, float prior, float exploration) =>
        score / visits + prior * exploration / (1 + visits);

    private bool TryExpand(int node)
    {
        var row = _table.Row(_nodes[node].Before, _nodes[node].Token);
        if (row.IsEmpty || _count + row.Length > _nodes.Length) return false;
        (_nodes[node].FirstChild, _nodes[node].Children) = (_count, row.Length);
        foreach (var (token, weight) in row)
        {
            _nodes[_count++] = new SearchNode
            {
                Before = _nodes[node].Token,
                Token = token,
                Parent = node,
                Depth = _nodes[node].Depth + 1,
                Prior = weight,
            };
        }
        return true;
    }

    /// <summary>Draws successors down to the last level and returns the sum of their weights.</summary>
    private float RollOut(SearchNode from, Sampler sampler, int position, int iteration)
    {
        var (before, token, sum) = (from.Before, from.Token, 0f);
        for (var depth = from.Depth; depth < Levels; depth++)
        {
            var row = _table.Row(before, token);
            if (row.IsEmpty) break;
            var total = 0f;
            foreach (var successor in row) total += successor.Weight;
            var left = (float)sampler.Uniform(RandomStream.Search, position, iteration * Levels + depth) * total;
            var chosen = 0;
            while (chosen < row.Length - 1 && (left -= row[chosen].Weight) >= 0) chosen++;
            sum += row[chosen].Weight;
            (before, token) = (token, row[chosen].Token);
        }
        return sum;
    }

    /// <summary>Adds the most visited prefixes, each with the likeliest token after it, as far as they fit.</summary>
    private void Extract(int most, int maxDepth, TokenTree tree)
    {
        _byVisits.Clear();
        for (var i = 1; i < _count; i++) _byVisits.Add(_nodes[i].Visits, i);
        for (var taken = 0; taken < Extracted && _byVisits.TryTake(out var found, out _); taken++)
        {
            var node = AddPrefix(found, maxDepth, most, tree);
            if (node < 0 || tree.Count >= most || !tree.MayExtend(node, maxDepth)) continue;
            var row = _table.Row(_nodes[found].Before, _nodes[found].Token);
            if (!row.IsEmpty) tree.Add(node, row[0].Token);
        }
    }

    /// <summary>The tree's node for a prefix, added with those above it; -1 where it does not fit.</summary>
    private int AddPrefix(int found, int maxDepth, int most, TokenTree tree)
    {
        if (found == 0) return 0;
        var parent = AddPrefix(_nodes[found].Parent, maxDepth, most, tree);
        if (parent < 0 || !tree.MayExtend(parent, maxDepth)) return -1;
        if (tree.TryFindChild(parent, _nodes[found].Token, out var existing)) return existing;
        return tree.Count < most ? tree.Add(parent, _nodes[found].Token) : -1;
    }
}
