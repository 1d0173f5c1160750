using Coppice.Constraints.Languages;
using Coppice.Constraints.Tokens;

namespace Coppice.Constraints.Masks;

/// <summary>
/// The tokens that stay inside a string or name, by the state that they lead to: what holds of one token of a group holds of all.
/// </summary>
internal sealed class LexemeGroups
{
    private readonly Dictionary<(int Lex, int Characters), int> _ids = [];
    private readonly List<(int Lex, int Characters, List<int> Tokens)> _groups = [];

    /// <summary>Groups of all tokens that go on from the lexer's state.</summary>
    /// <param name="lexeme">What is being read.</param>
    /// <param name="start">The lexer's state.</param>
    /// <param name="vocabulary">The tokens.</param>
    public LexemeGroups(in Lexeme lexeme, int start, TokenVocabulary vocabulary)
    {
        var lexer = lexeme.Lexer;
        if (!lexeme.IsUniform)
        {
            Walk(vocabulary.Trie, lexer, start, lexeme.CountsLength);
            return;
        }
        // Whole characters lead back to the same state, whichever they are.
        foreach (var slice in vocabulary.Slices.Plain)
            foreach (var (characters, tokens) in slice.ByLength())
                Group(start, lexeme.CountsLength ? characters : 0).AddRange(tokens);
        Walk(vocabulary.Slices.Partial.Trie, lexer, start, lexeme.CountsLength);
        Walk(vocabulary.Slices.Rest, lexer, start, lexeme.CountsLength);
    }

    /// <summary>
    /// The lexer's state after the tokens of each group, how many characters they complete where lengths count, and the tokens.
    /// </summary>
    public List<(int Lex, int Characters, List<int> Tokens)> Groups => _groups;

    private void Walk(TokenTrie trie, StringLexer lexer, int start, bool counts)
    {
        var stack = new (int Lex, int Characters)[trie.LongestToken + 1];
        stack[0] = (start, 0);
        for (var node = 0; node < trie.Count;)
        {
            int depth = trie.Depths[node];
            var (before, characters) = stack[depth - 1];
            var next = lexer.Step(before, trie.Labels[node]);
            if (next < 0)
            {
                node = trie.After[node];
                continue;
            }
            if (counts && lexer.IsBetween(next)) characters++;
            stack[depth] = (next, characters);
            if (trie.Tokens[node] >= 0)
            {
                var group = Group(next, characters);
                for (var token = trie.Tokens[node]; token >= 0; token = trie.Twins[token]) group.Add(token);
            }
            node++;
        }
    }

    private List<int> Group(int lex, int characters)
    {
        if (_ids.TryGetValue((lex, characters), out var id)) return _groups[id].Tokens;
        _ids[(lex, characters)] = _groups.Count;
        _groups.Add((lex, characters, []));
        return _groups[^1].Tokens;
    }
}
