using System.Text;
using Coppice.Constraints.Masks;

namespace Coppice.Constraints;

/// <summary>
/// Lets any text through until a trigger comes, and holds what follows it to a grammar: tool calls, answers after a section of thinking.
/// </summary>
/// <remarks>A token may hold the end of the trigger and what follows; then the grammar begins within it.</remarks>
public sealed class TriggeredConstraint : ITokenConstraint
{
    private readonly CompiledGrammar _grammar;
    private readonly Trigger _trigger;
    private readonly List<int> _matched;        // bytes of the trigger that the text ends with, after each token before it
    private readonly int _tokens;
    private GrammarConstraint? _rule;           // from the trigger on
    private int _start;                         // tokens before it

    /// <summary>A constraint at the start of a sequence.</summary>
    /// <param name="grammar">What holds after the trigger.</param>
    /// <param name="trigger">A text, or the name of a special token, which then is the trigger.</param>
    /// <param name="tokens">Tokens for which memory is taken at once.</param>
    /// <exception cref="ArgumentException">The trigger is empty.</exception>
    public TriggeredConstraint(CompiledGrammar grammar, string trigger, int tokens = 0)
    {
        ArgumentNullException.ThrowIfNull(grammar);
        ArgumentException.ThrowIfNullOrEmpty(trigger);
        _grammar = grammar;
        _trigger = new Trigger(grammar, trigger);
        _tokens = tokens;
        _matched = new List<int>(tokens + 1) { 0 };
    }

    private TriggeredConstraint(TriggeredConstraint other)
    {
        (_grammar, _trigger, _tokens, _start) = (other._grammar, other._trigger, other._tokens, other._start);
        _matched = [.. other._matched];
        _rule = (GrammarConstraint?)other._rule?.Fork();
    }

    /// <summary>Whether the trigger has come.</summary>
    public bool IsActive => _rule is not null;

    /// <inheritdoc/>
    public int Position => _rule is null ? _matched.Count - 1 : _start + _rule.Position;

    /// <inheritdoc/>
    public bool CanStop => _rule?.CanStop ?? true;

    /// <inheritdoc/>
    public bool MayWait => false;

    /// <inheritdoc/>
    public bool MustStop => _rule?.MustStop ?? false;

    /// <inheritdoc/>
    public ValueTask PrepareAsync(CancellationToken cancellationToken = default)
    {
        if (cancellationToken.IsCancellationRequested) return ValueTask.FromCanceled(cancellationToken);
        return _rule?.PrepareAsync(cancellationToken) ?? ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public bool FillMask(Span<ulong> mask, int tokensLeft = int.MaxValue)
    {
        if (_rule is not null) return _rule.FillMask(mask, tokensLeft);
        var free = _trigger.MaskOf(_matched[^1]);
        free.CopyTo(mask);
        mask[free.Length..].Clear();
        return true;
    }

    /// <inheritdoc/>
    public bool TryAdvance(int token)
    {
        if (_rule is not null) return _rule.TryAdvance(token);
        if ((uint)token >= (uint)_grammar.Vocabulary.Count || !_trigger.TryStep(_matched[^1], token, out var matched, out var state)) return false;
        if (state is not null)
        {
            _start = _matched.Count;
            _rule = new GrammarConstraint(_grammar, state.Value, _tokens);
            return true;
        }
        _matched.Add(matched);
        return true;
    }

    /// <inheritdoc/>
    public int ForcedTokens(Span<int> destination, int tokensLeft = int.MaxValue) => _rule?.ForcedTokens(destination, tokensLeft) ?? 0;

    /// <inheritdoc/>
    public void Rollback(int position)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(position, Position);
        if (_rule is not null && position >= _start)
        {
            _rule.Rollback(position - _start);
            return;
        }
        _rule = null;
        _matched.RemoveRange(position + 1, _matched.Count - position - 1);
    }

    /// <inheritdoc/>
    /// <remarks>Costs a number for each token before the trigger.</remarks>
    public ITokenConstraint Fork() => new TriggeredConstraint(this);

    /// <summary>How far a text has come in the trigger (Knuth, Morris and Pratt, 1977), and what may come before it is whole.</summary>
    private sealed class Trigger
    {
        private readonly CompiledGrammar _grammar;
        private readonly byte[] _text;
        private readonly int[] _fallbacks;
        private readonly int? _token;
        private readonly ulong[]?[] _masks;

        public Trigger(CompiledGrammar grammar, string trigger)
        {
            _grammar = grammar;
            _token = grammar.Vocabulary.SpecialId(trigger);
            _text = _token is null ? Encoding.UTF8.GetBytes(trigger) : [];
            _masks = new ulong[Math.Max(_text.Length, 1)][];
            _fallbacks = new int[_text.Length + 1];
            for (var i = 1; i < _text.Length; i++) _fallbacks[i + 1] = Step(_fallbacks[i], _text[i]);
        }

        /// <summary>The bytes matched after a token; where the trigger is whole with it, the grammar's state after the rest of the token.</summary>
        public bool TryStep(int matched, int token, out int after, out GrammarState? state)
        {
            (after, state) = (matched, null);
            if (token == _token) state = _grammar.Automaton.Start;
            var bytes = _grammar.Vocabulary.BytesOf(token);
            for (var i = 0; _token is null && i < bytes.Length; i++)
            {
                after = Step(after, bytes[i]);
                if (after < _text.Length) continue;
                if (!_grammar.TryStart(bytes[(i + 1)..], out var start)) return false;
                state = start;
                return true;
            }
            return true;
        }

        public ulong[] MaskOf(int matched)
        {
            if (_masks[matched] is { } known) return known;
            var mask = new ulong[_grammar.Vocabulary.MaskWords];
            for (var token = 0; token < _grammar.Vocabulary.Count; token++)
                if (TryStep(matched, token, out _, out _)) mask[token >> 6] |= 1UL << token;
            return _masks[matched] = mask;
        }

        private int Step(int matched, byte value)
        {
            while (matched > 0 && (matched == _text.Length || _text[matched] != value)) matched = _fallbacks[matched];
            return _text[matched] == value ? matched + 1 : 0;
        }
    }
}
