using System.Diagnostics;

namespace Coppice.Execution;

/// <summary>
/// Decides who is in the next pass, and runs passes for all who want tokens: one at a time, by whoever needs one and finds the runner free.
/// </summary>
/// <remarks>
/// <para>Tokens come before prompts. A prompt runs in chunks that keep the time between two tokens of the others within the bound; among
/// equals the one that was served longest ago comes first. Where pages run out, idle sequences give theirs up, then the sequence that came
/// last.</para>
/// <para>Who drives: a thread that waits for a token runs passes itself, for everyone, until it has one. Where nobody waits on a thread of
/// its own (asynchronous readers), an engine thread drives while there is demand; it ends when it was idle for a while and is started again
/// on demand. A sequence whose reader is slow runs ahead by a bounded number of tokens and is then left out, and unknown here, until
/// something was read.</para>
/// </remarks>
internal sealed partial class Scheduler : IDisposable
{
    private const int IdleMilliseconds = 2000;
    private static readonly TimeSpan Quiet = TimeSpan.FromMicroseconds(200), LongestGathering = TimeSpan.FromMilliseconds(3);

    private readonly ModelRunner _runner;
    private readonly SchedulerOptions _options;
    private readonly object _sync = new();
    private readonly List<PassParticipant> _active = [];
    private readonly List<PassParticipant> _waiting = [];               // by priority, then by arrival
    private readonly LinkedList<IPreemptible> _idle = [];                // holders of pages outside passes, the one used longest ago first
    private readonly Dictionary<IPreemptible, LinkedListNode<IPreemptible>> _idleNodes = [];
    private int _taken;                 // holders that their owners are changing: neither idle nor in passes
    private long _puts;                 // how often one came back, perhaps with fewer pages
    private bool _driving, _disposed;
    private int _blocked;               // threads in Monitor.Wait
    private int _exclusive;             // of them, those that wait to be alone with the runner: they come before the next pass
    private Thread? _engine;
    private long _arrivals;

    /// <summary>A scheduler for <paramref name="runner"/>, which belongs to the caller.</summary>
    public Scheduler(ModelRunner runner, SchedulerOptions options)
    {
        (_runner, _options) = (runner, options);
        _fitting = new PassParticipant[options.Sequences];
        _guards = new SpeculationGuard?[options.Sequences + 1];
    }

    /// <summary>Sequences that take part in passes or wait for it.</summary>
    public int Load
    {
        get { lock (_sync) return _active.Count + _waiting.Count; }
    }

    /// <summary>The sequences that take part in passes, and those that wait for it.</summary>
    public (int Running, int Waiting) Count()
    {
        lock (_sync) return (_active.Count, _waiting.Count);
    }

    /// <summary>Holders of pages outside passes.</summary>
    public int Idle
    {
        get { lock (_sync) return _idle.Count; }
    }

    /// <summary>Registers <paramref name="participant"/>, unless it is, and sees to it that passes run for it.</summary>
    /// <exception cref="ModelBusyException">The queue is full.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public void Demand(PassParticipant participant)
    {
        lock (_sync)
        {
            Enter(participant);
            StartEngine();
        }
    }

    /// <summary>What <paramref name="participant"/> was paused for is there: it takes part again, if somebody still reads it.</summary>
    public void Resume(PassParticipant participant)
    {
        lock (_sync)
        {
            if (_disposed) return;
            if (participant.ComesBack)
            {
                // Before it enters: where it is paused anew, for another answer, it is to come back then.
                participant.ComesBack = false;
                Enter(participant);
            }
            if (_blocked > 0) Monitor.PulseAll(_sync);
            StartEngine();
        }
    }

    /// <summary>
    /// Runs passes on this thread, or waits for those of another one, until <paramref name="participant"/> has something to read.
    /// </summary>
    /// <exception cref="ModelBusyException">The queue is full.</exception>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public void Advance(PassParticipant participant)
    {
        do
        {
            lock (_sync)
            {
                Enter(participant);
                while ((_driving || (_exclusive > 0 || participant.IsPaused) && !_disposed) && !participant.HasOutput) Block();
                if (participant.HasOutput) return;
                if (_disposed) throw Disposed();
                _driving = true;
            }
            try
            {
                do RunPass();
                while (!participant.HasOutput && !participant.IsPaused
                    && !Volatile.Read(ref _disposed) && Volatile.Read(ref _exclusive) == 0);
            }
            finally
            {
                lock (_sync) StopDriving();
            }
        }
        while (!participant.HasOutput);
    }

    /// <summary>Takes <paramref name="participant"/> out; when it returns, no pass runs with it, and its pages may be given up.</summary>
    public void Withdraw(PassParticipant participant)
    {
        lock (_sync)
        {
            while (participant.IsInPass) Block();
            Detach(participant);
        }
    }

    /// <summary>The same without blocking a thread.</summary>
    public async ValueTask WithdrawAsync(PassParticipant participant)
    {
        while (true)
        {
            Task left;
            lock (_sync)
            {
                if (!participant.IsInPass)
                {
                    Detach(participant);
                    return;
                }
                participant.Leaving ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                left = participant.Leaving.Task;
            }
            await left.ConfigureAwait(false);
        }
    }

    /// <summary><paramref name="participant"/> has ended from outside: it leaves now, or after the pass that runs with it.</summary>
    public void Interrupt(PassParticipant participant)
    {
        lock (_sync)
        {
            if (participant.IsInPass) return;
            Detach(participant);
            if (_blocked > 0) Monitor.PulseAll(_sync);
        }
        participant.Publish();
    }

    /// <summary>Runs <paramref name="work"/> on this thread, alone with the runner, before the next pass begins.</summary>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    public void Exclusive(Action work)
    {
        lock (_sync)
        {
            _exclusive++;
            try
            {
                while (_driving && !_disposed) Block();
            }
            finally
            {
                _exclusive--;
            }
            if (_disposed) throw Disposed();
            _driving = true;
        }
        try
        {
            work();
        }
        finally
        {
            lock (_sync) StopDriving();
        }
    }

    /// <summary>
    /// Makes room in <paramref name="cache"/>, at the cost of all other sequences; for work that runs alone with the runner.
    /// </summary>
    /// <param name="cache">A cache that takes part in no pass.</param>
    /// <param name="rows">Rows of the next pass; or tokens.</param>
    /// <param name="stored">Whether the tokens are read from a file instead: see <see cref="Coppice.Cache.KvCache.ReserveStored"/>.</param>
    /// <exception cref="DeviceMemoryException">There are too few pages in all.</exception>
    public void Reserve(Coppice.Cache.KvCache cache, int rows, bool stored = false)
    {
        while (true)
        {
            try
            {
                if (stored) cache.ReserveStored(rows);
                else cache.Reserve(rows);
                return;
            }
            catch (DeviceMemoryException)
            {
                lock (_sync)
                {
                    if (!GiveUpIdle() && !GiveUpWaiting() && !EvictYoungest()) throw;
                }
            }
        }
    }

    /// <summary>The pages of <paramref name="holder"/> may be given up until <see cref="Take"/>.</summary>
    public void Park(IPreemptible holder)
    {
        lock (_sync) ParkLocked(holder);
    }

    /// <summary>
    /// Keeps the pages of <paramref name="holder"/> for its owner, who changes it outside passes, until <see cref="Put"/>.
    /// </summary>
    public void Take(IPreemptible holder)
    {
        lock (_sync)
        {
            UnparkLocked(holder);
            _taken++;
        }
    }

    /// <summary>
    /// Its owner has changed <paramref name="holder"/>: its pages may be given up again, or, where <paramref name="parks"/> is false, there
    /// are none.
    /// </summary>
    public void Put(IPreemptible holder, bool parks = true)
    {
        lock (_sync)
        {
            _taken--;
            _puts++;
            if (parks) ParkLocked(holder);
            else UnparkLocked(holder);      // its work may have been withdrawn meanwhile
        }
    }

    /// <summary>
    /// Waits for the pass that runs, then ends everything that takes part or waits: its readers get <see cref="ObjectDisposedException"/>.
    /// </summary>
    public void Dispose()
    {
        PassParticipant[] ended;
        lock (_sync)
        {
            if (_disposed) return;
            _disposed = true;
            while (_driving) Block();
            ended = [.. _active, .. _waiting];
            foreach (var participant in ended) participant.State = ParticipantState.Detached;
            _active.Clear();
            _waiting.Clear();
            _idle.Clear();
            _idleNodes.Clear();
        }
        foreach (var participant in ended)
        {
            participant.Fail(Disposed());
            participant.Publish();
        }
        lock (_sync) Monitor.PulseAll(_sync);
    }

    private static ObjectDisposedException Disposed() => new("LanguageModel");

    private void Enter(PassParticipant participant)
    {
        if (_disposed) throw Disposed();
        if (participant.State != ParticipantState.Detached || participant.IsFinished) return;
        if (participant.IsPaused)
        {
            participant.ComesBack = true;
            return;
        }
        if (participant.Arrival == 0)
        {
            // Places are given out by passes, so those that are free count as much as the queue.
            if ((long)_active.Count + _waiting.Count >= (long)_options.Sequences + _options.Queue)
                throw new ModelBusyException(
                    $"model: {_options.Sequences} sequences are running and {_options.Queue} wait, no more are taken (try again later, or "
                    + "raise ModelOptions.MaxQueued).");
            participant.Arrival = ++_arrivals;
        }
        UnparkLocked(participant.Pages);
        Queue(participant);
    }

    /// <summary>Into the queue, after those of its priority that came earlier.</summary>
    private void Queue(PassParticipant participant)
    {
        participant.State = ParticipantState.Waiting;
        var at = _waiting.Count;
        while (at > 0 && IsBefore(participant, _waiting[at - 1])) at--;
        _waiting.Insert(at, participant);
    }

    private static bool IsBefore(PassParticipant one, PassParticipant other) =>
        one.Priority != other.Priority ? one.Priority > other.Priority : one.Arrival < other.Arrival;

    private void Detach(PassParticipant participant)
    {
        if (participant.State == ParticipantState.Active) _active.Remove(participant);
        else if (participant.State == ParticipantState.Waiting) _waiting.Remove(participant);
        (participant.State, participant.ComesBack) = (ParticipantState.Detached, false);
        if (!_disposed) ParkLocked(participant.Pages);
    }

    private void ParkLocked(IPreemptible holder)
    {
        if (_disposed || holder.IsFreed || _idleNodes.ContainsKey(holder)) return;
        _idleNodes.Add(holder, _idle.AddLast(holder));
    }

    private void UnparkLocked(IPreemptible holder)
    {
        if (_idleNodes.Remove(holder, out var node)) _idle.Remove(node);
    }

    /// <summary>Waits until a pass has ended or the driver changes.</summary>
    private void Block()
    {
        _blocked++;
        try { Monitor.Wait(_sync); }
        finally { _blocked--; }
    }

    private void StopDriving()
    {
        _driving = false;
        if (_blocked > 0 || _engine is not null) Monitor.PulseAll(_sync);
        StartEngine();
    }

    private bool HasDemand()
    {
        foreach (var participant in _active)
        {
            if (participant.RunsAhead && participant.HasRoom && !participant.IsPaused) return true;
        }
        foreach (var participant in _waiting)
        {
            if (participant.RunsAhead) return true;
        }
        return false;
    }

    /// <summary>Sees to it that a thread drives where there is demand.</summary>
    private void StartEngine()
    {
        if (_disposed || _driving || !HasDemand()) return;
        if (_engine is not null)
        {
            Monitor.PulseAll(_sync);
            return;
        }
        _engine = new Thread(RunEngine) { IsBackground = true, Name = "Coppice engine" };
        _engine.Start();
    }

    /// <summary>
    /// Requests often come together: waits a moment until no more do, so that the first of them does not run a pass alone.
    /// </summary>
    private void Gather()
    {
        var seen = Interlocked.Read(ref _arrivals);
        for (long start = Stopwatch.GetTimestamp(), last = start;
            Stopwatch.GetElapsedTime(start) < LongestGathering && Stopwatch.GetElapsedTime(last) < Quiet;)
        {
            Thread.Yield();
            var now = Interlocked.Read(ref _arrivals);
            if (now == seen) continue;
            (seen, last) = (now, Stopwatch.GetTimestamp());
        }
    }

    private void RunEngine()
    {
        while (true)
        {
            lock (_sync)
            {
                // Who disposes waits for the driver, and would not come to its turn if this thread drove again at once.
                while (_disposed || _driving || _exclusive > 0 || !HasDemand())
                {
                    if (!_disposed && Monitor.Wait(_sync, IdleMilliseconds)) continue;
                    if (!_disposed && (_driving || HasDemand())) continue;
                    _engine = null;
                    return;
                }
                _driving = true;
            }
            Gather();
            try
            {
                bool more;
                do
                {
                    RunPass();
                    lock (_sync) more = !_disposed && _exclusive == 0 && HasDemand();
                }
                while (more);
            }
            finally
            {
                lock (_sync) StopDriving();
            }
        }
    }
}
