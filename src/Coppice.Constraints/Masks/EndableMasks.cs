namespace Coppice.Constraints.Masks;

/// <summary>Takes tokens out of masks after which no end would fit into the tokens that are left.</summary>
internal sealed class EndableMasks(ByteAutomaton automaton, TokenVocabulary vocabulary, EndingTable endings, MaskBuilder builder)
{
    private const int MostKept = 1 << 15, MostGroups = 32;

    /// <summary>
    /// After a token that goes on in a free text the end takes at most this many more than before: an escape may have begun.
    /// </summary>
    private const int MostToComplete = 8;

    /// <summary>A value that must not be one of those before it takes about this many tokens more than any, at most.</summary>
    private const int MostForOther = 32;

    private readonly Dictionary<(MaskKey Mask, MaskKey Ending), int> _most = [];
    private readonly Dictionary<(Languages.StringLexer Lexer, int Lex), LexemeGroups> _groups = [];
    private readonly ulong[] _words = new ulong[vocabulary.MaskWords];

    /// <summary>
    /// Leaves in <paramref name="mask"/> only tokens after which an end is known within <paramref name="room"/> more, and ids that end the
    /// text. Where there is none, the token with which the shortest way begins that is known; a mask without that one stays as it is.
    /// </summary>
    public void Keep(in GrammarState state, Span<ulong> mask, int room)
    {
        var key = (automaton.KeyOf(state), automaton.EndingKeyOf(state));
        if (_most.TryGetValue(key, out var most) && most <= (state.Log is null ? room : room - MostForOther)) return;
        var bare = state with { Log = null };
        builder.Begin(bare, room);
        automaton.Fill(bare, builder);
        builder.Words.CopyTo(_words);
        most = builder.MostToEnd;
        if (builder.Shared is { } inside) most = Math.Max(most, AddInside(bare, inside, room));
        if (_most.Count > MostKept) _most.Clear();
        _most[key] = most;
        if (state.Log is not null) KeepValues(state, mask, room);
        foreach (var end in vocabulary.Ends) _words[end >> 6] |= 1UL << end;
        var isEmpty = true;
        for (var i = 0; i < _words.Length; i++)
        {
            _words[i] &= mask[i];
            isEmpty &= _words[i] == 0;
        }
        if (isEmpty)
        {
            // The way to the end that each token leads to is longer than hoped for.
            var first = endings.Of(state)?.First(vocabulary.Trie) ?? -1;
            if (first < 0 || ((mask[first >> 6] >> first) & 1) == 0) return;
            _words[first >> 6] |= 1UL << first;
        }
        _words.CopyTo(mask);
    }

    /// <summary>
    /// Where values must not come twice, the ways to an end after a value depend on which it was: tokens that may end one are tried.
    /// </summary>
    private void KeepValues(in GrammarState state, ReadOnlySpan<ulong> mask, int room)
    {
        var inside = builder.Shared?.Words;
        for (var i = 0; i < _words.Length; i++)
            for (var word = _words[i] & mask[i] & ~(inside is null ? 0 : inside[i]); word != 0; word &= word - 1)
            {
                var token = (i << 6) + System.Numerics.BitOperations.TrailingZeroCount(word);
                if (!IsEndable(state, vocabulary.BytesOf(token), room)) _words[i] &= ~(1UL << token);
            }
    }

    private bool IsEndable(in GrammarState state, ReadOnlySpan<byte> bytes, int room)
    {
        var at = state;
        foreach (var value in bytes)
        {
            if (!automaton.TryStep(in at, value, keepsValues: true, out var next)) return false;
            at = next;
        }
        return endings.TokensOf(at) <= room;
    }

    /// <summary>Adds tokens that stay inside what is being read; returns the most that an end takes after one of them.</summary>
    private int AddInside(in GrammarState state, MaskWords inside, int room)
    {
        var lexeme = automaton.LexemeAt(state)!.Value;
        if (lexeme.IsFree && endings.TokensOf(state) is var tokens && tokens <= room - MostToComplete)
        {
            for (var i = 0; i < _words.Length; i++) _words[i] |= inside.Words[i];
            return tokens + MostToComplete;
        }
        if (!_groups.TryGetValue((lexeme.Lexer, state.Lex), out var groups))
        {
            if (_groups.Count >= MostGroups) _groups.Clear();
            _groups[(lexeme.Lexer, state.Lex)] = groups = new LexemeGroups(lexeme, state.Lex, vocabulary);
        }
        var most = 0;
        foreach (var (lex, characters, members) in groups.Groups)
        {
            var toEnd = -1;
            foreach (var token in members)
            {
                if (((inside.Words[token >> 6] >> token) & 1) == 0) continue;
                if (toEnd < 0) toEnd = endings.TokensOf(state with { Lex = lex, Count = state.Count + characters });
                if (toEnd > room) break;
                _words[token >> 6] |= 1UL << token;
            }
            most = Math.Max(most, toEnd);
        }
        return most;
    }
}
