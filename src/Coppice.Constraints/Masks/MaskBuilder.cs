using Coppice.Constraints.Tokens;

namespace Coppice.Constraints.Masks;

/// <summary>Collects the tokens that may follow one state, by walks over tries. Its buffers are used again from mask to mask.</summary>
internal sealed class MaskBuilder
{
    private const int FewTokens = 4;

    private readonly ByteAutomaton _automaton;
    private readonly ulong[] _words;
    private readonly EndingTable _endings;
    private bool[] _isGoodTail = [];
    private GrammarState[] _stack;
    private GrammarState _start;
    private bool _isLimited;
    private int _room;

    public MaskBuilder(ByteAutomaton automaton, TokenVocabulary vocabulary, EndingTable endings)
    {
        _automaton = automaton;
        _endings = endings;
        Vocabulary = vocabulary;
        _words = new ulong[vocabulary.MaskWords];
        _stack = new GrammarState[vocabulary.Trie.LongestToken + 1];
    }

    public TokenVocabulary Vocabulary { get; }

    /// <summary>
    /// Whether masks of strings are put together from parts that are kept; else all of the vocabulary is walked each time.
    /// </summary>
    public bool UsesSlices { get; init; } = true;

    /// <summary>Words that other masks share, and that are part of this one; null for none.</summary>
    public MaskWords? Shared { get; set; }

    /// <summary>
    /// Where an automaton within another one fills the mask: makes of the inner one's states those of the outer one; null for no other.
    /// </summary>
    public Func<GrammarState, GrammarState>? Outer { get; set; }

    /// <summary>What was collected, without <see cref="Shared"/>.</summary>
    public ReadOnlySpan<ulong> Words => _words;

    /// <summary>
    /// Where a mask was limited: the most tokens that an end takes after one of its own; int.MaxValue where none is known.
    /// </summary>
    public int MostToEnd { get; private set; }

    /// <summary>Starts the mask of <paramref name="state"/>.</summary>
    public void Begin(in GrammarState state)
    {
        (Shared, Outer, _start, _isLimited) = (null, null, state, false);
        Array.Clear(_words);
    }

    /// <summary>The same with only those tokens after which an end takes at most <paramref name="room"/> more.</summary>
    public void Begin(in GrammarState state, int room)
    {
        Begin(state);
        (_isLimited, _room, MostToEnd) = (true, room, 0);
    }

    /// <summary>What was collected.</summary>
    public CachedMask Build() => new(_words, Shared);

    /// <summary>Allows one token that the automaton knows by its id.</summary>
    public void Allow(int token)
    {
        if (!_isLimited || (_automaton.TryToken(_start, token, out var next) && IsEndable(next))) Add(token);
    }

    /// <summary>Whether an end fits after <paramref name="state"/>.</summary>
    public bool IsEndable(in GrammarState state)
    {
        var tokens = _endings.TokensOf(state);
        MostToEnd = Math.Max(MostToEnd, tokens);
        return tokens <= _room;
    }

    private void Add(int token) => _words[token >> 6] |= 1UL << token;

    /// <summary>Allows every token of <paramref name="trie"/> whose bytes may follow <paramref name="state"/>.</summary>
    public void Walk(TokenTrie trie, in GrammarState state) => Walk(trie, 0, trie.Count, state);

    /// <summary>
    /// The same for the nodes from <paramref name="first"/> to before <paramref name="end"/>, whose parent leads to <paramref
    /// name="state"/>.
    /// </summary>
    public void Walk(TokenTrie trie, int first, int end, in GrammarState state)
    {
        if (first >= end) return;
        var (labels, depths, tokens, after, twins) = (trie.Labels, trie.Depths, trie.Tokens, trie.After, trie.Twins);
        var start = depths[first] - 1;
        var stack = _stack;
        stack[start] = Outer is null ? state : Outer(state);
        for (var node = first; node < end;)
        {
            int depth = depths[node];
            if (!_automaton.TryStep(in stack[depth - 1], labels[node], keepsValues: false, out stack[depth]))
            {
                node = after[node];
                continue;
            }
            if (tokens[node] >= 0 && (!_isLimited || IsEndable(stack[depth])))
                for (var token = tokens[node]; token >= 0; token = twins[token]) Add(token);
            node++;
        }
    }

    /// <summary>
    /// Allows those tokens of <paramref name="ending"/> whose bytes after the string may follow <paramref name="after"/>.
    /// </summary>
    public void Walk(LexemeEnding ending, in GrammarState after)
    {
        var state = Outer is null ? after : Outer(after);
        var tails = Vocabulary.Slices.Tails;
        if (ending.Tokens.Length <= FewTokens)
        {
            for (var i = 0; i < ending.Tokens.Length; i++)
                if (MayFollow(tails.Tails[ending.Tails[i]], state)) Add(ending.Tokens[i]);
            return;
        }
        if (_isGoodTail.Length == 0) _isGoodTail = new bool[tails.Count];
        Array.Clear(_isGoodTail);
        if (tails.Deepest >= _stack.Length) _stack = new GrammarState[tails.Deepest + 1];
        var stack = _stack;
        stack[0] = state;
        _isGoodTail[0] = !_isLimited || IsEndable(state);
        for (var node = 0; node < tails.Labels.Length;)
        {
            int depth = tails.Depths[node];
            if (!_automaton.TryStep(in stack[depth - 1], tails.Labels[node], keepsValues: false, out stack[depth]))
            {
                node = tails.After[node];
                continue;
            }
            if (tails.Ids[node] >= 0) _isGoodTail[tails.Ids[node]] = !_isLimited || IsEndable(stack[depth]);
            node++;
        }
        for (var i = 0; i < ending.Tokens.Length; i++)
            if (_isGoodTail[ending.Tails[i]]) Add(ending.Tokens[i]);
    }

    private bool MayFollow(byte[] tail, in GrammarState state)
    {
        var at = state;
        foreach (var value in tail)
        {
            if (!_automaton.TryStep(in at, value, keepsValues: false, out var next)) return false;
            at = next;
        }
        return !_isLimited || IsEndable(at);
    }
}
