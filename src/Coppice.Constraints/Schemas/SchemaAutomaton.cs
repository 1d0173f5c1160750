using System.Text;
using Coppice.Constraints.Languages;
using Coppice.Constraints.Masks;

namespace Coppice.Constraints.Schemas;

/// <summary>
/// Validates JSON byte by byte against a schema. A state is a place in the text (a <see cref="Slot"/> or a <see cref="Frame"/>) with what
/// is being read there; places are made as texts lead to them and are shared where nothing tells them apart.
/// </summary>
internal sealed partial class SchemaAutomaton : ByteAutomaton
{
    /// <summary>After the whole text.</summary>
    public static readonly object End = new();

    private static readonly byte[][] Words = ["null"u8.ToArray(), "false"u8.ToArray(), "true"u8.ToArray()];

    private readonly Dictionary<FrameKey, Frame?> _frames = [];
    private readonly Dictionary<string, StringGoal> _goals = new(StringComparer.Ordinal);
    private readonly Dictionary<string, KeyGoal> _keyGoals = new(StringComparer.Ordinal);
    private readonly Slot _root;
    private readonly int _gap;
    private readonly bool _isSpaced;
    private int _ids;

    public SchemaAutomaton(SchemaCompiler compiler, Demand root, TokenVocabulary vocabulary)
    {
        Compiler = compiler;
        Vocabulary = vocabulary;
        Satisfier = new Satisfier(compiler);
        _isSpaced = compiler.Options.WhiteSpace == WhiteSpace.Spaced;
        _gap = compiler.Options.WhiteSpace == WhiteSpace.Bounded ? 20 : 0;
        _root = new Slot(this, null, [], root == compiler.Demands.True ? [] : [root], default);
        var isEmpty = root == compiler.Demands.False || !_root.IsAlive;
        if (isEmpty && compiler.Options.AllowsNothing) _root = new Slot(this, null, [], [compiler.Demands.Of([compiler.Nothing])], default);
        else if (isEmpty) throw new ConstraintException("schema: must allow some value, found that it allows none.");
    }

    /// <summary>What is being read.</summary>
    private enum Mode
    {
        Value,
        ArrayOpen,
        AfterItem,
        ObjectOpen,
        AfterMember,
        AfterComma,
        AfterKey,
        Key,
        String,
        Number,
        Word,
        End,
    }

    public SchemaCompiler Compiler { get; }

    public Satisfier Satisfier { get; }

    public NumberLexer Numbers { get; } = new();

    public TokenVocabulary Vocabulary { get; }

    public override GrammarState Start => new(_root, (int)Mode.Value, 0, 0);

    public override int Unknowns => Satisfier.Unknowns + _goals.Values.Sum(goal => goal.Unknowns)
        + _keyGoals.Values.Sum(goal => goal.Unknowns);

    /// <summary>An example of what the schema allows; null where none was found.</summary>
    public string? Example => Satisfier.Value(_root.Demands, 1).Text;

    /// <summary>A number for a new place.</summary>
    public int NextId() => _ids++;

    /// <summary>The object or list with these formulas; null where it cannot be completed.</summary>
    public Frame? FrameOf(Slot slot, ValueKind kind, Formula[] formulas, Bits seen, ObjectKeys? keys)
    {
        var key = new FrameKey(slot.Id, kind, formulas, seen);
        if (_frames.TryGetValue(key, out var known)) return known;
        if (kind == ValueKind.Object) keys ??= Compiler.KeysOf(formulas);
        var goal = Goal(slot, formulas);
        var isPossible = kind == ValueKind.Object ? Satisfier.CanComplete(goal, seen, keys!) : Satisfier.Items(goal).IsPossible;
        return _frames[key] = isPossible ? new Frame(this, slot, kind, formulas, seen, keys, goal) : null;
    }

    /// <summary>What the strings of a place must be.</summary>
    public StringGoal GoalOf(Slot slot, Formula[] formulas)
    {
        if (slot.Wanted is not { } wanted) return new StringGoal(Compiler, formulas, truths => slot.Outcome(truths) is not null);
        var key = $"{string.Join(',', formulas.Select(formula => formula.Id))}|{string.Join(',', wanted)}";
        if (!_goals.TryGetValue(key, out var goal))
            _goals[key] = goal = new StringGoal(Compiler, formulas, truths => Array.IndexOf(wanted, truths) >= 0);
        return goal;
    }

    /// <summary>What the names of an object's next member may be.</summary>
    public KeyGoal KeyGoalOf(Frame frame)
    {
        var (keys, allowed, takesAny) = (frame.Keys!, new HashSet<int>(), true);
        foreach (var choice in keys.Candidates(0))
            if (frame.IsAlive(choice.Class, choice.Index)) allowed.Add(choice.Class.Id);
            else if (choice.Index < 0) takesAny = false;
        // Where not every class of names is known, each frame has to be asked itself.
        if (!keys.IsComplete) return new KeyGoal(NextId(), state => frame.Member(state) is not null, takesAny: false);
        var key = $"{keys.Id}|{string.Join(',', allowed.Order())}";
        if (!_keyGoals.TryGetValue(key, out var goal))
            _keyGoals[key] = goal = new KeyGoal(NextId(), state => allowed.Contains(keys.ClassOf(state).Id), takesAny);
        return goal;
    }

    public override bool MayEnd(in GrammarState state) => (Mode)state.Mode switch
    {
        Mode.End => true,
        Mode.Number => ((Slot)state.Node).Parent is null && Numbers.MayEnd(state.Lex)
            && ((Slot)state.Node).NumberOutcome(state.Lex, null) is not null,
        _ => false,
    };

    public override bool TryStep(in GrammarState state, byte next, bool keepsValues, out GrammarState result)
    {
        switch ((Mode)state.Mode)
        {
            case Mode.String: return StepString(state, next, out result);
            case Mode.Key: return StepKey(state, next, out result);
            case Mode.Number: return StepNumber(state, next, keepsValues, out result);
            case Mode.Word: return StepWord(state, next, out result);
            case Mode.End:
                result = default;
                return false;
        }
        if (next is (byte)' ' or (byte)'\n' or (byte)'\t' or (byte)'\r') return StepSpace(state, next, out result);
        if (NeedsSpace(state))
        {
            result = default;
            return false;
        }
        switch ((Mode)state.Mode)
        {
            case Mode.Value: return Begin((Slot)state.Node, state, next, keepsValues, out result);
            case Mode.ArrayOpen when next != ']':
                var first = ((Frame)state.Node).NextItem();
                result = default;
                return first is not null && Begin(first, state, next, keepsValues, out result);
            case Mode.ArrayOpen or Mode.AfterItem when next == ']': return Close(state, next, out result);
            case Mode.AfterItem when next == ',':
                var item = ((Frame)state.Node).NextItem();
                result = new GrammarState(item!, (int)Mode.Value, 0, 0, state.Log?.With(next));
                return item is not null;
            case Mode.ObjectOpen or Mode.AfterMember when next == '}': return Close(state, next, out result);
            case Mode.ObjectOpen or Mode.AfterComma when next == '"': return BeginKey(state, next, out result);
            case Mode.AfterMember when next == ',':
                result = new GrammarState(state.Node, (int)Mode.AfterComma, 0, 0, state.Log?.With(next));
                return ((Frame)state.Node).TakesMembers;
            case Mode.AfterKey when next == ':':
                result = new GrammarState(state.Node, (int)Mode.Value, 0, 0, state.Log?.With(next));
                return true;
            default:
                result = default;
                return false;
        }
    }

    public override MaskKey KeyOf(in GrammarState state)
    {
        switch ((Mode)state.Mode)
        {
            case Mode.String:
                var slot = (Slot)state.Node;
                return new MaskKey(slot.Id, state.Mode, state.Lex, slot.String.LengthClass(state.Count, Vocabulary.Trie.LongestToken));
            case Mode.Key: return new MaskKey(((Frame)state.Node).Id, state.Mode, state.Lex, 0);
            case Mode.Number or Mode.Word: return new MaskKey(((Slot)state.Node).Id, state.Mode, state.Lex, 0);
            case Mode.End: return new MaskKey(-1, state.Mode, 0, 0);
            default:
                // How much white space may still come matters only where a token could be longer than that.
                var left = Gap(state.Node) - state.Count;
                return new MaskKey(state.Node is Slot place ? place.Id : ((Frame)state.Node).Id, state.Mode, 0,
                    Math.Min(left, Vocabulary.Trie.LongestToken));
        }
    }

    /// <summary>Whether a space must come: after a comma or a colon.</summary>
    private bool NeedsSpace(in GrammarState state) =>
        _isSpaced && state.Count == 0 && state.Node != _root && (Mode)state.Mode is (Mode.Value or Mode.AfterComma);

    private int Gap(object node) => _isSpaced ? 1 : _gap == 0 ? 0 : _gap + (2 * (node is Slot slot ? slot.Depth : ((Frame)node).Depth));

    private bool StepSpace(in GrammarState state, byte next, out GrammarState result)
    {
        result = state with { Count = state.Count + 1, Log = state.Log?.With(next) };
        if (_isSpaced) return next == ' ' && NeedsSpace(state);
        return state.Count < Gap(state.Node) && state.Node != _root;
    }

    private bool Begin(Slot slot, in GrammarState state, byte next, bool keepsValues, out GrammarState result)
    {
        var log = keepsValues && slot.KeepsValue ? ValueLog.Begin(state.Log, next) : state.Log?.With(next);
        result = default;
        switch (next)
        {
            case (byte)'"':
                var goal = slot.String;
                result = new GrammarState(slot, (int)Mode.String, goal.Lexer.Start, 0, log);
                return goal.IsLive(goal.Lexer.Start, 0);
            case (byte)'{':
                var members = slot.Open(ValueKind.Object);
                result = new GrammarState(members!, (int)Mode.ObjectOpen, 0, 0, log);
                return members is not null;
            case (byte)'[':
                var items = slot.Open(ValueKind.Array);
                result = new GrammarState(items!, (int)Mode.ArrayOpen, 0, 0, log);
                return items is not null;
            case (byte)'n' or (byte)'f' or (byte)'t':
                var kind = next == 'n' ? ValueKind.Null : next == 'f' ? ValueKind.False : ValueKind.True;
                result = new GrammarState(slot, (int)Mode.Word, ((int)kind * 8) + 1, 0, log);
                return slot.Constant(kind) is not null;
            default:
                var lex = Numbers.Begin(next, !slot.NumberIsFree);
                result = new GrammarState(slot, (int)Mode.Number, lex, 0, log);
                return lex >= 0 && slot.NumberIsLive(lex);
        }
    }

    private static bool StepString(in GrammarState state, byte next, out GrammarState result)
    {
        var slot = (Slot)state.Node;
        var goal = slot.String;
        var lex = goal.Lexer.Step(state.Lex, next);
        if (lex >= 0)
        {
            var count = goal.Lexer.IsBetween(lex) ? state.Count + 1 : state.Count;
            result = new GrammarState(slot, state.Mode, lex, count, state.Log?.With(next));
            return goal.IsLive(lex, count);
        }
        result = default;
        if (lex != StringLexer.Closed) return false;
        var log = state.Log?.With(next);
        return Enter(slot, slot.Outcome(goal.Truths(goal.Lexer.State(state.Lex), state.Count), ValueOf(slot, log)), log, out result);
    }

    private static bool BeginKey(in GrammarState state, byte next, out GrammarState result)
    {
        var frame = (Frame)state.Node;
        result = new GrammarState(frame, (int)Mode.Key, frame.Keys!.Lexer.Start, 0, state.Log?.With(next));
        return frame.TakesMembers;
    }

    private static bool StepKey(in GrammarState state, byte next, out GrammarState result)
    {
        var frame = (Frame)state.Node;
        var lexer = frame.Keys!.Lexer;
        var lex = lexer.Step(state.Lex, next);
        result = new GrammarState(frame, state.Mode, lex, 0, state.Log?.With(next));
        if (lex >= 0) return frame.KeyIsLive(lex);
        if (lex != StringLexer.Closed) return false;
        var slot = frame.Member(lexer.State(state.Lex));
        result = new GrammarState(slot!, (int)Mode.AfterKey, 0, 0, result.Log);
        return slot is not null;
    }

    private bool StepNumber(in GrammarState state, byte next, bool keepsValues, out GrammarState result)
    {
        var slot = (Slot)state.Node;
        var lex = Numbers.Step(state.Lex, next);
        if (lex >= 0)
        {
            result = new GrammarState(slot, state.Mode, lex, 0, state.Log?.With(next));
            return slot.NumberIsLive(lex);
        }
        result = default;
        if (slot.Parent is null || !Numbers.MayEnd(state.Lex)) return false;
        return Enter(slot, slot.NumberOutcome(state.Lex, ValueOf(slot, state.Log)), state.Log, out var after)
            && TryStep(after, next, keepsValues, out result);
    }

    private static bool StepWord(in GrammarState state, byte next, out GrammarState result)
    {
        var (kind, at) = (state.Lex >> 3, state.Lex & 7);
        result = default;
        if (Words[kind][at] != next) return false;
        var log = state.Log?.With(next);
        result = new GrammarState(state.Node, state.Mode, state.Lex + 1, 0, log);
        if (at + 1 < Words[kind].Length) return true;
        var slot = (Slot)state.Node;
        return Enter(slot, slot.Constant((ValueKind)kind, ValueOf(slot, log)), log, out result);
    }

    private static bool Close(in GrammarState state, byte next, out GrammarState result)
    {
        var frame = (Frame)state.Node;
        var log = state.Log?.With(next);
        return Enter(frame.Slot, frame.Close(ValueOf(frame.Slot, log)), log, out result);
    }

    /// <summary>The canonical text of a value that is over, where it matters and has been kept.</summary>
    private static string? ValueOf(Slot slot, ValueLog? log) =>
        slot.KeepsValue && log is not null ? CanonicalJson.Of(SchemaRegistry.ParseJson(log.Text, "value")) : null;

    /// <summary>Goes on after a value.</summary>
    private static bool Enter(Slot slot, object? outcome, ValueLog? log, out GrammarState result)
    {
        if (slot.KeepsValue && log is not null) log = log.Joined();
        result = outcome switch
        {
            Frame { Kind: ValueKind.Object } => new GrammarState(outcome, (int)Mode.AfterMember, 0, 0, log),
            Frame => new GrammarState(outcome, (int)Mode.AfterItem, 0, 0, log),
            _ => new GrammarState(End, (int)Mode.End, 0, 0),
        };
        return outcome is not null;
    }

    /// <summary>A formula that is true where the truths of <paramref name="formulas"/> are ones that the place around them wants.</summary>
    public Formula Goal(Slot slot, Formula[] formulas)
    {
        var space = Compiler.Formulas;
        // Where there are too many demands to try each assignment, the place around that one says what it cannot do without.
        if (slot.Wanted is not { } wanted)
            return slot.Parent is null ? space.True : FormulaTruth.Necessary(space, Goal(slot.Parent.Slot, slot.After), formulas);
        if (wanted.Length == 1 << formulas.Length) return space.True;
        return space.Or(wanted.Select(truths => All(formulas, truths)));
    }

    /// <summary>That those <paramref name="formulas"/> are true whose bits are set, and no others.</summary>
    private Formula All(Formula[] formulas, ulong truths) => Compiler.Formulas.And(
        formulas.Select((formula, i) => ((truths >> i) & 1) != 0 ? formula : Compiler.Formulas.Not(formula)));

    private readonly record struct FrameKey(int Slot, ValueKind Kind, Formula[] Formulas, Bits Seen)
    {
        public bool Equals(FrameKey other) => Slot == other.Slot && Kind == other.Kind && Formulas.AsSpan().SequenceEqual(other.Formulas)
            && Seen.Equals(other.Seen);

        public override int GetHashCode()
        {
            var hash = HashCode.Combine(Slot, Kind, Seen);
            foreach (var formula in Formulas) hash = HashCode.Combine(hash, formula.Id);
            return hash;
        }
    }
}
