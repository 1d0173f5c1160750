using Coppice.Constraints.Masks;

namespace Coppice.Constraints;

/// <summary>A constraint by a compiled grammar.</summary>
internal sealed class GrammarConstraint : ITokenConstraint
{
    private const int LongestForced = 512;

    private readonly CompiledGrammar _grammar;
    private readonly StateHistory _history;
    private CachedMask? _mask;
    private bool _isOver;

    public GrammarConstraint(CompiledGrammar grammar, in GrammarState start) : this(grammar, new StateHistory(start))
    {
    }

    private GrammarConstraint(CompiledGrammar grammar, StateHistory history)
    {
        _grammar = grammar;
        _history = history;
    }

    public int Position => _history.Position + (_isOver ? 1 : 0);

    public bool CanStop => !_isOver && _grammar.MayEnd(_history.Current);

    public bool MustStop => CanStop && Mask().Count == EndCount();

    public ValueTask PrepareAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled(cancellationToken);
        if (!_isOver) Mask();
        return ValueTask.CompletedTask;
    }

    public bool FillMask(Span<ulong> mask, int tokensLeft = int.MaxValue)
    {
        if (mask.Length < _grammar.Vocabulary.MaskWords)
            throw new ArgumentException($"mask: must have at least {_grammar.Vocabulary.MaskWords} words for {_grammar.Vocabulary.Count} ids, found {mask.Length}.", nameof(mask));
        if (_isOver)
        {
            mask.Clear();
            return true;
        }
        Mask().CopyTo(mask);
        if (tokensLeft < int.MaxValue) KeepWithin(mask, tokensLeft);
        return true;
    }

    public bool TryAdvance(int token)
    {
        if ((uint)token >= (uint)_grammar.Vocabulary.Count || _isOver) return false;
        if (_grammar.Vocabulary.IsEnd(token) && CanStop)
        {
            _isOver = true;
            return true;
        }
        if (!_grammar.TryAdvance(_history.Current, token, out var next)) return false;
        _history.Add(next);
        _mask = null;
        return true;
    }

    public int ForcedTokens(Span<int> destination)
    {
        if (_isOver) return 0;
        var at = _history.Current;
        var count = 0;
        for (; count < destination.Length && count < LongestForced; count++)
        {
            var only = _grammar.Mask(at).Only;
            if (only < 0 || _grammar.Vocabulary.IsEnd(only) || !_grammar.TryAdvance(in at, only, out var next)) break;
            destination[count] = only;
            at = next;
        }
        return count;
    }

    public void Rollback(int position)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(position, Position);
        if (position == Position) return;
        _isOver = false;
        _history.Truncate(position);
        _mask = null;
    }

    public ITokenConstraint Fork() => new GrammarConstraint(_grammar, _history.Fork()) { _mask = _mask, _isOver = _isOver };

    private CachedMask Mask() => _mask ??= _grammar.Mask(_history.Current);

    private int EndCount()
    {
        var count = 0;
        foreach (var end in _grammar.Vocabulary.EndIds)
            if (Mask().Has(end)) count++;
        return count;
    }

    /// <summary>
    /// Looks at endings only where the budget is near: far from it every token is good, for one token seldom adds more than
    /// what the whole text's shortest ending has.
    /// </summary>
    private void KeepWithin(Span<ulong> mask, int tokensLeft)
    {
        var ending = _grammar.EndingTokens(_history.Current);
        if (ending == int.MaxValue || tokensLeft > (2L * ending) + 96) return;
        // Where even the shortest ending known is too long, the tokens of that ending are all that helps.
        var room = Math.Max(tokensLeft - 1, ending - 1);
        _grammar.KeepEndable(_history.Current, mask, Math.Max(room, 0));
    }
}
