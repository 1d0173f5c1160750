using System.Diagnostics.Tracing;

namespace Coppice.Observability;

/// <summary>Counters of this process, made when a listener asks for them.</summary>
[EventSource(Name = CoppiceDiagnostics.EventSourceName)]
internal sealed class EngineEventSource : EventSource
{
    /// <summary>The only one.</summary>
    public static EngineEventSource Log { get; } = new();

    private long _tokens, _promptTokens, _generations;
    private int _running;
    private DiagnosticCounter[] _counters = [];

    private EngineEventSource() { }

    /// <summary>Generations that run.</summary>
    public int Running => Volatile.Read(ref _running);

    /// <summary>Tokens that were read since the process began.</summary>
    public long Tokens => Interlocked.Read(ref _tokens);

    /// <summary>A generation has begun.</summary>
    [NonEvent]
    public void Begin() => Interlocked.Increment(ref _running);

    /// <summary>A token was read.</summary>
    [NonEvent]
    public void Token() => Interlocked.Increment(ref _tokens);

    /// <summary>A generation has ended.</summary>
    [NonEvent]
    public void End(int promptTokens)
    {
        Interlocked.Decrement(ref _running);
        Interlocked.Increment(ref _generations);
        Interlocked.Add(ref _promptTokens, promptTokens);
    }

    /// <inheritdoc/>
    protected override void OnEventCommand(EventCommandEventArgs command)
    {
        if (command.Command != EventCommand.Enable || _counters.Length > 0) return;
        _counters =
        [
            Rate("tokens-generated", "Tokens generated", () => Interlocked.Read(ref _tokens)),
            Rate("prompt-tokens", "Tokens of prompts", () => Interlocked.Read(ref _promptTokens)),
            Rate("generations", "Generations ended", () => Interlocked.Read(ref _generations)),
            new PollingCounter("running-generations", this, () => Running) { DisplayName = "Generations that run" },
        ];
    }

    private IncrementingPollingCounter Rate(string name, string title, Func<double> value) =>
        new(name, this, value) { DisplayName = title, DisplayRateTimeScale = TimeSpan.FromSeconds(1) };
}
