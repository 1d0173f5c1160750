using System.Diagnostics;
using System.Runtime;
using Coppice.Cache;
using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Drafting;
using Coppice.Execution;
using Coppice.Models;

namespace Coppice.Decoding;

/// <summary>The one loop of decoding: prefill what is pending, draft, run the model over the tree, verify, commit. Plain decoding is a tree with only a root.</summary>
/// <remarks>
/// Holds one sequence: its tokens and its cache. The last token is always pending, that is, not yet in the cache. A step takes the lock of the model, because
/// a back end is single-threaded; nothing else is shared. After the first steps a step allocates nothing, unless log-probabilities are asked for.
/// </remarks>
internal sealed class DecodingLoop
{
    private readonly Transformer _model;
    private readonly Lock _gate;
    private readonly KvCache _cache;
    private readonly Workspace _workspace;
    private readonly PassCosts _costs;
    private readonly ForwardBatch _batch;
    private readonly TokenTree _tree;
    private readonly int[] _tokens;         // prompt and generated, with room behind for the path that is being verified
    private readonly int[] _path;
    private readonly TargetRows _rows;
    private readonly float[] _logits;
    private readonly List<int> _emitted = [];
    private readonly List<TokenLogProbs> _logProbs = [];
    private readonly DecodingOptions _nothing = new(new Sampler([], greedy: true, 0), new NoDrafter(), new StopRule(0, []), null);
    private DecodingOptions _options;
    private double[]? _weights;             // what the logits come to; only rules that need more than a choice ask for them
    private int _count, _promptLength;
    private bool _beyond;       // the cache holds keys turned by a longrope model's long factors

    /// <summary>A loop over an empty cache.</summary>
    /// <param name="model">The model.</param>
    /// <param name="gate">Taken for each step.</param>
    /// <param name="cache">The sequence's cache; belongs to the caller.</param>
    /// <param name="workspace">Belongs to the caller.</param>
    /// <param name="maxTokens">Prompt and generated tokens that fit; the cache has room for a tree beyond them.</param>
    /// <param name="positions">Rows of the rotary tables.</param>
    /// <param name="costs">Times of passes, which the loop adds to.</param>
    public DecodingLoop(Transformer model, Lock gate, KvCache cache, Workspace workspace, int maxTokens, int positions, PassCosts costs)
    {
        (_model, _gate, _cache, _workspace, MaxTokens, _costs) = (model, gate, cache, workspace, maxTokens, costs);
        var size = workspace.Size;
        _batch = new ForwardBatch(size, positions);
        _tree = new TokenTree(Math.Min(size.TreeRows, size.LogitRows), size.PathLength - 1);
        _tokens = new int[maxTokens + size.PathLength + 1];
        (_path, _rows) = (new int[size.PathLength], new TargetRows(model, workspace));
        _logits = new float[model.Spec.VocabularySize];
        _options = _nothing;
        _emitted.EnsureCapacity(size.PathLength);
    }

    /// <summary>Tokens that fit.</summary>
    public int MaxTokens { get; }
    /// <summary>All tokens of the sequence.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, _count);
    /// <summary>Tokens that the last step gave.</summary>
    public IReadOnlyList<int> Emitted => _emitted;
    /// <summary>Their log-probabilities, where asked for.</summary>
    public IReadOnlyList<TokenLogProbs> LogProbs => _logProbs;
    /// <summary>Set by the step that ends the generation.</summary>
    public FinishReason? Finished { get; private set; }
    /// <summary>Counts and times since <see cref="Begin"/>.</summary>
    public DecodingStatistics Statistics { get; private set; } = new(1);
    private int GeneratedCount => _count - _promptLength;
    /// <summary>Best tokens that are needed of a row.</summary>
    private int BestCount => Math.Max(_options.Drafter.TopCount, Candidates);
    /// <summary>Best tokens among which the next one nearly always is, so that nobody reads a whole row of logits; 0 where it takes the row.</summary>
    private int Candidates => _options.Typical is null ? _options.Sampler.Candidates : 0;

    /// <summary>Begins a generation. Keys and values of the beginning that <paramref name="prompt"/> shares with the sequence so far are kept.</summary>
    public void Begin(ReadOnlySpan<int> prompt, DecodingOptions options)
    {
        Debug.Assert(prompt.Length > 0 && prompt.Length < MaxTokens, "checked by the session");
        var common = prompt.CommonPrefixLength(_tokens.AsSpan(0, _cache.Length));
        var beyond = IsBeyond(prompt.Length);
        _cache.Truncate(beyond == _beyond ? Math.Min(common, prompt.Length - 1) : 0);
        prompt.CopyTo(_tokens);
        (_beyond, _options, Finished) = (beyond, options, null);
        _count = _promptLength = prompt.Length;
        Statistics = new DecodingStatistics(_tree.PathLength) { ReusedTokens = _cache.Length };
        options.Drafter.Begin(prompt);
    }

    /// <summary>Runs a pass of so many rows behind what the cache holds, of which nothing stays, and says how long it took.</summary>
    internal TimeSpan TimePass(int rows)
    {
        lock (_gate)
        {
            _tree.Reset(0);
            for (var node = 1; node < rows; node++) _tree.Add((node - 1) / 2, node % _model.Spec.VocabularySize);
            var start = Stopwatch.GetTimestamp();
            RunTree();
            _rows.ComputeAll();
            if (Candidates > 0) _rows.Best(0, Candidates, out _);
            else _rows.Download(0, _logits);
            var time = Stopwatch.GetElapsedTime(start);
            _cache.Truncate(_cache.Length);
            return time;
        }
    }

    /// <summary>Forgets the sequence.</summary>
    public void Reset()
    {
        _cache.Truncate(0);
        _count = 0;
    }

    /// <summary>Runs one pass: a piece of the prompt, which gives no token, or the pass that gives the next token or several.</summary>
    public void Step()
    {
        _emitted.Clear();
        _logProbs.Clear();
        if (_beyond != IsBeyond(_count))
        {
            _beyond = !_beyond;
            _cache.Truncate(0);
        }
        var pending = _count - _cache.Length;
        if (pending > _workspace.Size.Rows) Prefill();
        else Decode(pending);
    }

    private bool IsBeyond(int length) => _model.Spec.LongPositionsFrom is { } border && length > border;

    private void Prefill()
    {
        var start = Stopwatch.GetTimestamp();
        var rows = _workspace.Size.Rows;
        lock (_gate)
        {
            RunTokens(rows);
            _model.Backend.Synchronize();
        }
        _cache.Advance(rows);
        Statistics.PrefilledTokens += rows;
        Statistics.PrefillTime += Stopwatch.GetElapsedTime(start);
    }

    private void Decode(int pending)
    {
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var (start, compiled) = (Stopwatch.GetTimestamp(), JitInfo.GetCompilationTime(currentThread: true));
        _tree.Reset(_tokens[_count - 1], _options.Stop);
        if (pending == 1 && GeneratedCount > 0) Draft();        // the first token is chosen the same way whether its prompt was computed or kept
        var drafted = Stopwatch.GetTimestamp();
        var drafter = _options.Drafter;
        TimeSpan verify;
        int accepted, kept;
        lock (_gate)
        {
            if (pending == 1) RunTree();
            else RunTokens(pending);
            verify = Stopwatch.GetElapsedTime(drafted);
            if ((drafter.Needs & DrafterNeeds.EveryNode) != 0) _rows.ComputeAll();
            accepted = Walk(out var next);
            if (pending == 1) _cache.Commit(_path.AsSpan(0, accepted));
            else _cache.Advance(pending);
            for (var i = 1; i < accepted; i++) _emitted.Add(_tree.Tokens[_path[i]]);
            _emitted.Add(next);
            if (_options.LogProbs is { } count) ReportLogProbs(_path.AsSpan(0, accepted), count);
            kept = Emit();
            var top = _rows.Top(drafter.TopCount);
            verify += _rows.Time;
            drafter.Accept(new VerificationResult { Tree = _tree, Path = _path.AsSpan(0, accepted), Tokens = Tokens, Emitted = Tokens[^kept..], Best = top });
        }
        Account(pending, accepted, start, drafted, verify, JitInfo.GetCompilationTime(currentThread: true) - compiled);
        if (Statistics.Steps <= 2) return;
        Statistics.AllocatedBytes += GC.GetAllocatedBytesForCurrentThread() - allocated;
        Statistics.MeasuredTokens += _emitted.Count;
    }

    /// <summary>Runs the tree, whose root follows what the cache holds.</summary>
    private void RunTree()
    {
        _batch.Clear();
        _batch.AddTree(_cache, _tree.Tokens, _tree.Depths, _tree.Paths, _beyond);
        _model.Forward(_batch, _workspace);
        _rows.Begin(_tree, 0, BestCount);
    }

    /// <summary>Runs the tokens that follow what the cache holds; the last of them is the root of the tree.</summary>
    private void RunTokens(int count)
    {
        _batch.Clear();
        _batch.Add(_cache, _tokens.AsSpan(_cache.Length, count), _beyond);
        _model.Forward(_batch, _workspace);
        _rows.Begin(_tree, count - 1, BestCount);
    }

    private void Draft()
    {
        var remaining = Math.Min(_options.Stop.MaxTokens - GeneratedCount, MaxTokens - _count);
        var depth = Math.Min(remaining - 1, _tree.PathLength - 1);
        if (_model.Spec.LongPositionsFrom is { } border && !_beyond) depth = Math.Min(depth, border - _count);
        // The guard weighs drafts against plain passes, so there have to be some first.
        if (depth <= 0 || (_options.Guard is { } guard && !(_costs.IsMeasured && guard.Allows(GeneratedCount)))) return;
        var request = new DraftRequest { Tokens = Tokens, MaxNodes = _tree.Capacity, MaxDepth = depth, Sampler = _options.Sampler, Costs = _costs };
        _options.Drafter.Draft(request, _tree);
    }

    /// <summary>Accepts by the rule that fits how the tree was drafted and how tokens are chosen.</summary>
    private int Walk(out int next)
    {
        if (_options.Typical is { } rule) return TypicalVerifier.Walk(_tree, new Rows(this), rule, _path, out next);
        if (!_tree.IsSampled || _options.Sampler.IsGreedy) return Verifier.Walk(_tree, new Rows(this), _path, out next);
        var draws = new PhiloxDraws(_options.Sampler.Seed, _count);
        return ResidualVerifier<double>.Walk(_tree, _options.Drafter.Proposals, new Rows(this), draws, _path, out next);
    }

    private void ReportLogProbs(ReadOnlySpan<int> path, int count)
    {
        for (var i = 0; i < path.Length; i++)
        {
            _rows.Download(path[i], _logits);
            _logProbs.Add(LogProbabilities.Of(_logits, _emitted[i], count));
        }
    }

    private void Account(int pending, int accepted, long start, long drafted, TimeSpan verify, TimeSpan compiling)
    {
        Statistics.Steps++;
        if (pending > 1)
        {
            Statistics.PrefilledTokens += pending;
            Statistics.PrefillTime += Stopwatch.GetElapsedTime(start);
            return;
        }
        var all = Stopwatch.GetElapsedTime(start);
        // What something else on the machine took, or the compilation of code that is called for the first time, says nothing about the drafter.
        var disturbed = Math.Max(compiling.TotalSeconds, verify.TotalSeconds - 2 * _costs.Seconds(_tree.Count));
        if (_tree.Count > 1) _options.Guard?.Observe(GeneratedCount, _emitted.Count, Math.Max(all.TotalSeconds - disturbed, 0), _costs.Seconds(1));
        _costs.Observe(_tree.Count, verify.TotalSeconds);
        Statistics.DraftTime += Stopwatch.GetElapsedTime(start, drafted);
        Statistics.VerifyTime += verify;
        Statistics.HostTime += all - Stopwatch.GetElapsedTime(start, drafted) - verify;
        Statistics.Add(_tree, accepted);
    }

    /// <summary>Appends what was chosen, cut at the first end token and at the limits; returns how many tokens that were.</summary>
    private int Emit()
    {
        var kept = 0;
        while (kept < _emitted.Count && Finished is null)
        {
            var token = _emitted[kept++];
            _tokens[_count++] = token;
            if (_options.Stop.Ends(token)) Finished = FinishReason.Eos;
            else if (GeneratedCount >= _options.Stop.MaxTokens || _count >= MaxTokens) Finished = FinishReason.Length;
        }
        if (kept < _emitted.Count)
        {
            _emitted.RemoveRange(kept, _emitted.Count - kept);
            if (_logProbs.Count > kept) _logProbs.RemoveRange(kept, _logProbs.Count - kept);
        }
        if (_cache.Length > _count) _cache.Truncate(_count);
        return kept;
    }

    /// <summary>The target's choices and distributions, by one row of logits for each node.</summary>
    private readonly struct Rows(DecodingLoop loop) : ITokenChoice, ITargetDistribution<double>
    {
        public int Choose(TokenTree tree, int node)
        {
            var sampler = loop._options.Sampler;
            var tokens = Path(tree, node);
            if (loop.Candidates > 0 && sampler.Choose(tokens, loop._rows.Best(node, loop.Candidates, out var largest), largest) is { } token) return token;
            loop._rows.Download(node, loop._logits);
            return sampler.Choose(tokens, loop._logits);
        }

        public Span<double> Weights(TokenTree tree, int node)
        {
            var weights = loop._weights ??= new double[loop._logits.Length];
            loop._rows.Download(node, loop._logits);
            loop._options.Sampler.Weights(Path(tree, node), loop._logits, weights);
            return weights;
        }

        /// <summary>The tokens up to <paramref name="node"/>.</summary>
        private ReadOnlySpan<int> Path(TokenTree tree, int node)
        {
            var path = tree.Path(node);
            for (var i = 1; i < path.Length; i++) loop._tokens[loop._count + i - 1] = tree.Tokens[path[i]];
            return loop._tokens.AsSpan(0, loop._count + path.Length - 1);
        }
    }
}
