using Coppice.Constraints.Tokens;

namespace Coppice.Constraints.Masks;

/// <summary>Collects the tokens that may follow one state, by walks over tries. Its buffers are used again from mask to mask.</summary>
internal sealed class MaskBuilder
{
    private readonly ByteAutomaton _automaton;
    private readonly ulong[] _words;
    private GrammarState[] _stack;

    public MaskBuilder(ByteAutomaton automaton, TokenVocabulary vocabulary)
    {
        _automaton = automaton;
        Vocabulary = vocabulary;
        _words = new ulong[vocabulary.MaskWords];
        _stack = new GrammarState[vocabulary.Trie.LongestToken + 1];
    }

    public TokenVocabulary Vocabulary { get; }

    /// <summary>Whether masks of strings are put together from parts that are kept; else all of the vocabulary is walked each time.</summary>
    public bool UsesSlices { get; init; } = true;

    public Span<ulong> Words => _words;

    /// <summary>Starts a new mask.</summary>
    public void Clear() => Array.Clear(_words);

    /// <summary>Allows one token.</summary>
    public void Allow(int token) => _words[token >> 6] |= 1UL << token;

    /// <summary>Allows all tokens of <paramref name="mask"/>.</summary>
    public void Allow(ReadOnlySpan<ulong> mask)
    {
        for (var i = 0; i < mask.Length; i++) _words[i] |= mask[i];
    }

    /// <summary>Allows every token of <paramref name="trie"/> whose bytes may follow <paramref name="state"/>.</summary>
    public void Walk(TokenTrie trie, in GrammarState state) => Walk(trie, 0, trie.Count, state);

    /// <summary>The same for the nodes from <paramref name="first"/> to before <paramref name="end"/>, whose parent leads to <paramref name="state"/>.</summary>
    public void Walk(TokenTrie trie, int first, int end, in GrammarState state)
    {
        if (first >= end) return;
        var (labels, depths, tokens, after, twins) = (trie.Labels, trie.Depths, trie.Tokens, trie.After, trie.Twins);
        var start = depths[first] - 1;
        var stack = _stack;
        stack[start] = state;
        for (var node = first; node < end;)
        {
            int depth = depths[node];
            if (!_automaton.TryStep(in stack[depth - 1], labels[node], keepsValues: false, out stack[depth]))
            {
                node = after[node];
                continue;
            }
            for (var token = tokens[node]; token >= 0; token = twins[token]) Allow(token);
            node++;
        }
    }

    /// <summary>Allows the tokens whose last bytes, as <paramref name="tails"/> has them, may follow <paramref name="state"/>.</summary>
    public void Walk(TailTrie tails, in GrammarState state)
    {
        foreach (var token in tails.Whole) Allow(token);
        if (tails.Deepest >= _stack.Length) _stack = new GrammarState[tails.Deepest + 1];
        var stack = _stack;
        stack[0] = state;
        for (var node = 0; node < tails.Labels.Length;)
        {
            int depth = tails.Depths[node];
            if (!_automaton.TryStep(in stack[depth - 1], tails.Labels[node], keepsValues: false, out stack[depth]))
            {
                node = tails.After[node];
                continue;
            }
            foreach (var token in tails.Tokens[node]) Allow(token);
            node++;
        }
    }
}
