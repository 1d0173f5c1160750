using Coppice.Constraints.Masks;

namespace Coppice.Constraints;

/// <summary>Keeps what a <see cref="DenyList"/> names out of one sequence.</summary>
public sealed class DenyConstraint : ITokenConstraint
{
    private readonly DenyList _list;
    private readonly StateHistory _history;
    private readonly List<DenyHit> _hits;
    private readonly Dictionary<int, HashSet<int>> _barred;
    private readonly Dictionary<int, int> _retries;

    internal DenyConstraint(DenyList list, DenyPolicy policy, ReadOnlySpan<int> prompt)
    {
        (_list, Policy, _hits, _barred, _retries) = (list, policy, [], [], []);
        var (bytes, ids) = (0, 0);
        foreach (var token in prompt) (bytes, ids, _) = After(bytes, ids, token);
        _history = new StateHistory(new GrammarState(list, bytes, ids, 0));
    }

    private DenyConstraint(DenyConstraint other)
    {
        (_list, Policy, _history) = (other._list, other.Policy, other._history.Fork());
        (_hits, _retries) = ([.. other._hits], new(other._retries));
        (BacktrackProbability, MostRetries) = (other.BacktrackProbability, other.MostRetries);
        _barred = other._barred.ToDictionary(pair => pair.Key, pair => new HashSet<int>(pair.Value));
    }

    /// <summary>What happens at a denied text.</summary>
    public DenyPolicy Policy { get; }

    /// <summary>Where denied texts were about to come, as <see cref="Judge"/> was told.</summary>
    public IReadOnlyList<DenyHit> Hits => _hits;

    /// <summary>Least probability at which <see cref="DenyPolicy.Backtrack"/> goes back; 0.5 by default.</summary>
    public double BacktrackProbability { get; init; } = .5;

    /// <summary>How often <see cref="DenyPolicy.Backtrack"/> begins one line anew; 3 by default.</summary>
    public int MostRetries { get; init; } = 3;

    /// <inheritdoc/>
    public int Position => _history.Position;

    /// <inheritdoc/>
    public bool CanStop => true;

    /// <inheritdoc/>
    public bool MayWait => false;

    /// <inheritdoc/>
    public bool MustStop => false;

    /// <inheritdoc/>
    public ValueTask PrepareAsync(CancellationToken cancellationToken = default) =>
        cancellationToken.IsCancellationRequested ? ValueTask.FromCanceled(cancellationToken) : ValueTask.CompletedTask;

    /// <inheritdoc/>
    public bool FillMask(Span<ulong> mask, int tokensLeft = int.MaxValue)
    {
        var state = _history.Current;
        var kept = _list.MaskOf(state.Mode, state.Lex);
        kept.CopyTo(mask);
        mask[kept.Length..].Clear();
        if (_barred.TryGetValue(Position, out var barred))
            foreach (var token in barred) mask[token >> 6] &= ~(1UL << token);
        return true;
    }

    /// <summary>Whether <paramref name="token"/> would complete a denied text here.</summary>
    public bool IsDenied(int token) =>
        (uint)token < (uint)_list.Vocabulary.Count && _list.LabelOf(_history.Current.Mode, _history.Current.Lex, token) is not null;

    /// <summary>Whether a line begins here anew, without the tokens that it began with before.</summary>
    public bool IsRetrying => _barred.ContainsKey(Position);

    /// <summary>
    /// Ends the attempts to begin the line anew that starts here: what <see cref="Judge"/> has barred may come again, and it goes back here
    /// no more. For a place where nothing else would be left.
    /// </summary>
    public void GiveUp()
    {
        _barred.Remove(Position);
        _retries[Position] = MostRetries;
    }

    /// <summary>Tells that the model's best token is <paramref name="token"/>, before any mask, and asks what to do.</summary>
    /// <param name="token">The token.</param>
    /// <param name="probability">Its probability before any mask: how sure the model is that the denied text belongs here.</param>
    public DenyDecision Judge(int token, double probability)
    {
        var state = _history.Current;
        if (_list.LabelOf(state.Mode, state.Lex, token) is not { } label) return default;
        _hits.Add(new DenyHit(Position, label, probability));
        if (Policy == DenyPolicy.PruneBeam) return new DenyDecision(DenyAction.Reject, Position);
        var line = state.Count;
        if (Policy != DenyPolicy.Backtrack || probability < BacktrackProbability || line >= Position) return default;
        if (_retries.GetValueOrDefault(line) >= MostRetries) return default;
        _retries[line] = _retries.GetValueOrDefault(line) + 1;
        var first = FirstTokenOf(line);
        if (!_barred.TryGetValue(line, out var barred)) _barred[line] = barred = [];
        barred.Add(first);
        return new DenyDecision(DenyAction.RollBack, line);
    }

    /// <inheritdoc/>
    public bool TryAdvance(int token)
    {
        if ((uint)token >= (uint)_list.Vocabulary.Count) return false;
        if (_barred.TryGetValue(Position, out var barred) && barred.Contains(token)) return false;
        var state = _history.Current;
        var (bytes, ids, isDenied) = After(state.Mode, state.Lex, token);
        if (isDenied) return false;
        // The count is the position at which the line begins, its node is the token.
        var line = _list.Vocabulary.BytesOf(token).Contains((byte)'\n') ? Position + 1 : state.Count;
        _history.Add(new GrammarState(_list.BoxOf(token), bytes, ids, line));
        return true;
    }

    /// <inheritdoc/>
    public int ForcedTokens(Span<int> destination, int tokensLeft = int.MaxValue) => 0;

    /// <inheritdoc/>
    public void Rollback(int position)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(position, Position);
        _history.Truncate(position);
        if (_barred.Count == 0) return;
        // What was barred further on was barred for a text that is gone.
        foreach (var later in _barred.Keys.Where(at => at > position).ToArray())
        {
            _barred.Remove(later);
            _retries.Remove(later);
        }
    }

    /// <inheritdoc/>
    public ITokenConstraint Fork() => new DenyConstraint(this);

    private int FirstTokenOf(int line)
    {
        var copy = _history.Fork();
        copy.Truncate(line + 1);
        return ((TokenBox)copy.Current.Node).Token;
    }

    private (int Bytes, int Ids, bool IsDenied) After(int bytes, int ids, int token)
    {
        var isDenied = _list.LabelOf(bytes, ids, token) is not null;
        foreach (var value in _list.Vocabulary.BytesOf(token)) bytes = _list.Bytes.Step(bytes, value);
        return (bytes, _list.Sequences.Step(ids, token), isDenied);
    }
}
