using Coppice.Constraints.Languages;

namespace Coppice.Constraints.Schemas;

/// <summary>An object or a list that has begun, between two of its members: what remains to be seen of it.</summary>
internal sealed class Frame
{
    private readonly SchemaAutomaton _automaton;
    private readonly Formula[] _formulas;
    private readonly Dictionary<int, Slot?> _members = [];
    private readonly List<byte> _liveKeys = [];
    private readonly Formula _goal;
    private readonly ObjectSpec? _simple;
    private Completion? _completion;
    private bool _hasItem;
    private Slot? _item;
    private bool? _otherIsAlive;
    private KeyGoal? _keyGoal;
    private object? _closed;
    private bool _isClosed;

    public Frame(SchemaAutomaton automaton, Slot slot, ValueKind kind, Formula[] formulas, Bits seen, ObjectKeys? keys, Formula goal)
    {
        _automaton = automaton;
        _formulas = formulas;
        Slot = slot;
        Kind = kind;
        Seen = seen;
        Keys = keys;
        _goal = goal;
        Id = automaton.NextId();
        Depth = slot.Depth + 1;
        if (formulas is [ObjectFormula { Spec.Most: int.MaxValue } members] && goal == members) _simple = members.Spec;
    }

    public int Id { get; }

    /// <summary>The place that the object or list stands in.</summary>
    public Slot Slot { get; }

    public ValueKind Kind { get; }

    public int Depth { get; }

    /// <summary>The declared names that have come.</summary>
    public Bits Seen { get; }

    /// <summary>How an object's names are told apart; null for a list.</summary>
    public ObjectKeys? Keys { get; }

    /// <summary>A way to complete it: its last members.</summary>
    public Completion Completion => _completion ??=
        Kind == ValueKind.Object ? _automaton.Satisfier.Members(_goal, Seen, Keys!) : _automaton.Satisfier.Items(_goal);

    /// <summary>Whether every name that is not declared may come: then every beginning of a name is good.</summary>
    public bool TakesAnyKey => Keys!.HasLanguages ? KeyGoal.TakesAny : OtherIsAlive;

    /// <summary>What names may come, where patterns tell them apart.</summary>
    public KeyGoal KeyGoal => _keyGoal ??= _automaton.KeyGoalOf(this);

    private bool OtherIsAlive => _otherIsAlive ??= IsAlive(_automaton.Compiler.KeyClassOf(null, []), -1);

    /// <summary>Where the closing bracket leads; null where it cannot come.</summary>
    public object? Close(string? value)
    {
        if (value is null && _isClosed) return _closed;
        var truths = 0UL;
        for (var i = 0; i < _formulas.Length; i++)
            if (FormulaTruth.AtEnd(_formulas[i])) truths |= 1UL << i;
        var outcome = Slot.Outcome(truths, value);
        if (value is not null) return outcome;
        _isClosed = true;
        return _closed = outcome;
    }

    /// <summary>The place of the next member of a list; null where none can come.</summary>
    public Slot? NextItem()
    {
        if (_hasItem) return _item;
        _hasItem = true;
        return _item = After(new MemberStep(_automaton.Compiler, null), Seen);
    }

    /// <summary>The place of a member whose name is complete; null where it cannot come.</summary>
    public Slot? Member(ClassifierState name) => Member(Keys!.ClassOf(name), name.Name);

    /// <summary>The place of a member whose name is of a class, and the declared one of this index where that is not negative.</summary>
    public Slot? Member(KeyClass key, int name)
    {
        if (name >= 0 && Seen.Has(name)) return null;
        if (_members.TryGetValue(key.Id, out var known)) return known;
        return _members[key.Id] = After(new MemberStep(_automaton.Compiler, key), name < 0 ? Seen : Seen.With(name));
    }

    /// <summary>Whether some member can come.</summary>
    public bool TakesMembers => KeyIsLive(Keys!.Lexer.Start);

    /// <summary>Whether a name with the lexer's state can be completed.</summary>
    public bool KeyIsLive(int lex)
    {
        if (TakesAnyKey) return true;
        while (_liveKeys.Count <= lex) _liveKeys.Add(0);
        if (_liveKeys[lex] != 0) return _liveKeys[lex] == 1;
        var isLive = FindKeyIsLive(lex);
        _liveKeys[lex] = isLive ? (byte)1 : (byte)2;
        return isLive;
    }

    /// <summary>Whether the name so far can become one that may come.</summary>
    public bool KeyIsLive(ClassifierState state) => TakesAnyKey || CanReach(state);

    private bool FindKeyIsLive(int lex)
    {
        var lexer = Keys!.Lexer;
        if (lexer.IsBetween(lex)) return CanReach(lexer.State(lex));
        var state = lexer.State(lex);
        foreach (var (low, high) in lexer.Open(lex))
        {
            if (CanReach(state.Next(low))) return true;
            foreach (var start in state.Starts)
                if (start > low && start <= high && CanReach(state.Next(start))) return true;
        }
        return false;
    }

    /// <summary>Of the names that begin like this those that may come; none where any name may.</summary>
    public Bits AliveAhead(ClassifierState state)
    {
        if (TakesAnyKey) return default;
        var alive = Bits.Below(0);
        foreach (var name in state.NamesAhead)
            if (IsAlive(Keys!.Of(Keys.Classifier.Names.Names[name]).Class, name)) alive = alive.With(name);
        return alive;
    }

    /// <summary>
    /// Whether a member with such a name can come. Where only the name decides there is no need to look at the object after it.
    /// </summary>
    public bool IsAlive(KeyClass key, int name)
    {
        if (name >= 0 && Seen.Has(name)) return false;
        return _simple is null ? Member(key, name) is not null : _automaton.Satisfier.CanHold(_simple, key);
    }

    private bool CanReach(ClassifierState state)
    {
        if (!Keys!.HasLanguages)
        {
            foreach (var name in state.NamesAhead)
                if (IsAlive(Keys.Of(Keys.Classifier.Names.Names[name]).Class, name)) return true;
            return false;
        }
        return KeyGoal.CanReach(state);
    }

    private Slot? After(MemberStep step, Bits seen)
    {
        var after = Array.ConvertAll(_formulas, step.Apply);
        var slot = new Slot(_automaton, this, after, step.Demands, seen);
        return slot.IsAlive ? slot : null;
    }
}
