using Coppice.Constraints.Masks;

namespace Coppice.Constraints;

/// <summary>
/// A schema, grammar or regex made ready for one vocabulary. What sequences find out about it (states and masks) is kept for all others.
/// </summary>
/// <remarks>Safe for concurrent use: one lock guards the automaton. Memory of kept masks is bounded by <see cref="MaskMemory"/>.</remarks>
public sealed class CompiledGrammar
{
    private const int MostStepCache = 1 << 16, SafeTokens = 96;

    private readonly Lock _gate = new();
    private readonly MaskBuilder _builder;
    private readonly Dictionary<MaskKey, CachedMask> _masks = [];
    private readonly Dictionary<MaskKey, int[]> _forced = [];
    private readonly ForcedText _forcedText;
    private readonly EndingTable _endings;
    private readonly EndableMasks _endable;
    private readonly bool _keepsMasks;
    private int[]? _suspects;
    private long _maskBytes;

    internal CompiledGrammar(ByteAutomaton automaton, TokenVocabulary vocabulary, CompileReport report, bool keepsMasks = true,
        bool usesSlices = true, bool checksBytes = true)
    {
        Automaton = automaton;
        Vocabulary = vocabulary;
        Report = report;
        _keepsMasks = keepsMasks;
        _forcedText = new ForcedText(automaton, vocabulary);
        _endings = new EndingTable(automaton, vocabulary);
        _builder = new MaskBuilder(automaton, vocabulary, _endings) { UsesSlices = usesSlices };
        _endable = new EndableMasks(automaton, vocabulary, _endings, _builder);
        if (checksBytes) NeededBytes.Check(automaton, vocabulary);
    }

    /// <summary>The vocabulary that the masks are for.</summary>
    public TokenVocabulary Vocabulary { get; }

    /// <summary>What is not enforced.</summary>
    public CompileReport Report { get; }

    /// <summary>
    /// Most bytes of masks that are kept; beyond it all are dropped and found anew as they are needed. 64 MiB by default.
    /// </summary>
    public long MaskMemory { get; init; } = 64L << 20;

    /// <summary>How often a state was taken to lead to an end because finding out took longer than its budget.</summary>
    public int UnknownStates
    {
        get
        {
            lock (_gate) return Automaton.Unknowns;
        }
    }

    internal ByteAutomaton Automaton { get; }

    /// <summary>A constraint at the start of a sequence.</summary>
    /// <param name="tokens">Tokens for which memory is taken at once, so that they allocate nothing.</param>
    public ITokenConstraint CreateConstraint(int tokens = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tokens);
        return new GrammarConstraint(this, Automaton.Start, tokens);
    }

    /// <summary>Whether <paramref name="text"/> is a whole text of the grammar, byte by byte and whatever the tokens.</summary>
    public bool Accepts(ReadOnlySpan<byte> text)
    {
        lock (_gate)
        {
            return Step(Automaton.Start, text, out var state) && Automaton.MayEnd(state);
        }
    }

    internal CachedMask Mask(in GrammarState state)
    {
        lock (_gate) return FindMask(state);
    }

    internal bool MayEnd(in GrammarState state)
    {
        lock (_gate) return Automaton.MayEnd(state);
    }

    internal bool TryAdvance(in GrammarState state, int token, out GrammarState result)
    {
        lock (_gate)
        {
            var bytes = Vocabulary.BytesOf(token);
            if (bytes.Length == 0) return Automaton.TryToken(state, token, out result);
            var isText = Step(state, bytes, out result);
            if (!Automaton.TryToken(state, token, out var other)) return isText;
            result = isText ? Automaton.Union(result, other) : other;
            return true;
        }
    }

    /// <summary>The state after the first bytes of a text; false where none begins so.</summary>
    internal bool TryStart(ReadOnlySpan<byte> text, out GrammarState state)
    {
        lock (_gate) return Step(Automaton.Start, text, out state);
    }

    /// <summary>The tokens that must come after <paramref name="state"/>; none where there is a choice.</summary>
    internal ReadOnlySpan<int> ForcedTokens(in GrammarState state)
    {
        // What must not be repeated is no part of the key, and may leave one way where the automaton sees several.
        if (state.Log is not null) return [];
        lock (_gate)
        {
            var key = Automaton.KeyOf(state);
            if (_forced.TryGetValue(key, out var known)) return known;
            if (_forced.Count > MostStepCache) _forced.Clear();
            return _forced[key] = Vocabulary.Encode is null ? OnlyTokens(state) : _forcedText.Find(state);
        }
    }

    /// <summary>The next bytes of a short way to an end; null where none is known.</summary>
    internal byte[]? Ending(in GrammarState state)
    {
        lock (_gate) return Automaton.Ending(state);
    }

    /// <summary>Fewest tokens that a short way to an end can be split into; int.MaxValue where no way is known.</summary>
    internal int EndingTokens(in GrammarState state)
    {
        lock (_gate) return _endings.TokensOf(state);
    }

    /// <summary>
    /// Whether <paramref name="tokens"/> more may soon be too few for an end. Far from there every token is good: one seldom adds more than
    /// what the whole text's shortest ending has.
    /// </summary>
    internal bool IsNearEnd(in GrammarState state, int tokens)
    {
        if (tokens == int.MaxValue) return false;
        lock (_gate)
        {
            // A way has no more tokens than bytes.
            if (_endings.Of(state) is not { } ending || tokens > (2L * ending.Bytes) + SafeTokens) return false;
            return ending.Tokens(Vocabulary.Trie) is var fewest and < int.MaxValue && tokens <= (2L * fewest) + SafeTokens;
        }
    }

    /// <summary>
    /// Takes out of <paramref name="mask"/> every token after which no end is known within <paramref name="tokens"/> more.
    /// </summary>
    internal void KeepEndable(in GrammarState state, Span<ulong> mask, int tokens)
    {
        lock (_gate) _endable.Keep(state, mask, tokens);
    }

    /// <summary>Tokens each of which is the only one in its mask.</summary>
    private int[] OnlyTokens(in GrammarState state)
    {
        var (at, tokens) = (state, new List<int>());
        while (tokens.Count < ForcedText.MostTokens && !Automaton.MayEnd(at) && FindMask(at).Only is var only and >= 0)
        {
            if (!TryAdvance(at, only, out var next)) break;
            tokens.Add(only);
            at = next;
        }
        return [.. tokens];
    }

    private bool Step(in GrammarState state, ReadOnlySpan<byte> bytes, out GrammarState result)
    {
        var at = state;
        foreach (var value in bytes)
        {
            if (!Automaton.TryStep(in at, value, keepsValues: true, out var next))
            {
                result = default;
                return false;
            }
            at = next;
        }
        result = at;
        return true;
    }

    private CachedMask FindMask(in GrammarState state)
    {
        var key = Automaton.KeyOf(state);
        if (!_masks.TryGetValue(key, out var mask))
        {
            var bare = state with { Log = null };
            _builder.Begin(bare);
            Automaton.Fill(bare, _builder);
            if (Automaton.MayEnd(state))
                foreach (var end in Vocabulary.Ends) _builder.Allow(end);
            mask = _builder.Build();
            if (_keepsMasks) Keep(key, mask);
        }
        return state.Log is null ? mask : WithoutRepetitions(state, mask);
    }

    private void Keep(in MaskKey key, CachedMask mask)
    {
        _maskBytes += mask.Bytes;
        if (_maskBytes > MaskMemory)
        {
            _masks.Clear();
            _maskBytes = mask.Bytes;
        }
        _masks[key] = mask;
    }

    /// <summary>
    /// Masks do not know a value that is being read and must not come again. Tokens that may end it are tried one by one; there are a few
    /// hundred of them.
    /// </summary>
    private CachedMask WithoutRepetitions(in GrammarState state, CachedMask mask)
    {
        _suspects ??= [.. Enumerable.Range(0, Vocabulary.Count).Where(IsSuspect)];
        foreach (var token in _suspects)
            if (mask.Has(token) && !Step(state, Vocabulary.BytesOf(token), out _))
            {
                var words = new ulong[Vocabulary.MaskWords];
                mask.CopyTo(words);
                foreach (var other in _suspects)
                    if (mask.Has(other) && !Step(state, Vocabulary.BytesOf(other), out _)) words[other >> 6] &= ~(1UL << other);
                return new CachedMask(words);
            }
        return mask;
    }

    private bool IsSuspect(int token) => Vocabulary.BytesOf(token).IndexOfAny("\",]}"u8) >= 0;
}
