using Coppice.Constraints.Masks;

namespace Coppice.Constraints;

/// <summary>A constraint by a compiled grammar.</summary>
internal sealed class GrammarConstraint : ITokenConstraint
{
    private readonly CompiledGrammar _grammar;
    private readonly StateHistory _history;
    private CachedMask? _mask;
    private bool _isOver;

    /// <summary>At the start of a sequence, with memory for <paramref name="tokens"/> tokens.</summary>
    public GrammarConstraint(CompiledGrammar grammar, in GrammarState start, int tokens) : this(grammar, new StateHistory(start, tokens))
    {
    }

    private GrammarConstraint(CompiledGrammar grammar, StateHistory history)
    {
        _grammar = grammar;
        _history = history;
    }

    public int Position => _history.Position + (_isOver ? 1 : 0);

    public bool CanStop => !_isOver && _grammar.MayEnd(_history.Current);

    public bool MayWait => false;

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
        KeepWithin(mask, tokensLeft);
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

    public int ForcedTokens(Span<int> destination, int tokensLeft = int.MaxValue)
    {
        if (_isOver) return 0;
        var tokens = _grammar.ForcedTokens(_history.Current);
        if (tokens.Length > destination.Length) tokens = tokens[..destination.Length];
        if (tokens.IsEmpty || !LeavesRoom(tokens, tokensLeft)) return 0;
        tokens.CopyTo(destination);
        return tokens.Length;
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
        foreach (var end in _grammar.Vocabulary.Ends)
            if (Mask().Has(end)) count++;
        return count;
    }

    /// <summary>Whether an ending fits after these tokens, which need not be the fewest that their text can be split into.</summary>
    private bool LeavesRoom(ReadOnlySpan<int> tokens, int tokensLeft)
    {
        if (!_grammar.IsNearEnd(_history.Current, tokensLeft)) return true;
        var at = _history.Current;
        foreach (var token in tokens)
        {
            if (!_grammar.TryAdvance(in at, token, out var next)) return false;
            at = next;
        }
        return _grammar.EndingTokens(at) <= tokensLeft - tokens.Length;
    }

    private void KeepWithin(Span<ulong> mask, int tokensLeft)
    {
        if (!_grammar.IsNearEnd(_history.Current, tokensLeft)) return;
        // Where even the shortest ending known is too long, the tokens of that ending are all that helps.
        var room = Math.Max(tokensLeft, _grammar.EndingTokens(_history.Current)) - 1;
        _grammar.KeepEndable(_history.Current, mask, Math.Max(room, 0));
    }
}
