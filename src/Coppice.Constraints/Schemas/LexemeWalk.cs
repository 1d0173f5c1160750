using Coppice.Constraints.Languages;
using Coppice.Constraints.Masks;
using Coppice.Constraints.Tokens;

namespace Coppice.Constraints.Schemas;

/// <summary>
/// Finds which tokens go on in a string and which end it. Where all characters of a slice of the vocabulary may come, none of it is walked.
/// </summary>
internal sealed class LexemeWalk(ILexeme lexeme, TokenVocabulary vocabulary)
{
    private const int MostStates = 64;

    /// <summary>Where it depends on which characters come.</summary>
    private const int Depends = -1;

    private readonly ulong[] _inside = new ulong[vocabulary.MaskWords];
    private readonly Dictionary<ulong, (List<int> Tokens, List<int> Tails)> _endings = [];
    private (int Lex, int Length)[] _stack = [];

    /// <summary>The mask in the lexer's state <paramref name="lex"/>, after <paramref name="length"/> characters.</summary>
    public LexemeMask Mask(int lex, int length)
    {
        var slices = vocabulary.Slices;
        _stack = new (int, int)[vocabulary.Trie.LongestToken + 1];
        _stack[0] = (lex, length);
        // Few tokens go on from a declared text, and most are left at their first byte.
        if (!lexeme.Lexer.IsBetween(lex) || lexeme.IsClosed) Walk(vocabulary.Trie);
        else if (lexeme.IsUniform) AddUniform(slices, lex, length);
        else
        {
            var state = lexeme.Lexer.State(lex);
            foreach (var slice in slices.Plain) Add(slice, state, length);
            Add(slices.Partial, state, length);
            Walk(slices.Rest);
        }
        var endings = _endings.Select(ending => new LexemeEnding(ending.Key, [.. ending.Value.Tokens], [.. ending.Value.Tails]));
        return new LexemeMask(new MaskWords(_inside), [.. endings]);
    }

    /// <summary>
    /// Where every character may come, it is known once for all states which tokens stay inside, and which end what is read.
    /// </summary>
    private void AddUniform(TokenSlices slices, int lex, int length)
    {
        var state = lexeme.Lexer.State(lex);
        slices.UpTo(Room(state, length, slices.Plain[^1].Characters, slices.LongestPlain)).CopyTo(_inside, 0);
        Add(slices.Partial, state, length);
        if (lexeme.Lexer.Classifier.Languages.Length > 0)
        {
            Walk(slices.Rest);
            return;
        }
        Add(slices.Quoted.Inside, state, length);
        var (characters, isGood, outcome) = (-1, false, 0UL);
        foreach (var ending in slices.Quoted.Endings)
        {
            if (state.NamesAhead.Count > 0 && NameAfter(lex, vocabulary.BytesOf(ending.Token)[..ending.Quote]) is { } name)
            {
                if (lexeme.TryEnd(name, length + ending.Characters, out var named)) AddEnding(ending, named);
                continue;
            }
            // All else that has as many characters is alike.
            if (characters != ending.Characters)
            {
                characters = ending.Characters;
                isGood = lexeme.TryEnd(lexeme.Lexer.Classifier.Other, length + characters, out outcome);
            }
            if (isGood) AddEnding(ending, outcome);
        }
    }

    /// <summary>The state after some more of a name that is declared; null where no name goes on like this.</summary>
    private ClassifierState? NameAfter(int lex, ReadOnlySpan<byte> text)
    {
        var lexer = lexeme.Lexer;
        foreach (var value in text)
        {
            lex = lexer.Step(lex, value);
            if (lexer.IsBetween(lex) && lexer.State(lex).NamesAhead.Count == 0) return null;
        }
        return lexer.State(lex);
    }

    private void Add(TokenSlice slice, ClassifierState state, int length)
    {
        if (slice.Longest == 0) return;
        var room = Room(state, length, slice.Characters, slice.Longest);
        if (room == Depends) Walk(slice.Trie);
        else slice.Allow(_inside, room);
    }

    /// <summary>
    /// How many of these characters may come, whichever they are: after one more nothing good can come. int.MaxValue where there is no end
    /// within <paramref name="longest"/>.
    /// </summary>
    private int Room(ClassifierState start, int length, CharSet characters, int longest)
    {
        if (lexeme.IsUniform)
        {
            if (!lexeme.CountsLength) return lexeme.CanReach(start, length + 1) ? int.MaxValue : 0;
            var room = 0;
            while (room < longest && lexeme.CanReach(start, length + room + 1)) room++;
            return room == longest ? int.MaxValue : room;
        }
        var level = new HashSet<ClassifierState> { start };
        var seen = new HashSet<ClassifierState>();
        for (var depth = 1; depth <= longest; depth++)
        {
            var next = new HashSet<ClassifierState>();
            var dead = 0;
            foreach (var state in level) AddAfter(state, characters, next);
            if (next.Count > MostStates) return Depends;
            foreach (var state in next)
                if (!lexeme.CanReach(state, length + depth)) dead++;
            if (dead > 0) return dead == next.Count ? depth - 1 : Depends;
            // Where lengths do not matter, nothing new can come of states that were there before.
            if (!lexeme.CountsLength)
            {
                next.ExceptWith(seen);
                if (next.Count == 0) return int.MaxValue;
                seen.UnionWith(next);
                if (seen.Count > MostStates) return Depends;
            }
            level = next;
        }
        return int.MaxValue;
    }

    /// <summary>Adds the states after each of <paramref name="characters"/>.</summary>
    private static void AddAfter(ClassifierState state, CharSet characters, HashSet<ClassifierState> found)
    {
        var starts = state.Starts;
        var bounds = characters.Bounds;
        for (var range = 0; range < bounds.Length; range += 2)
        {
            found.Add(state.Next(bounds[range]));
            var first = starts.BinarySearch(bounds[range]);
            for (var i = first >= 0 ? first + 1 : ~first; i < starts.Length && starts[i] <= bounds[range + 1]; i++)
                if (starts[i] is < 0xD800 or > 0xDFFF) found.Add(state.Next(starts[i]));
                else if (i + 1 == starts.Length || starts[i + 1] > 0xE000) found.Add(state.Next(0xE000));
        }
    }

    private void Walk(TokenTrie trie)
    {
        var (lexer, stack) = (lexeme.Lexer, _stack);
        for (var node = 0; node < trie.Count;)
        {
            int depth = trie.Depths[node];
            var (before, length) = stack[depth - 1];
            var next = lexer.Step(before, trie.Labels[node]);
            if (next >= 0)
            {
                if (lexer.IsBetween(next)) length++;
                if (lexeme.IsLive(next, length))
                {
                    stack[depth] = (next, length);
                    for (var token = trie.Tokens[node]; token >= 0; token = trie.Twins[token]) _inside[token >> 6] |= 1UL << token;
                    node++;
                    continue;
                }
            }
            else if (next == StringLexer.Closed && lexeme.TryEnd(lexer.State(before), length, out var outcome))
            {
                AddEnding(trie, node, outcome);
            }
            node = trie.After[node];
        }
    }

    private void AddEnding(in QuotedEnding ending, ulong outcome)
    {
        var (tokens, tails) = EndingsOf(outcome);
        tokens.Add(ending.Token);
        tails.Add(ending.Tail);
    }

    private (List<int> Tokens, List<int> Tails) EndingsOf(ulong outcome)
    {
        if (!_endings.TryGetValue(outcome, out var ending)) _endings[outcome] = ending = ([], []);
        return ending;
    }

    private void AddEnding(TokenTrie trie, int end, ulong outcome)
    {
        var ending = EndingsOf(outcome);
        for (var node = end; node < trie.After[end]; node++)
            for (var token = trie.Tokens[node]; token >= 0; token = trie.Twins[token])
            {
                ending.Tokens.Add(token);
                ending.Tails.Add(vocabulary.Slices.TailOf(token, trie.Depths[end]));
            }
    }
}
