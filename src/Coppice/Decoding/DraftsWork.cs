using System.Diagnostics;
using System.Runtime.InteropServices;
using Coppice.Constraints;
using Coppice.Decoding.Strategies;
using Coppice.Execution;

namespace Coppice.Decoding;

/// <summary>
/// Several continuations of a sequence's prompt, as a strategy wants them: all branches are in one pass, and what they have in common is
/// kept once where pages are shared.
/// </summary>
/// <remarks>
/// The sequence keeps its prompt and nothing else. Branches whose pages were given up are computed anew from their rows, with equal bits.
/// A strategy with one branch goes on in the sequence's own cache; others fork it.
/// </remarks>
internal sealed class DraftsWork : ScheduledWork, IBranchLogits, IPreemptible
{
    /// <summary>Steps that wait to be read at most.</summary>
    private const int MostReady = 32;
    /// <summary>Rows that branches may append at once without being taken for a prompt.</summary>
    private const int MostStepRows = 64;

    private readonly Sequence _sequence;
    private readonly DraftStrategy _strategy;
    private readonly bool _shares;      // whether the one branch goes on in the sequence's cache
    private readonly Queue<DraftsStep> _ready = new();
    private readonly List<PassRequest> _planned = [];
    private readonly long _start = Stopwatch.GetTimestamp();
    private List<Branch> _branches = [];
    private bool _begun, _isFill, _done;
    private int _steps, _passes;
    private long _forward, _host, _first;

    /// <summary>Work on a sequence for which <see cref="Sequence.Begin"/> was called.</summary>
    /// <param name="scheduler">Runs its passes.</param>
    /// <param name="sequence">Holds the prompt; belongs to the work until it is withdrawn.</param>
    /// <param name="strategy">Chooses.</param>
    public DraftsWork(Scheduler scheduler, Sequence sequence, DraftStrategy strategy) : base(scheduler)
    {
        (_sequence, _strategy) = (sequence, strategy);
        _shares = strategy.Branches == 1;
        sequence.Branches = this;
    }

    /// <inheritdoc/>
    public override IPreemptible Pages => _sequence;
    /// <inheritdoc/>
    public override ISharedPrompt? Prompt => _begun ? null : _sequence;
    /// <inheritdoc/>
    public override ReadOnlySpan<PassRequest> Requests => CollectionsMarshal.AsSpan(_planned);
    /// <inheritdoc/>
    public override int PromptRows
    {
        get
        {
            if (!_begun) return Math.Max(_sequence.Pending - 1, 0);
            var missing = NeedsPrompt ? _sequence.Pending : 0;
            var rows = StepRows;
            return missing == 0 && rows <= MostStepRows ? 0 : missing + rows - _branches.Count;
        }
    }
    /// <inheritdoc/>
    public override int LeastRows => _begun ? Math.Max(StepRows, 1) : 1;
    /// <inheritdoc/>
    public override int TokenCount => Math.Max(_sequence.Count, _branches.Sum(branch => branch.Count - _sequence.Count) + _sequence.Count);
    /// <inheritdoc/>
    public override bool HasRoom
    {
        get { lock (Gate) return _ready.Count < MostReady; }
    }
    /// <inheritdoc/>
    public override bool MayRest => false;
    /// <inheritdoc/>
    protected override bool IsDone => _done;
    /// <inheritdoc/>
    protected override bool HasItems => _ready.Count > 0;
    /// <inheritdoc/>
    bool IPreemptible.IsFreed => false;

    /// <summary>Rows that the branches are short of.</summary>
    private int StepRows
    {
        get
        {
            var rows = 0;
            foreach (var branch in _branches) rows += Missing(branch);
            return rows;
        }
    }

    /// <summary>Whether a branch has to begin again with keys and values of the prompt that are missing.</summary>
    private bool NeedsPrompt => !_shares && _sequence.Pending > 0 && _branches.Exists(branch => branch.Cache is null);

    /// <inheritdoc/>
    public override void Plan(in PassShare share)
    {
        _planned.Clear();
        _isFill = false;
        ExpectedTokens = 0;
        if (!_begun || NeedsPrompt)
        {
            var isWhole = !_begun && _sequence.Pending <= share.Rows;
            _sequence.PlanPrompt(Request, share.Rows, nodes: isWhole ? 1 : 0);
            Ask(Request);
            return;
        }
        foreach (var branch in _branches) branch.Cache ??= _shares ? _sequence.Cache : _sequence.Cache.Fork();
        if (PromptRows > 0) PlanFill(share.Rows);
        else
        {
            ExpectedTokens = _branches.Count;
            foreach (var branch in _branches) Ask(branch, branch.Pending, nodes: 1);
        }
    }

    /// <inheritdoc/>
    public override void Complete(in PassReport report)
    {
        GivenTokens = 0;
        if (!_begun)
        {
            _sequence.CompletePrompt(Request);
            if (Request.NodeCount == 0) return;
            _begun = true;
        }
        else
        {
            foreach (var request in _planned) request.Cache.Advance(request.Rows);
            if (_isFill || _planned.Contains(Request)) return;
            _forward += report.Time.Ticks;
            _passes++;
        }
        var head = Request.Output.HeadTime;
        var start = Stopwatch.GetTimestamp();
        GivenTokens = Math.Max(_branches.Count, 1);
        var steps = _strategy.Step(this);
        _done = steps.Count == 0;
        Move(steps);
        var headTime = Request.Output.HeadTime - head;
        if (_passes > 0) _forward += headTime.Ticks;
        _host += (Stopwatch.GetElapsedTime(start) - headTime).Ticks;
        if (_steps++ == 0) _first = Stopwatch.GetTimestamp();
        lock (Gate) _ready.Enqueue(Snapshot());
    }

    /// <summary>Takes the next step, if one is there.</summary>
    public bool TryTake(out DraftsStep step)
    {
        lock (Gate) return _ready.TryDequeue(out step!);
    }

    /// <summary>The consumer has gone and no pass runs: the sequence holds its prompt alone.</summary>
    /// <param name="keep">Whether the sequence's memory is still there.</param>
    public void End(bool keep)
    {
        _sequence.Branches = null;
        Free(_branches);
        _branches = [];
        if (keep) _sequence.TruncateTo(_sequence.Count);
    }

    /// <inheritdoc/>
    public bool GiveUpPages()
    {
        var held = _branches.Exists(branch => branch.Cache?.Length > 0);
        Free(_branches);
        return held;
    }

    /// <inheritdoc/>
    public ReadOnlySpan<int> Best(int branch, int count, out ReadOnlySpan<float> logits) => Output(branch).Best(0, count, out logits);

    /// <inheritdoc/>
    public void Download(int branch, Span<float> logits) => Output(branch).Download(0, logits);

    private PassOutput Output(int branch) => _branches.Count == 0 ? Request.Output : _branches[branch].Request.Output;

    /// <summary>Rows whose keys and values are missing: of a branch without a cache those after the prompt.</summary>
    private int Missing(Branch branch) => branch.Cache is null && !_shares ? branch.Count - _sequence.Count : branch.Count - Length(branch);

    private int Length(Branch branch) => (branch.Cache ?? _sequence.Cache).Length;

    /// <summary>Rows of branches that have to be computed anew, all but the last of each.</summary>
    private void PlanFill(int most)
    {
        _isFill = true;
        foreach (var branch in _branches)
        {
            var rows = Math.Min(branch.Pending - 1, most);
            if (rows <= 0) continue;
            most -= rows;
            Ask(branch, rows, nodes: 0);
        }
    }

    private void Ask(Branch branch, int rows, int nodes)
    {
        branch.Plan(rows, nodes, _sequence.IsBeyond);
        Ask(branch.Request);
    }

    private void Ask(PassRequest request)
    {
        request.TopCount = _strategy.TopCount;
        _planned.Add(request);
    }

    /// <summary>The branches of the next pass: one goes on in its parent's cache, the others in forks of it.</summary>
    private void Move(IReadOnlyList<BranchStep> steps)
    {
        var next = new List<Branch>(steps.Count);
        var parents = _branches;
        var isFirst = parents.Count == 0;
        try
        {
            foreach (var step in steps)
            {
                if (isFirst)
                {
                    next.Add(new Branch(_sequence.Tokens));
                    next[^1].Cache = _shares ? _sequence.Cache : _sequence.Cache.Fork();
                    continue;
                }
                var parent = parents[step.Parent];
                if (!next.Contains(parent)) next.Add(parent);
                else
                {
                    next.Add(parent.Copy());
                    next[^1].Cache = parent.Cache!.Fork();
                }
            }
        }
        catch
        {
            Free(next.Except(parents));
            throw;
        }
        Free(parents.Except(next));
        for (var i = 0; i < steps.Count; i++)
        {
            next[i].Drop(steps[i].Dropped);
            foreach (var (token, mixture) in steps[i].Rows) next[i].Append(token, mixture);
        }
        _branches = next;
    }

    /// <summary>Returns the memory of branches, but not the sequence's own cache.</summary>
    private void Free(IEnumerable<Branch> branches)
    {
        foreach (var branch in branches)
        {
            if (!_shares) branch.Cache?.Dispose();
            branch.Cache = null;
        }
    }

    private DraftsStep Snapshot() => new(
        [.. _strategy.Alive], [.. _strategy.Ended], _done ? _strategy.Ranked : null, [.. _strategy.DenyHits], Timing());

    private DraftsTiming Timing() => new()
    {
        FirstToken = Stopwatch.GetElapsedTime(_start, _first),
        Steps = _steps,
        Forward = TimeSpan.FromTicks(_forward),
        Lookup = Stopwatch.GetElapsedTime(0, _strategy.LookupTicks),
        Merge = TimeSpan.FromTicks(_host) - Stopwatch.GetElapsedTime(0, _strategy.LookupTicks),
        Total = Stopwatch.GetElapsedTime(_start),
    };
}

/// <summary>The result of a step.</summary>
/// <param name="Alive">Drafts that go on.</param>
/// <param name="Ended">Drafts that have ended, the best first.</param>
/// <param name="Ranked">The result, where this was the last step.</param>
/// <param name="DenyHits">Where a draft's best token would have completed a denied text, so far.</param>
/// <param name="Timing">Times so far.</param>
internal sealed record DraftsStep(
    IReadOnlyList<ScoredDraft> Alive, IReadOnlyList<ScoredDraft> Ended, IReadOnlyList<ScoredDraft>? Ranked,
    IReadOnlyList<DenyHit> DenyHits, DraftsTiming Timing);
