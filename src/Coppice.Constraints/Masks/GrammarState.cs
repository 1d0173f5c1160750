using Coppice.Constraints.Languages;
using Coppice.Constraints.Schemas;

namespace Coppice.Constraints.Masks;

/// <summary>
/// Where a text stands in an automaton. What may be told apart is in five parts, so that most steps make no new object: the part of the
/// automaton, what is being read there, the state of its lexer, a count, and a value that must be kept.
/// </summary>
internal readonly record struct GrammarState(object Node, int Mode, int Lex, int Count, ValueLog? Log = null);

/// <summary>What masks are kept by: states with one key have the same mask.</summary>
internal readonly record struct MaskKey(int Node, int Mode, int Lex, int Count);

/// <summary>A string or name that is being read.</summary>
/// <param name="Lexer">Reads it.</param>
/// <param name="CountsLength">Whether the count of a state, its characters so far, matters.</param>
/// <param name="IsUniform">Whether the state is between two characters and every whole one leads its lexer back to it.</param>
internal readonly record struct Lexeme(StringLexer Lexer, bool CountsLength, bool IsUniform)
{
    /// <summary>Whether every whole character leads back to the same state.</summary>
    public bool IsFree => IsUniform && !CountsLength;
}

/// <summary>What can be written without some bytes.</summary>
/// <param name="Missing">The bytes.</param>
/// <param name="Characters">Characters as they are.</param>
/// <param name="InStrings">Characters of a JSON string.</param>
/// <param name="Vocabulary">Has the special tokens.</param>
internal readonly record struct Writable(
    byte[] Missing, WritableCharacters Characters, WritableCharacters InStrings, TokenVocabulary Vocabulary);

/// <summary>An automaton over bytes, with tokens that have none.</summary>
/// <remarks>
/// Not safe for concurrent use: states and tables are made as they are visited. <see cref="CompiledGrammar"/> has the lock.
/// </remarks>
internal abstract class ByteAutomaton
{
    /// <summary>Before the first byte.</summary>
    public abstract GrammarState Start { get; }

    /// <summary>Times that a state was taken to be completable because finding out took too long.</summary>
    public virtual int Unknowns => 0;

    /// <summary>The state after <paramref name="next"/>; false where nothing good can come of it.</summary>
    /// <param name="state">Where the text stands.</param>
    /// <param name="next">The byte.</param>
    /// <param name="keepsValues">Whether values that later ones are compared with are kept; masks do without.</param>
    /// <param name="result">The new state; must not be the variable that <paramref name="state"/> is.</param>
    public abstract bool TryStep(in GrammarState state, byte next, bool keepsValues, out GrammarState result);

    /// <summary>Whether the text may end here.</summary>
    public abstract bool MayEnd(in GrammarState state);

    /// <summary>What the mask of the state is kept by.</summary>
    public abstract MaskKey KeyOf(in GrammarState state);

    /// <summary>Finds the tokens that may follow. The base walks the whole vocabulary's trie.</summary>
    public virtual void Fill(in GrammarState state, MaskBuilder mask) => mask.Walk(mask.Vocabulary.Trie, state);

    /// <summary>The next bytes of a short way to an end; empty where the text may end here, null where none is known.</summary>
    public abstract byte[]? Ending(in GrammarState state);

    /// <summary>
    /// The first bytes of a short way to an end, for a state in which the text may not end, and the state after them: one without a node
    /// where they are the whole way. Null where no way is known.
    /// </summary>
    public virtual byte[]? NextOfEnding(in GrammarState state, out GrammarState after)
    {
        after = default;
        return Ending(state);
    }

    /// <summary>What ways to an end are kept by: states with one key have the same way.</summary>
    public virtual MaskKey EndingKeyOf(in GrammarState state) => KeyOf(state);

    /// <summary>The state after a token that the automaton knows by its id; false where it does not.</summary>
    public virtual bool TryToken(in GrammarState state, int token, out GrammarState result)
    {
        result = state;
        return false;
    }

    /// <summary>
    /// Whether <paramref name="value"/> begins a second spelling of characters that can also be written otherwise, and nothing else can
    /// come of it here.
    /// </summary>
    public virtual bool IsSecondSpelling(in GrammarState state, byte value) => false;

    /// <summary>Whether some token may come that is known by its id and not by its bytes.</summary>
    public virtual bool TakesTokens(in GrammarState state) => false;

    /// <summary>
    /// Whether some text needs none of the bytes <paramref name="missing"/>; null where too many places would have to be looked at.
    /// </summary>
    public virtual bool? CanDoWithout(byte[] missing, TokenVocabulary vocabulary)
    {
        const int mostPlaces = 10_000;
        var (bytes, strings) = (new WritableCharacters(missing, inStrings: false), new WritableCharacters(missing, inStrings: true));
        var seen = new HashSet<MaskKey> { EndingKeyOf(Start) };
        var queue = new Queue<GrammarState>([Start]);
        while (queue.TryDequeue(out var at))
        {
            if (MayEnd(at)) return true;
            if (seen.Count > mostPlaces) return null;
            foreach (var next in After(at, new Writable(missing, bytes, strings, vocabulary)))
                if (seen.Add(EndingKeyOf(next))) queue.Enqueue(next);
        }
        return false;
    }

    /// <summary>
    /// Places that what can be written leads to: by single bytes, or, where many bytes would lead to one place, by whole characters.
    /// </summary>
    public virtual IEnumerable<GrammarState> After(GrammarState state, Writable writable)
    {
        for (var value = 0; value < 256; value++)
            if (!writable.Missing.Contains((byte)value) && TryStep(in state, (byte)value, keepsValues: false, out var next))
                yield return next;
        if (!TakesTokens(state)) yield break;
        foreach (var token in writable.Vocabulary.SpecialIds)
            if (TryToken(in state, token, out var next)) yield return next;
    }

    /// <summary>What is being read at <paramref name="state"/>, where masks are put together from parts; else null.</summary>
    public virtual Lexeme? LexemeAt(in GrammarState state) => null;

    /// <summary>A state that goes on as either does: for a token that is allowed by its bytes and by its id.</summary>
    public virtual GrammarState Union(in GrammarState left, in GrammarState right) => left;
}
