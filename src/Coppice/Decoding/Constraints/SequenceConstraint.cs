using Coppice.Constraints;
using Coppice.Decoding.Verification;
using Coppice.Drafting;

namespace Coppice.Decoding.Constraints;

/// <summary>
/// The constraint of one generation, and where it stands in the token tree that is drafted or verified: at the root it has taken what was
/// generated, and it follows every path from there and comes back.
/// </summary>
/// <remarks>
/// What is allowed, and what is forced, is a function of the tokens alone, so that a text is the same however its tokens are found. A token
/// that was chosen may force others after it: they follow without a choice. After the first steps of a constraint that allocates nothing,
/// nothing is allocated.
/// </remarks>
internal sealed class SequenceConstraint : IDraftFilter
{
    private const int MostForced = 32;

    private readonly ITokenConstraint _rule;
    private readonly StopRule _stop;
    private readonly int _limit;
    private readonly ulong[] _mask;
    private readonly int[] _stopsAllowed, _endsIgnored;
    private readonly int[] _parents = new int[Execution.ModelRunner.TreeNodes], _tokens = new int[Execution.ModelRunner.TreeNodes];
    private ForcedTokens _forced = new(MostForced);         // what must come at the node
    private ForcedTokens _rootForced = new(MostForced);     // what must come at the root
    private int _root;          // tokens that the rule has taken at the root
    private int _node;          // where the rule stands
    private bool _isOver;       // the text ends at the node

    /// <summary>A constraint before the first token.</summary>
    /// <param name="rule">Has taken no token; belongs to the generation.</param>
    /// <param name="vocabulary">What it is for.</param>
    /// <param name="stop">What ends the text.</param>
    /// <param name="limit">Tokens that can be generated at most.</param>
    public SequenceConstraint(ITokenConstraint rule, TokenVocabulary vocabulary, StopRule stop, int limit)
    {
        (_rule, _stop, _limit) = (rule, stop, limit);
        _mask = new ulong[vocabulary.MaskWords];
        // A stop token without text of its own may come wherever the text may end; an end token that the caller ignores may not come at all.
        _stopsAllowed = [.. stop.EndIds.Where(id => !vocabulary.IsEnd(id) && vocabulary.BytesOf(id).IsEmpty)];
        _endsIgnored = [.. vocabulary.EndIds.Where(id => !stop.Ends(id))];
        _rootForced.Count = rule.ForcedTokens(_rootForced.Tokens, limit);
    }

    /// <summary>Tokens after which nothing may follow, so that the text ends there; 0 as long as that is not known.</summary>
    public int EndsAfter { get; private set; }

    /// <summary>The token that must come at the node where the constraint stands; -1 where there is a choice.</summary>
    public int Forced => _forced.Next;

    /// <summary>Whether the text ended at the node or before it: what is chosen there does not matter.</summary>
    public bool IsOver => _isOver;

    private int TokensLeft => _limit - _rule.Position;

    /// <summary>Goes to <paramref name="node"/>, whose path must be allowed.</summary>
    public void MoveTo(TokenTree tree, int node)
    {
        if (node == _node) return;
        if (node != 0 && tree.Parents[node] == _node)
        {
            Follow(tree.Tokens[node]);
        }
        else
        {
            Restart();
            foreach (var step in tree.Path(node)[1..]) Follow(tree.Tokens[step]);
        }
        _node = node;
    }

    /// <summary>The mask of the next token; empty where every token is allowed.</summary>
    public ReadOnlySpan<ulong> Mask()
    {
        Prepare();
        var isLimited = _rule.FillMask(_mask, TokensLeft);
        if (_rule.CanStop)
        {
            foreach (var id in _stopsAllowed) _mask[id >> 6] |= 1UL << id;
        }
        foreach (var id in _endsIgnored) _mask[id >> 6] &= ~(1UL << id);
        return isLimited || _endsIgnored.Length > 0 ? _mask : default;
    }

    /// <summary>Takes the token that was chosen after the last node of the walk.</summary>
    public void Take(int token) => Follow(token);

    /// <summary>Takes the next token that must come, if there is one.</summary>
    public bool TryTakeForced(out int token)
    {
        token = _forced.Next;
        if (token < 0 || _isOver) return false;
        Follow(token);
        return true;
    }

    /// <summary>What was taken is generated: the constraint stands at the root of the next tree.</summary>
    public void Commit()
    {
        (_root, _node) = (_rule.Position, 0);
        _rootForced.CopyFrom(_forced);
    }

    /// <summary>Begins a tree: the constraint stands at its root.</summary>
    public void Restart()
    {
        if (_rule.Position != _root) _rule.Rollback(_root);
        (_node, _isOver, EndsAfter) = (0, false, 0);
        _forced.CopyFrom(_rootForced);
    }

    /// <inheritdoc/>
    public bool TryAdd(int parent, int node, int token)
    {
        GoTo(parent);
        if (_isOver || !TryFollow(token)) return false;
        (_parents[node], _tokens[node], _node) = (parent, token, node);
        return true;
    }

    /// <inheritdoc/>
    public int ForcedAfter(int node)
    {
        GoTo(node);
        return _isOver ? -1 : _forced.Next;
    }

    /// <summary>To a node that <see cref="TryAdd"/> has added.</summary>
    private void GoTo(int node)
    {
        if (node == _node) return;
        Span<int> path = stackalloc int[_parents.Length];
        var length = 0;
        for (var at = node; at != 0; at = _parents[at]) path[length++] = _tokens[at];
        Restart();
        while (length > 0) Follow(path[--length]);
        _node = node;
    }

    private void Follow(int token)
    {
        if (_isOver) return;
        if (!TryFollow(token))
            throw new InvalidOperationException($"constraint: token {token} must be allowed by its mask and when it is taken, found it refused then.");
        if (!_isOver && _forced.Next < 0 && _rule.MustStop) (_isOver, EndsAfter) = (true, _rule.Position);
    }

    private bool TryFollow(int token)
    {
        if (_forced.Next >= 0)
        {
            if (token != _forced.Next || !_rule.TryAdvance(token)) return false;
            _forced.Skip();
            return true;
        }
        if (_stop.Ends(token) && _rule.CanStop)
        {
            _isOver = true;
            return true;
        }
        if (!_rule.TryAdvance(token)) return false;
        _forced.Count = _rule.ForcedTokens(_forced.Tokens, TokensLeft);
        return true;
    }

    /// <summary>A rule that asks others, such as a monitor, must have their answer before it is used.</summary>
    private void Prepare()
    {
        var preparation = _rule.PrepareAsync();
        if (!preparation.IsCompletedSuccessfully) preparation.AsTask().GetAwaiter().GetResult();
    }

    /// <summary>Tokens that must come, the next one first.</summary>
    private struct ForcedTokens(int capacity)
    {
        private int _taken, _count;

        public int[] Tokens { get; } = new int[capacity];

        /// <summary>How many were written to <see cref="Tokens"/>.</summary>
        public int Count
        {
            readonly get => _count;
            set => (_taken, _count) = (0, value);
        }

        /// <summary>The next one, or -1.</summary>
        public readonly int Next => _taken < _count ? Tokens[_taken] : -1;

        public void Skip() => _taken++;

        public void CopyFrom(in ForcedTokens other)
        {
            other.Tokens.AsSpan(0, other._count).CopyTo(Tokens);
            (_taken, _count) = (other._taken, other._count);
        }
    }
}
