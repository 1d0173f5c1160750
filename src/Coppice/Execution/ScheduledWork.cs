using System.Threading.Tasks.Sources;

namespace Coppice.Execution;

/// <summary>Work of one sequence that a consumer waits for, on a thread of its own or without one.</summary>
/// <remarks>
/// One consumer at a time. What ends it from outside (cancellation, a disposed session or model) takes effect when it is in no pass, and at
/// once for the consumer's next step. Waiting allocates nothing.
/// </remarks>
internal abstract class ScheduledWork(Scheduler scheduler) : PassParticipant, IValueTaskSource
{
    private readonly Lock _gate = new();
    private ManualResetValueTaskSourceCore<bool> _signal = new() { RunContinuationsAsynchronously = true };
    private Exception? _error, _stopped;
    private bool _ended, _waits;

    /// <summary>Whether the consumer waits without a thread.</summary>
    public bool IsAsynchronous { get; set; }

    /// <inheritdoc/>
    public sealed override bool RunsAhead => IsAsynchronous && !IsFinished;

    /// <inheritdoc/>
    public sealed override bool IsFinished => IsDone || Volatile.Read(ref _error) is not null || Volatile.Read(ref _stopped) is not null;

    /// <inheritdoc/>
    public sealed override bool HasOutput
    {
        get { lock (_gate) return _ended || HasItems || _stopped is not null; }
    }

    /// <summary>Runs its passes.</summary>
    protected Scheduler Scheduler => scheduler;
    /// <summary>Whether its own work has come to its end.</summary>
    protected abstract bool IsDone { get; }
    /// <summary>Whether there is something to read.</summary>
    protected abstract bool HasItems { get; }
    /// <summary>Held while what can be read changes.</summary>
    protected Lock Gate => _gate;
    /// <summary>What failed; null where nothing did.</summary>
    public Exception? Error => Volatile.Read(ref _error);

    /// <inheritdoc/>
    public sealed override void Fail(Exception error) => Interlocked.CompareExchange(ref _error, error, null);

    /// <inheritdoc/>
    public sealed override void Publish()
    {
        bool wakes;
        lock (_gate)
        {
            _ended |= IsFinished;
            wakes = _waits && (_ended || HasItems);
            if (wakes) _waits = false;
        }
        if (wakes) _signal.SetResult(true);
    }

    /// <summary>Ends it from outside: <paramref name="reason"/> is thrown at the consumer's next step.</summary>
    public void Stop(Exception reason)
    {
        Interlocked.CompareExchange(ref _stopped, reason, null);
        scheduler.Interrupt(this);
    }

    /// <summary>Waits on this thread until there is something to read, or the end; runs passes where nobody does.</summary>
    public void Wait()
    {
        try
        {
            if (!HasOutput) scheduler.Advance(this);
        }
        catch (ModelBusyException error)
        {
            Fail(error);
            throw;
        }
    }

    /// <summary>The same without a thread.</summary>
    public ValueTask WaitAsync()
    {
        lock (_gate)
        {
            if (_ended || HasItems || _stopped is not null) return default;
            _signal.Reset();
            _waits = true;
        }
        try
        {
            scheduler.Demand(this);
        }
        catch (Exception error)
        {
            lock (_gate) _waits = false;
            if (error is ModelBusyException) Fail(error);
            throw;
        }
        return new ValueTask(this, _signal.Version);
    }

    /// <summary>Whether it has ended and nothing is left to read.</summary>
    /// <exception cref="Exception">What stopped it or failed.</exception>
    public bool IsAtEnd()
    {
        if (Volatile.Read(ref _stopped) is { } stopped) throw stopped;
        lock (_gate)
        {
            if (HasItems || !_ended) return false;
        }
        if (Error is { } error) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(error);
        return true;
    }

    void IValueTaskSource.GetResult(short token) => _signal.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _signal.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _signal.OnCompleted(continuation, state, token, flags);
}
