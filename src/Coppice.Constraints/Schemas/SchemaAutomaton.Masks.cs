using Coppice.Constraints.Languages;
using Coppice.Constraints.Masks;

namespace Coppice.Constraints.Schemas;

/// <content>Masks in strings and names, put together from parts.</content>
internal sealed partial class SchemaAutomaton
{
    private const int AnyName = -1, NamesOnly = -2;

    private readonly Dictionary<(int Keys, int Lex, int Goal, Bits Ahead), LexemeMask> _keyMasks = [];

    public override void Fill(in GrammarState state, MaskBuilder mask)
    {
        if (!mask.UsesSlices)
        {
            mask.Walk(mask.Vocabulary.Trie, state);
            return;
        }
        if (state.Mode == (int)Mode.String) FillString(state, mask);
        else if (state is { Mode: (int)Mode.Key, Node: Frame frame } && frame.Keys!.Lexer.IsBetween(state.Lex))
            FillKey(frame, state.Lex, mask);
        else mask.Walk(mask.Vocabulary.Trie, state);
    }

    public override Lexeme? LexemeAt(in GrammarState state)
    {
        var lexer = (Mode)state.Mode switch
        {
            Mode.String => ((Slot)state.Node).String.Lexer,
            Mode.Key => ((Frame)state.Node).Keys!.Lexer,
            _ => null,
        };
        if (lexer is null) return null;
        var isBetween = lexer.IsBetween(state.Lex);
        if (state.Node is Slot { String: var goal }) return new Lexeme(lexer, goal.CountsLength, isBetween && goal.IsUniform);
        var keys = ((Frame)state.Node).Keys!;
        return new Lexeme(lexer, false, isBetween && !keys.HasLanguages && lexer.State(state.Lex).NamesAhead.Count == 0);
    }

    /// <summary>An escape in a string or name, but for characters that can only be escaped.</summary>
    public override bool IsSecondSpelling(in GrammarState state, byte value)
    {
        if (value != '\\' || (Mode)state.Mode is not (Mode.String or Mode.Key)) return false;
        var lexer = state.Node is Slot slot ? slot.String.Lexer : ((Frame)state.Node).Keys!.Lexer;
        if (!lexer.IsBetween(state.Lex)) return false;
        for (var character = 0; character <= '\\'; character++)
        {
            if (character is >= ' ' and not ('"' or '\\')) continue;
            var at = state;
            var isAllowed = true;
            foreach (var letter in $"\\u{character:x4}")
            {
                isAllowed = TryStep(in at, (byte)letter, keepsValues: false, out var next);
                if (!isAllowed) break;
                at = next;
            }
            if (isAllowed) return false;
        }
        return true;
    }

    private static void FillString(in GrammarState state, MaskBuilder mask)
    {
        var slot = (Slot)state.Node;
        var goal = slot.String;
        var key = (state.Lex, goal.LengthClass(state.Count, mask.Vocabulary.Trie.LongestToken));
        if (!goal.Masks.TryGetValue(key, out var lexeme))
            goal.Masks[key] = lexeme = new LexemeWalk(goal, mask.Vocabulary).Mask(state.Lex, state.Count);
        mask.Shared = lexeme.Inside;
        foreach (var ending in lexeme.Endings)
            if (Enter(slot, slot.Outcome(ending.Outcome), null, out var after)) mask.Walk(ending, after);
    }

    /// <summary>
    /// The part of the mask inside a name depends only on which names ahead may still come, or, where patterns tell names apart, on the
    /// classes of names that may.
    /// </summary>
    private void FillKey(Frame frame, int lex, MaskBuilder mask)
    {
        var keys = frame.Keys!;
        var goal = frame.TakesAnyKey ? AnyName : keys.HasLanguages ? frame.KeyGoal.Id : NamesOnly;
        var ahead = goal == NamesOnly ? frame.AliveAhead(keys.Lexer.State(lex)) : default;
        var key = (keys.Id, lex, goal, ahead);
        if (!_keyMasks.TryGetValue(key, out var lexeme))
            _keyMasks[key] = lexeme = new LexemeWalk(new NameLexeme(frame), mask.Vocabulary).Mask(lex, 0);
        mask.Shared = lexeme.Inside;
        foreach (var ending in lexeme.Endings)
        {
            var (of, name) = NameLexeme.Read(ending.Outcome);
            if (frame.Member(Compiler.KeyClassOf(of), name) is { } slot)
                mask.Walk(ending, new GrammarState(slot, (int)Mode.AfterKey, 0, 0));
        }
    }

    /// <summary>The names of an object's next member.</summary>
    private sealed class NameLexeme(Frame frame) : ILexeme
    {
        public StringLexer Lexer => frame.Keys!.Lexer;

        public bool CountsLength => false;

        public bool IsUniform => frame.TakesAnyKey;

        public bool IsClosed => !frame.TakesAnyKey && !frame.Keys!.HasLanguages;

        public bool IsLive(int lex, int length) => frame.KeyIsLive(lex);

        public bool CanReach(ClassifierState state, int length) => frame.KeyIsLive(state);

        public bool TryEnd(ClassifierState state, int length, out ulong outcome)
        {
            outcome = ((ulong)frame.Keys!.ClassOf(state).Id << 32) | (uint)(state.Name + 1);
            return true;
        }

        /// <summary>The class of a name, and its index where it is declared, else -1.</summary>
        public static (int Class, int Name) Read(ulong outcome) => ((int)(outcome >> 32), (int)(uint)outcome - 1);
    }
}
