using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Coppice.Execution;

internal sealed partial class Scheduler
{
    /// <summary>Rows of a prompt in a pass, however slow the machine is: it has to come to its end.</summary>
    private const int LeastChunk = 8;

    /// <summary>Of the bound is what drafts may take beside prompts.</summary>
    private const double DraftShare = 0.15;

    private const int PlainEvery = 32;

    private readonly List<PassParticipant> _pass = [];
    private readonly List<PassParticipant> _prompts = [];
    private readonly List<PassParticipant> _evicted = [];       // to be sent back to the queue when the pass is over
    private readonly List<PassRequest> _requests = [];
    private readonly PassParticipant[] _fitting;            // scratch: prompts that get rows
    private readonly SpeculationGuard?[] _guards;           // by the number of sequences in a pass
    private readonly BoundMargin _margin = new();
    private long _passes;
    private int _decoders;              // rows of the pass that give tokens

    /// <summary>How often a sequence had to give its pages up in the midst of its work.</summary>
    public long Preemptions { get; private set; }

    /// <summary>Chooses, plans, runs and completes one pass. Only the thread that drives calls it.</summary>
    private void RunPass()
    {
        lock (_sync)
        {
            if (_disposed) return;
            Admit();
            Choose();
        }
        var start = Stopwatch.GetTimestamp();
        PlanAll();
        var report = Run();
        var head = _runner.Head.Time;
        foreach (var participant in _pass)
        {
            try
            {
                if (!participant.IsFinished) participant.Complete(report);
            }
            catch (Exception error)
            {
                participant.Fail(error);        // its own fault: the others go on
            }
        }
        if (_prompts.Count > 0 && _pass.Count > _prompts.Count && report.Rows > 0)
            _margin.Observe(Stopwatch.GetElapsedTime(start).TotalSeconds, Bound(_decoders));
        if (_prompts.Count == 0 && report.Rows > 0)
        {
            var seconds = (report.Time + _runner.Head.Time - head).TotalSeconds;
            ObserveDrafts(report, seconds);
            _runner.Costs.Observe(report.Rows, seconds, drafts: report.Rows > report.Sequences);
        }
        Leave();
    }

    /// <summary>
    /// Tells the guard of this number of sequences the result of drafts: tokens of all against what they would have taken without.
    /// </summary>
    private void ObserveDrafts(in PassReport report, double seconds)
    {
        if (report.Sequences == 1 || report.Rows == report.Sequences || !_runner.Costs.IsMeasured) return;
        var tokens = 0;
        foreach (var participant in _pass) tokens += participant.GivenTokens;
        // What something else on the machine took says nothing about drafts.
        seconds = Math.Min(seconds, 2 * _runner.Costs.Seconds(report.Rows));
        Guard(report.Sequences).Observe((int)_passes, tokens, seconds, _runner.Costs.Seconds(report.Sequences) / report.Sequences);
    }

    private SpeculationGuard Guard(int sequences)
    {
        sequences = Math.Min(sequences, _options.Sequences);
        return _guards[sequences] ??= new SpeculationGuard(sequences);
    }

    /// <summary>From the queue into passes, while there are places and pages.</summary>
    private void Admit()
    {
        while (_waiting.Count > 0 && _active.Count < _options.Sequences)
        {
            var next = _waiting[0];
            if (_active.Count > 0 && !HasPagesFor(next)) return;
            _waiting.RemoveAt(0);
            next.State = ParticipantState.Active;
            _active.Add(next);
        }
    }

    /// <summary>
    /// Whether pages for all tokens so far, and one more, are free, kept for nobody, or idle; a sequence that comes back would else be sent
    /// away again at once.
    /// </summary>
    private bool HasPagesFor(PassParticipant participant) =>
        _runner.SharedPages is not { } pages || _idle.Count > 0
            || pages.CanTake(Coppice.Kernels.KvLayout.Pages(participant.TokenCount + 1) + 1);

    /// <summary>Those that take part in the next pass: all that can give a token, then prompts.</summary>
    private void Choose()
    {
        _pass.Clear();
        _prompts.Clear();
        foreach (var participant in _active)
        {
            TakeShared(participant);
            if (participant.IsPaused) continue;
            if (participant.HasRoom || participant.IsFinished)
                (participant.PromptRows > 0 || participant.IsWhole ? _prompts : _pass).Add(participant);
        }
        _pass.Sort(ByArrival);
        var limit = _runner.Size.Rows - (_prompts.Count > 0 ? LeastChunk : 0);
        if (_pass.Count > _options.Sequences || DecodingRows() > limit)
        {
            _pass.Sort(ByService);
            while (_pass.Count > _options.Sequences || DecodingRows() > limit) _pass.RemoveAt(_pass.Count - 1);
            _pass.Sort(ByArrival);
        }
        Share();
        _passes++;
        foreach (var participant in _prompts) _pass.Add(participant);
        foreach (var participant in _pass) (participant.IsInPass, participant.Served) = (true, _passes);
    }

    private static void TakeShared(PassParticipant participant)
    {
        if (participant.IsFinished) return;
        try
        {
            participant.Prompt?.TakeShared();
        }
        catch (Exception error)
        {
            participant.Fail(error);
        }
    }

    /// <summary>Rows that those of the pass need who can give tokens, without drafts.</summary>
    private int DecodingRows()
    {
        var rows = 0;
        foreach (var participant in _pass) rows += participant.LeastRows;
        return rows;
    }

    private static readonly Comparison<PassParticipant> ByArrival = (one, other) => one.Arrival.CompareTo(other.Arrival);

    private static readonly Comparison<PassParticipant> ByService = (one, other) =>
        one.Priority != other.Priority ? other.Priority.CompareTo(one.Priority)
        : one.Served != other.Served ? one.Served.CompareTo(other.Served) : one.Arrival.CompareTo(other.Arrival);

    /// <summary>
    /// Gives prompts the rows that are left, as many as the bound allows where a reader waits for tokens; who gets none is not in the pass,
    /// nor who needs more at once: it comes first in the next. What several begin with is computed by one of them.
    /// </summary>
    private void Share()
    {
        if (_prompts.Count == 0) return;
        var decoders = DecodingRows();
        var rows = _runner.Size.Rows - decoders;
        if (decoders > 0)
        {
            var bound = Bound(decoders);
            rows = Math.Min(rows, Math.Max(_runner.Costs.PromptRows(_margin.Value * bound - Decoding(decoders)), LeastChunk));
        }
        _prompts.Sort(ByService);
        var taken = 0;
        for (var i = 0; i < _prompts.Count; i++)
        {
            var prompt = _prompts[i];
            if (rows == 0 || _pass.Count + taken == _options.Sequences) break;
            if (IsComputedByAnother(i)) continue;
            if (prompt.IsWhole && prompt.PromptRows + 1 > rows) continue;
            prompt.Chunk = Math.Min(prompt.PromptRows + 1, rows);
            rows -= prompt.Chunk;
            _fitting[taken++] = prompt;
        }
        _prompts.Clear();
        for (var i = 0; i < taken; i++) _prompts.Add(_fitting[i]);
        Array.Clear(_fitting, 0, taken);
    }

    /// <summary>
    /// What a pass may take in which <paramref name="sequences"/> wait for tokens, in seconds: at least twice what it takes without
    /// prompts.
    /// </summary>
    private double Bound(int sequences) => Math.Max(_options.Bound.TotalSeconds, 2 * Decoding(sequences));

    private double Decoding(int sequences) => _runner.Costs.IsMeasured ? _runner.Costs.Seconds(sequences) : 0;

    /// <summary>
    /// Whether another prompt of this pass computes what prompt <paramref name="place"/> needs next: the one that is further, or, of those
    /// that are equally far, the first. Nobody waits for a lower priority.
    /// </summary>
    /// <remarks>Time: O(prompts), and O(tokens) for each that begins alike.</remarks>
    private bool IsComputedByAnother(int place)
    {
        var participant = _prompts[place];
        if (participant.Prompt is not { } prompt) return false;
        for (var i = 0; i < _prompts.Count; i++)
        {
            var other = _prompts[i];
            if (other.Priority < participant.Priority) break;       // they stand in this order
            if (i == place || other.Prompt is not { } first) continue;
            if ((first.Done > prompt.Done || first.Done == prompt.Done && i < place) && prompt.NeedsFrom(first)) return true;
        }
        return false;
    }

    /// <summary>Lets everyone plan; who finds no pages, or fails, leaves the pass.</summary>
    private void PlanAll()
    {
        var promptRows = 0;
        foreach (var prompt in _prompts) promptRows += prompt.Chunk;
        var decoders = 0;
        foreach (var participant in _pass) decoders += participant.Chunk > 0 ? 0 : participant.LeastRows;
        _decoders = decoders;
        var (rows, treeRows, tokens) = (promptRows + decoders, _runner.Size.TreeRows, (double)decoders);
        var rowSeconds = promptRows > 0 ? _runner.Costs.RowSeconds : 0;
        // What the bound leaves is for prompts and drafts together.
        if (promptRows > 0) treeRows = Math.Min(treeRows, _runner.Costs.PromptRows(DraftShare * _options.Bound.TotalSeconds));
        // Now and then a pass without drafts, so that what they are compared with is of today.
        var rests = decoders > 1 && (_passes % PlainEvery == 0 || !Guard(decoders).Allows((int)_passes));
        for (var i = 0; i < _pass.Count; i++)
        {
            var participant = _pass[i];
            var isPrompt = participant.Chunk > 0;
            var own = isPrompt ? participant.Chunk : participant.LeastRows;
            var room = isPrompt ? own : Math.Min(own + _runner.Size.Rows - rows, ModelRunner.TreeNodes);
            var mayDraft = !(rests && participant.MayRest);
            var share = isPrompt
                ? new PassShare(room, room, 0, 0, 0)
                : new PassShare(room, mayDraft ? Math.Min(treeRows, room) : 1, rows - promptRows - own, tokens - own, rowSeconds);
            participant.Chunk = 0;
            if (!Plan(participant, share, i))
            {
                Skip(i--);
                rows -= own;
                if (isPrompt) promptRows -= own;
                else tokens -= own;
                continue;
            }
            rows += participant.Rows - own;
            if (!isPrompt) tokens += participant.ExpectedTokens - own;
            if (!participant.Request.Depths.IsEmpty) treeRows -= participant.Request.Rows;
        }
    }

    /// <summary>Plans one part and takes its pages; false where it cannot be in this pass.</summary>
    private bool Plan(PassParticipant participant, PassShare share, int place)
    {
        if (participant.IsFinished) return false;
        try
        {
            while (true)
            {
                participant.Plan(share);
                // What was held back may have been its end, or may have to wait longer.
                if (participant.IsFinished || !participant.HasPlan) return false;
                foreach (var request in participant.Requests) _runner.ReserveHidden(request);
                var puts = Volatile.Read(ref _puts);
                try
                {
                    foreach (var request in participant.Requests) request.Cache.Reserve(request.Rows, request.Earlier);
                    return true;
                }
                catch (DeviceMemoryException error)
                {
                    // Without a draft it may fit.
                    if (share.TreeRows > 1 && !participant.Request.Depths.IsEmpty) share = share with { TreeRows = 1 };
                    else if (!MakeRoom(participant, place, puts, error)) return false;
                }
            }
        }
        catch (Exception error)
        {
            participant.Fail(error);
            return false;
        }
    }

    /// <summary>
    /// Takes pages from whoever can spare them; false where <paramref name="participant"/> itself has to wait, or has failed. When they
    /// were too few, <paramref name="puts"/> was the number of holders that had come back.
    /// </summary>
    private bool MakeRoom(PassParticipant participant, int place, long puts, DeviceMemoryException error)
    {
        lock (_sync)
        {
            if (GiveUpIdle() || GiveUpWaiting()) return true;
            var victim = participant;
            foreach (var other in _active)
            {
                if (other.Arrival > victim.Arrival) victim = other;
            }
            if (victim == participant && _active.Count == 1)
            {
                // Sessions that begin or end hold pages for a moment, or held some when there were too few.
                if (_taken > 0) return false;
                if (_puts != puts) return true;
                participant.Fail(error);        // nobody else holds pages
                return false;
            }
            var at = _pass.IndexOf(victim);
            if (at >= 0 && at < place)
            {
                _evicted.Add(victim);       // its part of this pass is planned: it goes after that
                return false;
            }
            Evict(victim);
            if (victim == participant) return false;
            if (at >= 0) RemoveFromPass(at);
            return true;
        }
    }

    /// <summary>The idle sequence that was used longest ago gives its pages up; false where none has any.</summary>
    private bool GiveUpIdle()
    {
        while (_idle.First is { } first)
        {
            UnparkLocked(first.Value);
            if (first.Value.GiveUpPages()) return true;
        }
        return false;
    }

    /// <summary>The last of the queue that has pages gives them up; false where none has any.</summary>
    private bool GiveUpWaiting()
    {
        for (var i = _waiting.Count - 1; i >= 0; i--)
        {
            if (_waiting[i].Pages.GiveUpPages()) return true;
        }
        return false;
    }

    /// <summary>Between passes: the sequence that came last goes back into the queue; false where none takes part.</summary>
    private bool EvictYoungest()
    {
        if (_active.Count == 0) return false;
        var victim = _active[0];
        foreach (var other in _active)
        {
            if (other.Arrival > victim.Arrival) victim = other;
        }
        Evict(victim);
        return true;
    }

    /// <summary>Back into the queue, without pages.</summary>
    private void Evict(PassParticipant participant)
    {
        participant.Pages.GiveUpPages();
        if (participant.State == ParticipantState.Active) _active.Remove(participant);
        Queue(participant);
        Preemptions++;
    }

    private void Skip(int place)
    {
        lock (_sync) RemoveFromPass(place);
    }

    private void RemoveFromPass(int place)
    {
        var participant = _pass[place];
        _pass.RemoveAt(place);
        participant.Chunk = 0;
        if (participant.IsFinished) Detach(participant);
        else if (participant.IsPaused) Pause(participant);
        Release(participant);
        if (participant.IsFinished) participant.Publish();
    }

    /// <summary>Leaves its place to others until it can go on.</summary>
    private void Pause(PassParticipant participant)
    {
        Detach(participant);
        participant.ComesBack = true;
    }

    private PassReport Run()
    {
        var rows = 0;
        foreach (var participant in _pass)
        {
            foreach (var request in participant.Requests) _requests.Add(request);
            rows += participant.Rows;
        }
        if (_requests.Count == 0) return default;
        var meter = PassMeter.Start();
        try
        {
            _runner.Run(CollectionsMarshal.AsSpan(_requests));
        }
        catch (Exception error)
        {
            foreach (var participant in _pass) participant.Fail(error);
            return default;
        }
        var report = new PassReport(meter.Elapsed, rows, _requests.Count, meter.AllocatedBytes);
        if (_prompts.Count > 0)
        {
            var promptRows = 0;
            foreach (var prompt in _prompts) promptRows += prompt.IsInPass ? prompt.Rows : 0;
            _runner.Costs.ObservePrompt(promptRows, rows - promptRows, report.Time.TotalSeconds);
        }
        return report;
    }

    /// <summary>After a pass: who has ended or has no room leaves, and everyone is told.</summary>
    private void Leave()
    {
        lock (_sync)
        {
            foreach (var participant in _pass)
            {
                if (participant.IsFinished || !participant.HasRoom) Detach(participant);
                else if (participant.IsPaused) Pause(participant);
                else if (_evicted.Contains(participant)) Evict(participant);
                Release(participant);
            }
            _evicted.Clear();
        }
        foreach (var participant in _pass) participant.Publish();
        _requests.Clear();
        _pass.Clear();
        _prompts.Clear();
        lock (_sync)
        {
            if (_blocked > 0) Monitor.PulseAll(_sync);
        }
    }

    private static void Release(PassParticipant participant)
    {
        participant.IsInPass = false;
        participant.Leaving?.TrySetResult();
        participant.Leaving = null;
    }
}
