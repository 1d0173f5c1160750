using Coppice.Drafting;
using Coppice.Execution;

namespace Coppice.Decoding;

/// <summary>One generation of a sequence: passes give tokens, which wait as pieces of text until the consumer takes them.</summary>
/// <remarks>
/// Runs ahead of its consumer by at most <see cref="MostReady"/> pieces. The consumer's view is what it has taken: when it goes away early,
/// the tokens after that are forgotten.
/// </remarks>
internal sealed class Generation : ScheduledWork, ITokenSink
{
    /// <summary>Pieces that wait to be read at most, but for those of one pass more.</summary>
    private const int MostReady = 32;

    private readonly Sequence _sequence;
    private readonly Decoder _decoder;
    private readonly PassCosts _costs;
    private readonly Queue<GeneratedPiece> _ready = new(MostReady);
    private readonly GenerationRecorder _recorder;
    private readonly List<GeneratedPiece> _held = [];       // of a line that may be taken back
    private readonly StepRecorder? _trace;
    private TextStream _text;
    private bool _drafterBegun, _stopFound, _isPrompt, _hasPlan;
    private TimeSpan _drafting;
    private long _allocated;
    private int _emitted;

    /// <summary>A generation that has begun: <see cref="Sequence.Begin"/> was called.</summary>
    /// <param name="scheduler">Runs its passes.</param>
    /// <param name="sequence">Belongs to the generation until it is withdrawn.</param>
    /// <param name="decoder">Chooses tokens; shared, used by whoever drives.</param>
    /// <param name="costs">Times of passes.</param>
    /// <param name="text">Turns tokens into text.</param>
    /// <param name="start">When the generation was asked for, as <see cref="System.Diagnostics.Stopwatch.GetTimestamp"/> says; 0 for
    /// now.</param>
    public Generation(Scheduler scheduler, Sequence sequence, Decoder decoder, PassCosts costs, TextStream text, long start = 0)
        : base(scheduler)
    {
        (_sequence, _decoder, _costs, _text) = (sequence, decoder, costs, text);
        _recorder = new GenerationRecorder(sequence, start);
        _trace = sequence.Options.Trace is { } trace ? new StepRecorder(trace, sequence) : null;
        Request.Output.Reserve(sequence.Tree.Capacity);
        if (sequence.Options.Constraint is not null) Request.ReserveJoined(sequence.Tree);
    }

    /// <inheritdoc/>
    public override IPreemptible Pages => _sequence;
    /// <inheritdoc/>
    public override ISharedPrompt? Prompt => _sequence.IsInPrompt ? _sequence : null;
    /// <inheritdoc/>
    public override int PromptRows => _sequence.IsInPrompt ? Math.Max(_sequence.Pending - 1, 0) : 0;
    /// <inheritdoc/>
    public override int TokenCount => _sequence.Count;
    /// <inheritdoc/>
    public override bool HasRoom
    {
        get { lock (Gate) return _ready.Count < MostReady; }
    }
    /// <inheritdoc/>
    public override bool IsPaused =>
        _sequence is { IsHeld: true, Finished: null } && _sequence.Options.Constraint?.IsPreparing == true && !IsFinished;
    /// <inheritdoc/>
    public override bool HasPlan => _hasPlan;
    /// <inheritdoc/>
    public override bool MayRest => _sequence.Options.Guard is not null;
    /// <summary>Tokens that the consumer has taken.</summary>
    public int TakenCount => _recorder.Count;
    /// <inheritdoc/>
    protected override bool IsDone => _sequence.Finished is not null;
    /// <inheritdoc/>
    protected override bool HasItems => _ready.Count > 0;

    /// <inheritdoc/>
    public override void Plan(in PassShare share)
    {
        var meter = PassMeter.Start();
        if (!_drafterBegun) _sequence.Options.Drafter.Begin(_sequence.Tokens);
        _drafterBegun = true;
        _hasPlan = !_sequence.IsHeld || TryResume();
        if (!_hasPlan) return;
        _isPrompt = _sequence.IsInPrompt && _sequence.Pending > 1;
        Decoder.Plan(_sequence, Request, share, _costs);
        ExpectedTokens = _sequence.Tree.ExpectedTokens;
        (_drafting, _allocated) = (meter.Elapsed, meter.AllocatedBytes);
    }

    /// <summary>
    /// Makes the choice that waited for the constraint, ahead of the pass; false where there is nothing to run after it, or it still waits.
    /// </summary>
    private bool TryResume()
    {
        _decoder.Resume(_sequence, this);
        // Whoever waits for the token does not wait for the pass.
        Publish();
        if (!_sequence.IsHeld) return _sequence.Finished is null;
        WaitForConstraint();
        return false;
    }

    private void WaitForConstraint() =>
        _sequence.Options.Constraint!.Preparation.GetAwaiter().UnsafeOnCompleted(() => Scheduler.Resume(this));

    /// <inheritdoc/>
    public override void Complete(in PassReport report)
    {
        var meter = PassMeter.Start();
        var head = Request.Output.HeadTime;
        var given = _sequence.GeneratedCount;
        (_emitted, GivenTokens) = (0, 0);
        var accepted = _decoder.Complete(_sequence, Request, this);
        GivenTokens = _emitted;
        if (_sequence is { IsHeld: true, Finished: null }) WaitForConstraint();
        if (accepted == 0 || given == 0) _sequence.Offer();
        var verify = report.Time + Request.Output.HeadTime - head;
        var statistics = _sequence.Statistics;
        if (accepted > 0) statistics.Steps++;
        var all = _drafting + report.Time + meter.Elapsed;
        if (_isPrompt)
        {
            statistics.PrefilledTokens += Request.Rows;
            statistics.PrefillTime += all;
        }
        else Count(report, accepted, verify, all, meter);
        // At last, so that what a trace takes is in no count and tells the guard nothing.
        _trace?.Add(Request, accepted, _emitted, report, _drafting, verify, all - _drafting - verify);
    }

    /// <summary>Counts a pass that chose tokens.</summary>
    private void Count(in PassReport report, int accepted, TimeSpan verify, TimeSpan all, in PassMeter meter)
    {
        var statistics = _sequence.Statistics;
        Observe(report, accepted, verify, all, meter.Compiling);
        statistics.DraftTime += _drafting;
        statistics.VerifyTime += verify;
        statistics.HostTime += all - _drafting - verify;
        statistics.Add(_sequence.Tree, accepted);
        if (statistics.Steps <= 2) return;
        statistics.AllocatedBytes += _allocated + report.Allocated + meter.AllocatedBytes;
        statistics.MeasuredTokens += _emitted;
    }

    /// <inheritdoc/>
    bool ITokenSink.Take(int token, TokenLogProbs? logProbs, FinishReason? end)
    {
        _emitted++;
        var before = GC.GetAllocatedBytesForCurrentThread();
        var piece = new GeneratedPiece(_text.Append(token, end is not null), token, logProbs);
        _stopFound = _text.StopFound;
        _held.Add(piece);
        var constraint = _sequence.Options.Constraint;
        if (_stopFound || end is not null || constraint is not { HoldsLines: true } || constraint.EndsLine(token)) Give();
        _allocated -= GC.GetAllocatedBytesForCurrentThread() - before;      // the text itself, which belongs to the caller
        return _stopFound;
    }

    /// <inheritdoc/>
    void ITokenSink.TakeBack()
    {
        _held.Clear();
        _text = _text.Again(_sequence.Tokens[_sequence.PromptLength..]);
    }

    /// <summary>What is held can no longer be taken back.</summary>
    private void Give()
    {
        _recorder.Computed();
        lock (Gate)
        {
            foreach (var piece in _held) _ready.Enqueue(piece);
        }
        _held.Clear();
    }

    /// <summary>Takes the next piece, if one is there.</summary>
    public bool TryTake(out GeneratedPiece piece)
    {
        lock (Gate)
        {
            if (!_ready.TryDequeue(out piece!)) return false;
        }
        _recorder.Add(piece);
        return true;
    }

    /// <summary>The consumer has gone and no pass runs: what came of it.</summary>
    /// <param name="keep">Whether the sequence's memory is still there; it then keeps what the consumer has taken. Its tokens are those in
    /// any case.</param>
    public GenerationResult End(bool keep)
    {
        _sequence.Options.Constraint?.Abandon();
        var isWhole = _ready.Count == 0 && _sequence.Finished is not null;
        var read = _sequence.PromptLength + _recorder.Count;
        if (keep) _sequence.TruncateTo(read);
        else _sequence.DropTokens(read);
        // A model that was disposed has ended it from outside, as a disposed session does.
        if (Error is not null and not ObjectDisposedException) return _recorder.Result(FinishReason.Error);
        return isWhole ? _recorder.Result(_sequence.Finished!.Value, _text) : _recorder.Result(FinishReason.Cancelled);
    }

    /// <summary>
    /// Tells the guard the result of drafting where the sequence was alone in the pass; the scheduler judges shared ones.
    /// </summary>
    private void Observe(in PassReport report, int accepted, TimeSpan verify, TimeSpan all, TimeSpan compiling)
    {
        var nodes = _sequence.Tree.Count;
        if (nodes == 1 || report.Sequences > 1 || _sequence.Options.Guard is not { } guard) return;
        // What something else on the machine took, or the compilation of code that is called for the first time, says nothing about the
        // drafter.
        var disturbed = Math.Max(compiling.TotalSeconds, verify.TotalSeconds - 2 * _costs.Seconds(Request.Rows));
        // What a constraint forces comes without drafts, and its rows with or without one.
        var forced = Request.Rows - nodes;
        guard.Observe(_sequence.GeneratedCount, Math.Min(_emitted, accepted), Math.Max(all.TotalSeconds - disturbed, 0),
            _costs.Seconds(1 + forced));
    }
}
