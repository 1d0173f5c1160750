using Coppice.Constraints.Masks;
using Coppice.Constraints.Monitors;

namespace Coppice.Constraints;

/// <summary>Lets a monitor restrict names in one sequence; elsewhere everything is allowed.</summary>
public sealed class MonitorConstraint : ITokenConstraint
{
    private readonly TokenVocabulary _vocabulary;
    private readonly Func<MonitoredText, bool> _shouldTrigger;
    private readonly Func<MonitoredText, CancellationToken, ValueTask<ByteAutomaton?>> _analyze;
    private readonly List<Place> _places;

    /// <summary>A constraint after <paramref name="prompt"/>.</summary>
    public MonitorConstraint(TokenVocabulary vocabulary, IMonitor monitor, string prompt)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        ArgumentNullException.ThrowIfNull(monitor);
        (_vocabulary, _shouldTrigger) = (vocabulary, monitor.ShouldTrigger);
        _analyze = async (text, cancellation) =>
            await monitor.AnalyzeAsync(text, cancellation).ConfigureAwait(false) is { Count: > 0 } names
                ? new CompletionAutomaton(names, monitor) : null;
        _places = [new Place(MonitoredText.Of(prompt), null, default, IsReady: false)];
    }

    /// <summary>A constraint after <paramref name="prompt"/> that counts arguments.</summary>
    public MonitorConstraint(TokenVocabulary vocabulary, IArgumentMonitor monitor, string prompt)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        ArgumentNullException.ThrowIfNull(monitor);
        (_vocabulary, _shouldTrigger) = (vocabulary, monitor.ShouldTrigger);
        _analyze = async (text, cancellation) =>
            await monitor.CountAsync(text, cancellation).ConfigureAwait(false) is { } count and >= 0 ? new ArgumentAutomaton(count) : null;
        _places = [new Place(MonitoredText.Of(prompt), null, default, IsReady: false)];
    }

    private MonitorConstraint(MonitorConstraint other)
    {
        (_vocabulary, _shouldTrigger, _analyze, _places) = (other._vocabulary, other._shouldTrigger, other._analyze, [.. other._places]);
        (Timeout, Strict, Failures) = (other.Timeout, other.Strict, other.Failures);
    }

    /// <summary>Longest analysis; after it the step is unrestricted. 500 ms by default.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Whether a mask that allows nothing stays (true) or is given up, because an analysis may be wrong (false).</summary>
    public bool Strict { get; init; }

    /// <summary>Analyses that took too long, and masks that were given up.</summary>
    public int Failures { get; private set; }

    /// <inheritdoc/>
    public int Position => _places.Count - 1;

    /// <inheritdoc/>
    public bool CanStop => Here.Grammar is not { } grammar || grammar.MayEnd(Here.State);

    /// <inheritdoc/>
    public bool MustStop => false;

    private Place Here => _places[^1];

    /// <inheritdoc/>
    public async ValueTask PrepareAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var here = Here;
        if (here.IsReady || here.Grammar is not null || here.Text.IsPartial) return;
        if (_shouldTrigger(here.Text) && await AnalyzeAsync(here.Text, cancellationToken).ConfigureAwait(false) is { } automaton)
        {
            // What an analysis finds is not what a caller asked for: where it cannot be written, the step stays free.
            var grammar = new CompiledGrammar(automaton, _vocabulary, new CompileReport(), checksBytes: false);
            here = here with { Grammar = grammar, State = automaton.Start };
        }
        _places[^1] = here with { IsReady = true };
    }

    /// <inheritdoc/>
    public bool FillMask(Span<ulong> mask, int tokensLeft = int.MaxValue)
    {
        if (!Here.IsReady) PrepareAsync().AsTask().GetAwaiter().GetResult();
        if (Here.Grammar is { } grammar)
        {
            var found = grammar.Mask(Here.State);
            if (found.Count > 0 || Strict)
            {
                found.CopyTo(mask);
                return true;
            }
            Failures++;
            _places[^1] = Here with { Grammar = null, IsReady = true };
        }
        mask.Clear();
        for (var id = 0; id < _vocabulary.Count; id++) mask[id >> 6] |= 1UL << id;
        return false;
    }

    /// <inheritdoc/>
    public bool TryAdvance(int token)
    {
        if ((uint)token >= (uint)_vocabulary.Count) return false;
        if (!Here.IsReady) PrepareAsync().AsTask().GetAwaiter().GetResult();
        var text = Here.Text.With(_vocabulary.BytesOf(token));
        if (Here.Grammar is not { } grammar)
        {
            _places.Add(new Place(text, null, default, IsReady: false));
            return true;
        }
        if (_vocabulary.IsEnd(token) && CanStop)
        {
            _places.Add(new Place(text, null, default, IsReady: true));
            return true;
        }
        if (!grammar.TryAdvance(Here.State, token, out var next)) return false;
        // After what ends the name the monitor is asked again: the token may itself end in what asks for the next name.
        var isOver = next.Node == CompletionAutomaton.Free;
        _places.Add(isOver ? new Place(text, null, default, IsReady: false) : new Place(text, grammar, next, IsReady: true));
        return true;
    }

    /// <inheritdoc/>
    public int ForcedTokens(Span<int> destination, int tokensLeft = int.MaxValue) => 0;

    /// <inheritdoc/>
    public void Rollback(int position)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(position, Position);
        _places.RemoveRange(position + 1, _places.Count - position - 1);
    }

    /// <inheritdoc/>
    /// <remarks>Costs a reference for each token so far.</remarks>
    public ITokenConstraint Fork() => new MonitorConstraint(this);

    private async ValueTask<ByteAutomaton?> AnalyzeAsync(MonitoredText text, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Timeout);
        try
        {
            return await _analyze(text, limit.Token).AsTask().WaitAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            Failures++;
            return null;
        }
    }

    private readonly record struct Place(MonitoredText Text, CompiledGrammar? Grammar, GrammarState State, bool IsReady);
}
