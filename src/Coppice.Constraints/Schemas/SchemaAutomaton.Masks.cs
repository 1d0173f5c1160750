using System.Text;
using Coppice.Constraints.Languages;
using Coppice.Constraints.Masks;

namespace Coppice.Constraints.Schemas;

/// <content>Masks in strings and names, put together from parts; and ways to an end.</content>
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

    public override bool IsFreeText(in GrammarState state) =>
        state is { Mode: (int)Mode.String, Node: Slot slot } && slot.String.IsFree && slot.String.Lexer.IsBetween(state.Lex);

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

    public override byte[]? Ending(in GrammarState state)
    {
        var text = new List<byte>();
        var at = state with { Log = null };
        for (var steps = 0; at.Mode != (int)Mode.End; steps++)
        {
            if (MayEnd(at)) break;
            if (steps > 10_000 || NextOfEnding(at) is not { } more) return null;
            if (_isSpaced) more = Spaced(at, more);
            foreach (var value in more)
            {
                if (!TryStep(in at, value, keepsValues: false, out var next)) return null;
                at = next;
                text.Add(value);
            }
        }
        return [.. text];
    }

    /// <summary><paramref name="text"/>, which is compact, with a space after each comma and colon.</summary>
    private byte[] Spaced(in GrammarState state, byte[] text)
    {
        var spaced = new List<byte>();
        if (NeedsSpace(state)) spaced.Add((byte)' ');
        var (isInString, isEscaped) = ((Mode)state.Mode is Mode.String or Mode.Key, false);
        foreach (var value in text)
        {
            spaced.Add(value);
            if (isEscaped) isEscaped = false;
            else if (isInString && value == '\\') isEscaped = true;
            else if (value == '"') isInString = !isInString;
            else if (!isInString && value is (byte)',' or (byte)':') spaced.Add((byte)' ');
        }
        return [.. spaced];
    }

    /// <summary>
    /// Bytes that bring the text nearer to its end: the rest of what is being read, or the last members of what is around it.
    /// </summary>
    private byte[]? NextOfEnding(in GrammarState state)
    {
        switch ((Mode)state.Mode)
        {
            case Mode.Value:
                var value = ValueText((Slot)state.Node);
                return value is null ? null : Encoding.UTF8.GetBytes(value);
            case Mode.ArrayOpen or Mode.ObjectOpen: return Members((Frame)state.Node, "");
            case Mode.AfterItem or Mode.AfterMember: return Members((Frame)state.Node, ",");
            case Mode.AfterComma: return KeyEnding((Frame)state.Node, null);
            case Mode.AfterKey: return ":"u8.ToArray();
            case Mode.Key: return KeyEnding((Frame)state.Node, state.Lex);
            case Mode.String: return StringEnding(((Slot)state.Node).String, state.Lex, state.Count);
            case Mode.Number:
                // The number's digits, and whatever ends it.
                var slot = (Slot)state.Node;
                if (slot.NumberEnding(state.Lex) is not { } digits) return null;
                if (digits.Length > 0 || slot.Parent is null) return Encoding.UTF8.GetBytes(digits);
                return slot.NumberOutcome(state.Lex, null) is Frame frame ? Members(frame, ",") : null;
            default: return Words[state.Lex >> 3][(state.Lex & 7)..];
        }
    }

    private string? ValueText(Slot slot)
    {
        string? best = null;
        foreach (var truths in slot.Wanted ?? [ulong.MaxValue >> (64 - slot.Demands.Count)])
            if (Satisfier.Value(slot.Demands, truths).Text is { } text && (best is null || text.Length < best.Length)) best = text;
        return best;
    }

    private static byte[]? Members(Frame frame, string comma)
    {
        var close = frame.Kind == ValueKind.Object ? "}" : "]";
        if (frame.Completion.Text is not { } text) return frame.Close(null) is null ? null : Encoding.UTF8.GetBytes(close);
        return Encoding.UTF8.GetBytes(text.Length == 0 ? close : $"{comma}{text}{close}");
    }

    private static byte[]? StringEnding(StringGoal goal, int lex, int length)
    {
        if (goal.Lexer.IsBetween(lex))
            return goal.Shortest(goal.Lexer.State(lex), length) is { } rest ? [.. Escaped(rest), (byte)'"'] : null;
        return ByteThatLeads(goal.Lexer, lex, next => goal.IsLive(next, goal.Lexer.IsBetween(next) ? length + 1 : length));
    }

    private static byte[]? KeyEnding(Frame frame, int? lex)
    {
        var lexer = frame.Keys!.Lexer;
        if (lex is null) return "\""u8.ToArray();
        // A name that the object needs brings the end nearer; another one may lead it away.
        var needed = frame.Completion.Text ?? "";
        if (lex == lexer.Start && needed.Length > 1) return Encoding.UTF8.GetBytes($"{needed[1..]}}}");
        if (!lexer.IsBetween(lex.Value)) return ByteThatLeads(lexer, lex.Value, frame.KeyIsLive);
        var start = lexer.State(lex.Value);
        return (needed.Length > 1 ? ShortestKey(start, state => IsNeeded(frame, state, needed)) : null)
            ?? ShortestKey(start, state => frame.Member(state) is not null);
    }

    private static bool IsNeeded(Frame frame, ClassifierState state, string needed) => state.Name >= 0
        && needed.Contains($"{CanonicalJson.Quoted(frame.Keys!.Classifier.Names.Names[state.Name])}:", StringComparison.Ordinal)
            && frame.Member(state) is not null;

    private static byte[]? ShortestKey(ClassifierState start, Func<ClassifierState, bool> isGood)
    {
        var texts = new Dictionary<int, string> { [start.Id] = "" };
        var queue = new Queue<ClassifierState>([start]);
        while (queue.TryDequeue(out var state) && texts.Count < 5_000)
        {
            if (isGood(state)) return [.. Escaped(texts[state.Id]), (byte)'"'];
            foreach (var codePoint in StringGoal.Choices(state))
                if (state.Next(codePoint) is var next && texts.TryAdd(next.Id, texts[state.Id] + char.ConvertFromUtf32(codePoint)))
                    queue.Enqueue(next);
        }
        return null;
    }

    private static byte[] Escaped(string text) => Encoding.UTF8.GetBytes(CanonicalJson.Quoted(text)[1..^1]);

    /// <summary>The first byte with which an unfinished character or escape goes on well.</summary>
    private static byte[]? ByteThatLeads(StringLexer lexer, int lex, Func<int, bool> isLive)
    {
        foreach (var candidate in Enumerable.Range(0, 256).OrderBy(value => value is >= '0' and <= '9' or 'n' ? 0 : 1))
            if (lexer.Step(lex, (byte)candidate) is >= 0 and var next && isLive(next)) return [(byte)candidate];
        return null;
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
