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
    private readonly DenyConstraint? _deny;
    private readonly bool _choosesEach, _choosesEnd, _mayWait;
    private readonly TokenVocabulary _vocabulary;
    private readonly ulong[] _mask;
    private readonly int[] _stopsAllowed, _endsIgnored;
    private readonly int[] _parents = new int[Execution.ModelRunner.TreeNodes], _tokens = new int[Execution.ModelRunner.TreeNodes];
    private ForcedTokens _forced = new(MostForced);         // what must come at the node
    private ForcedTokens _rootForced = new(MostForced);     // what must come at the root
    private int _root;          // tokens that the rule has taken at the root
    private int _node;          // where the rule stands
    private bool _isOver;       // the text ends at the node
    private bool _isPrepared;   // the rule knows its mask where it stands
    private Task? _preparation; // the rule is finding it out
    private int _preparedAt;    // tokens that it had taken when that began
    private CancellationTokenSource? _abandoned;

    /// <summary>A constraint before the first token.</summary>
    /// <param name="rule">Has taken no token; belongs to the generation.</param>
    /// <param name="vocabulary">What it is for.</param>
    /// <param name="stop">What ends the text.</param>
    /// <param name="limit">Tokens that can be generated at most.</param>
    /// <param name="choosesEach">Whether every token is chosen, those that must come and the end among them, because what the model thinks
    /// of them is wanted.</param>
    public SequenceConstraint(GenerationRule rule, TokenVocabulary vocabulary, StopRule stop, int limit, bool choosesEach = false)
    {
        (_rule, _deny, _vocabulary, _stop, _limit, _choosesEach) = (rule.Rule, rule.Deny, vocabulary, stop, limit, choosesEach);
        _mayWait = _rule.MayWait;
        _mask = new ulong[vocabulary.MaskWords];
        // A stop token without text of its own may come wherever the text may end; an end token that the caller ignores may not come.
        _stopsAllowed = [.. stop.EndIds.Where(id => !vocabulary.IsEnd(id) && vocabulary.BytesOf(id).IsEmpty)];
        _endsIgnored = [.. vocabulary.EndIds.Where(id => !stop.Ends(id))];
        // Where no token can be the end, the text ends by itself.
        _choosesEnd = choosesEach && (_stopsAllowed.Length > 0 || _endsIgnored.Length < vocabulary.EndIds.Count);
        _rootForced.Count = Force(_rootForced.Tokens);
        _forced.CopyFrom(_rootForced);
    }

    private SequenceConstraint(SequenceConstraint other)
        : this(new GenerationRule(other._rule, other._deny).Fork(), other._vocabulary, other._stop, other._limit, other._choosesEach)
    {
        _root = _rule.Position;
        (_isOver, EndsAfter, _isPrepared) = (other._isOver, other.EndsAfter, other._isPrepared);
        _forced.CopyFrom(other._forced);
        _rootForced.CopyFrom(other._forced);
    }

    /// <summary>Tokens after which nothing may follow, so that the text ends there; 0 as long as that is not known.</summary>
    public int EndsAfter { get; private set; }

    /// <summary>The token that must come at the node where the constraint stands; -1 where there is a choice.</summary>
    public int Forced => _forced.Next;

    /// <summary>Whether the text ended at the node or before it: what is chosen there does not matter.</summary>
    public bool IsOver => _isOver;

    /// <summary>Where the model's own choice would have completed a denied text.</summary>
    public IReadOnlyList<DenyHit> DenyHits => _deny?.Hits ?? [];

    /// <summary>Whether a deny list wants to know of denied texts.</summary>
    public bool HasDeny => _deny is not null;

    /// <summary>Whether a line may be taken back until it is over.</summary>
    public bool HoldsLines => _deny is { Policy: DenyPolicy.Backtrack };

    /// <summary>Where the text goes back to, in generated tokens; null where it goes on.</summary>
    public int? BackTo { get; private set; }

    /// <summary>Whether the next mask is being found elsewhere: until it is there, the rule must be left alone.</summary>
    public bool IsPreparing => _preparation is { IsCompleted: false };

    /// <summary>Ends when <see cref="IsPreparing"/> no longer holds.</summary>
    public Task Preparation => _preparation ?? Task.CompletedTask;

    private int TokensLeft => _limit - _rule.Position;

    /// <summary>Whether <paramref name="token"/> is the last of a line.</summary>
    public bool EndsLine(int token) => (uint)token < (uint)_vocabulary.Count && _vocabulary.BytesOf(token).Contains((byte)'\n');

    /// <summary>Whether <paramref name="token"/>, the model's own choice at the node, would complete a denied text.</summary>
    public bool IsDenied(int token) => _deny?.IsDenied(token) == true;

    /// <summary>
    /// Notes that the model's own choice at the node would complete a denied text; true where the text goes back to the start of its line.
    /// </summary>
    public bool JudgeDenied(int token, double probability)
    {
        var decision = _deny!.Judge(token, probability);
        if (decision.Action != DenyAction.RollBack) return false;
        BackTo = decision.Position;
        return true;
    }

    /// <summary>Notes the same for one of several hypotheses, and says what to do with it.</summary>
    public DenyAction Judge(int token, double probability) => _deny!.Judge(token, probability).Action;

    /// <summary>Goes back to where <see cref="BackTo"/> says: the line begins with another token then, if there is one.</summary>
    public void GoBack()
    {
        var position = BackTo!.Value;
        BackTo = null;
        _rule.Rollback(position);
        (_root, _node, _isOver, EndsAfter, _isPrepared) = (position, 0, false, 0, false);
        _rootForced.Count = Force(_rootForced.Tokens);
        _forced.CopyFrom(_rootForced);
    }

    /// <summary>Finds the next mask, where the rule has to ask others for it.</summary>
    public async ValueTask PrepareAsync(CancellationToken cancellationToken)
    {
        if (!_mayWait || _isPrepared || _isOver || _forced.Next >= 0) return;
        await _rule.PrepareAsync(cancellationToken).ConfigureAwait(false);
        _isPrepared = true;
    }

    /// <summary>A constraint that has taken the same tokens and stands at the root; what is taken there changes nothing here.</summary>
    public SequenceConstraint Fork() => new(this);

    /// <summary>
    /// Begins to find the mask of the node, which may go on while the device works; false where it is not there yet. Where finding it has
    /// failed, that is thrown here.
    /// </summary>
    public bool TryPrepare()
    {
        if (!_mayWait || _isPrepared) return true;
        if (_preparation is null)
        {
            _abandoned ??= new CancellationTokenSource();
            _preparedAt = _rule.Position;
            var preparation = _rule.PrepareAsync(_abandoned.Token);
            if (!preparation.IsCompletedSuccessfully) _preparation = preparation.AsTask();
        }
        if (IsPreparing) return false;
        var ended = _preparation;
        _preparation = null;
        ended?.GetAwaiter().GetResult();
        return _isPrepared = true;
    }

    /// <summary>The same, and nothing where no mask is needed.</summary>
    public void BeginPreparing()
    {
        if (!_isOver && _forced.Next < 0) TryPrepare();
    }

    /// <summary>The generation has ended: what is being found out is no longer wanted.</summary>
    public void Abandon() => _abandoned?.Cancel();

    /// <summary>Whether the constraint is at <paramref name="node"/>, or has gone on from there.</summary>
    public bool StandsAt(int node) => node == _node;

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
            TryRestart();
            foreach (var step in tree.Path(node)[1..]) Follow(tree.Tokens[step]);
        }
        _node = node;
    }

    /// <summary>The mask of the next token, which must be prepared; empty where every token is allowed.</summary>
    public ReadOnlySpan<ulong> Mask()
    {
        var mask = Fill();
        // What else holds may leave only the token that was barred; then the denied text is masked and nothing more.
        if (_deny is not { IsRetrying: true } || mask.IsEmpty || mask.IndexOfAnyExcept(0UL) >= 0) return mask;
        _deny.GiveUp();
        return Fill();
    }

    private ReadOnlySpan<ulong> Fill()
    {
        var isLimited = _rule.FillMask(_mask, TokensLeft);
        if (_rule.CanStop)
        {
            foreach (var id in _stopsAllowed) _mask[id >> 6] |= 1UL << id;
        }
        foreach (var id in _endsIgnored) _mask[id >> 6] &= ~(1UL << id);
        return isLimited || _endsIgnored.Length > 0 ? _mask : default;
    }

    /// <summary>How many tokens each part of the rule allows where it stands: "GrammarConstraint 1, DenyConstraint 95".</summary>
    public string Describe()
    {
        var mask = new ulong[_mask.Length];
        var parts = (_rule as ConstraintIntersection)?.Parts ?? [_rule];
        return string.Join(", ", parts.Select(part =>
        {
            part.FillMask(mask, TokensLeft);
            var count = mask.Sum(word => (long)System.Numerics.BitOperations.PopCount(word));
            return string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{part.GetType().Name} {count:N0}");
        }));
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
        // A rule that is being prepared is left alone.
        (_root, _node) = (IsPreparing ? _preparedAt : _rule.Position, 0);
        _rootForced.CopyFrom(_forced);
    }

    /// <summary>
    /// Begins a tree: the constraint stands at its root; false, and nothing changes, where it is being prepared elsewhere.
    /// </summary>
    public bool TryRestart()
    {
        var isPreparing = IsPreparing;
        if (isPreparing && _preparedAt != _root) return false;
        if (!isPreparing && _rule.Position != _root)
        {
            _preparation = null;
            _rule.Rollback(_root);
            _isPrepared = false;
        }
        (_node, _isOver, EndsAfter) = (0, false, 0);
        _forced.CopyFrom(_rootForced);
        return true;
    }

    /// <inheritdoc/>
    public bool TryAdd(int parent, int node, int token)
    {
        // On the way back to another node a rule that waits would have to be asked again: it has chains alone.
        if (IsPreparing || (_mayWait && parent != _node)) return false;
        GoTo(parent);
        if (_isOver || !CanFollow() || !TryFollow(token)) return false;
        (_parents[node], _tokens[node], _node) = (parent, token, node);
        return true;
    }

    /// <inheritdoc/>
    public int ForcedAfter(int node)
    {
        if (_mayWait) return -1;
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
        TryRestart();
        while (length > 0) Follow(path[--length]);
        _node = node;
    }

    /// <summary>Whether a token can be taken at the node: a rule that waits for others must have their answer first.</summary>
    private bool CanFollow() => _forced.Next >= 0 || TryPrepare();

    private void Follow(int token)
    {
        if (_isOver) return;
        if (!TryFollow(token))
            throw new InvalidOperationException(
                $"constraint: token {token} must be allowed by its mask and when it is taken, found it refused then.");
        if (!_isOver && !_choosesEnd && _forced.Next < 0 && _rule.MustStop) (_isOver, EndsAfter) = (true, _rule.Position);
    }

    private bool TryFollow(int token)
    {
        if (_forced.Next >= 0)
        {
            if (token != _forced.Next || !_rule.TryAdvance(token)) return false;
            _isPrepared = false;
            _forced.Skip();
            return true;
        }
        if (_stop.Ends(token) && _rule.CanStop)
        {
            _isOver = true;
            return true;
        }
        if (!_rule.TryAdvance(token)) return false;
        _isPrepared = false;
        _forced.Count = Force(_forced.Tokens);
        return true;
    }

    /// <summary>What a rule that waits would force is not known before it was asked for its mask.</summary>
    private int Force(Span<int> tokens) => _choosesEach || _mayWait ? 0 : _rule.ForcedTokens(tokens, TokensLeft);

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
