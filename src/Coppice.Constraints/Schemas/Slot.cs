using Coppice.Constraints.Languages;

namespace Coppice.Constraints.Schemas;

/// <summary>
/// The place of one value: what is asked of it, and what becomes of the object or list around it once each demand is known to be met or
/// not. All that has been found out about it is kept.
/// </summary>
internal sealed class Slot
{
    private const int MostTruths = 6;

    private readonly SchemaAutomaton _automaton;
    private readonly Bits _seen;
    private readonly Dictionary<(ulong Truths, string? Value), object?> _outcomes = [];
    private readonly Dictionary<int, bool> _numbers = [];
    private readonly Dictionary<int, ulong> _numberTruths = [];
    private readonly Frame?[] _opened = new Frame?[2];
    private readonly bool[] _isOpened = new bool[2];
    private ulong[]? _wanted;
    private bool? _numberIsFree, _mustBePlain;
    private Formula[]? _numberFormulas;
    private StringGoal? _string;

    /// <summary>A place in <paramref name="parent"/>, or the whole text where that is null.</summary>
    /// <param name="automaton">The grammar.</param>
    /// <param name="parent">The object or list around it.</param>
    /// <param name="after">The parent's formulas, in which the demands are pending.</param>
    /// <param name="demands">What is asked of the value.</param>
    /// <param name="seen">The declared names that the parent has had, this member's among them.</param>
    public Slot(SchemaAutomaton automaton, Frame? parent, Formula[] after, IReadOnlyList<Demand> demands, Bits seen)
    {
        _automaton = automaton;
        After = after;
        _seen = seen;
        Parent = parent;
        Demands = demands;
        Id = automaton.NextId();
        KeepsValue = after.Any(formula => formula.KeepsValue);
    }

    public int Id { get; }

    public Frame? Parent { get; }

    /// <summary>The parent's formulas after the value, in which the demands are pending.</summary>
    public Formula[] After { get; }

    public IReadOnlyList<Demand> Demands { get; }

    /// <summary>Whether the value itself must be known when it is over.</summary>
    public bool KeepsValue { get; }

    /// <summary>How many objects and lists are around it.</summary>
    public int Depth => Parent is null ? 0 : Parent.Depth;

    /// <summary>The assignments of the demands that the parent can go on with; null where there are too many to try.</summary>
    public ulong[]? Wanted => Demands.Count > MostTruths ? null : _wanted ??= FindWanted();

    /// <summary>Whether any value can stand here.</summary>
    public bool IsAlive
    {
        get
        {
            if (Wanted is not { } wanted) return Array.Exists(Satisfier.Kinds, kind => ValueOf(kind).IsPossible);
            foreach (var truths in wanted)
                if (_automaton.Satisfier.Value(Demands, truths).IsPossible) return true;
            return false;
        }
    }

    /// <summary>A value of a kind that may stand here, as far as the demands together are known.</summary>
    public Completion ValueOf(ValueKind kind) => _automaton.Satisfier.OfKind(_automaton.Goal(this, Formulas(kind)), kind);

    /// <summary>What strings must be here.</summary>
    public StringGoal String => _string ??= _automaton.GoalOf(this, Formulas(ValueKind.String));

    /// <summary>Whether the number's value makes no difference.</summary>
    public bool NumberIsFree => _numberIsFree ??= Array.TrueForAll(NumberFormulas, formula => formula is ConstantFormula);

    private Formula[] NumberFormulas => _numberFormulas ??= Formulas(ValueKind.Number);

    /// <summary>What each demand says of values of <paramref name="kind"/>.</summary>
    public Formula[] Formulas(ValueKind kind) => [.. Demands.Select(demand => demand.ForKind(kind, _automaton.Compiler))];

    /// <summary>Where a value leads: to a <see cref="Frame"/>, to <see cref="SchemaAutomaton.End"/>, or, where it cannot stand here, to null.</summary>
    public object? Outcome(ulong truths, string? value = null)
    {
        if (!KeepsValue) value = null;
        if (_outcomes.TryGetValue((truths, value), out var known)) return known;
        return _outcomes[(truths, value)] = FindOutcome(truths, value);
    }

    /// <summary>Where null, true or false leads; <paramref name="kind"/> says which of them.</summary>
    public object? Constant(ValueKind kind, string? value = null)
    {
        var truths = 0UL;
        for (var i = 0; i < Demands.Count; i++)
            if (Demands[i].ForKind(kind, _automaton.Compiler) is ConstantFormula { Value: true }) truths |= 1UL << i;
        return Outcome(truths, value);
    }

    /// <summary>The object or list that begins here; null where none can.</summary>
    public Frame? Open(ValueKind kind)
    {
        var index = kind == ValueKind.Object ? 0 : 1;
        if (_isOpened[index]) return _opened[index];
        _isOpened[index] = true;
        return _opened[index] = _automaton.FrameOf(this, kind, Formulas(kind), default, null);
    }

    /// <summary>Whether a number with the lexer's state can be completed to one that can stand here.</summary>
    public bool NumberIsLive(int lex)
    {
        if (NumberIsFree) return NumberOutcome(lex, null) is not null;
        if (_numbers.TryGetValue(lex, out var known)) return known;
        var numbers = _automaton.Numbers;
        var text = numbers.Text(lex);
        var isOdd = numbers.PhaseOf(lex) >= NumberPhase.Point || text.StartsWith("-0", StringComparison.Ordinal);
        if (isOdd && MustBePlain) return _numbers[lex] = false;
        // One that may stand here by itself needs no search for more digits.
        var mayEnd = numbers.MayEnd(lex) && NumberOutcome(lex, null) is not null;
        return _numbers[lex] = mayEnd || Reach(text, numbers.PhaseOf(lex)) is not null;
    }

    /// <summary>The rest of the shortest number that may stand here.</summary>
    public string? NumberEnding(int lex)
    {
        var numbers = _automaton.Numbers;
        if (numbers.MayEnd(lex) && NumberOutcome(lex, null) is not null) return "";
        if (NumberIsFree) return "0";
        var text = numbers.Text(lex);
        return Reach(text, numbers.PhaseOf(lex))?[text.Length..];
    }

    /// <summary>Where the number that ends here leads.</summary>
    public object? NumberOutcome(int lex, string? value)
    {
        if (!NumberIsFree)
        {
            if (!_numberTruths.TryGetValue(lex, out var known)) _numberTruths[lex] = known = TruthsOf(JsonNumber.Parse(_automaton.Numbers.Text(lex)));
            return Outcome(known, value);
        }
        var truths = 0UL;
        for (var i = 0; i < NumberFormulas.Length; i++)
            if (((ConstantFormula)NumberFormulas[i]).Value) truths |= 1UL << i;
        return Outcome(truths, value);
    }

    /// <summary>All number conditions in <paramref name="formulas"/>.</summary>
    public static List<NumberSpec> SpecsOf(IEnumerable<Formula> formulas)
    {
        var specs = new List<NumberSpec>();
        foreach (var formula in formulas)
        {
            if (formula is NumberFormula number) specs.Add(number.Spec);
            else if (formula is CompositeFormula composite) specs.AddRange(SpecsOf(composite.Parts));
        }
        return specs;
    }

    /// <summary>Whether <paramref name="formula"/> is true of a number.</summary>
    public static bool NumberHolds(Formula formula, JsonNumber value) =>
        FormulaTruth.Evaluate(formula, leaf => leaf is NumberFormula number && number.Spec.Holds(value));

    /// <summary>A number that begins with <paramref name="text"/> and may stand here; null where there is none.</summary>
    private string? Reach(string text, NumberPhase phase)
    {
        // An integer that looks like one has no sign where it is zero.
        var isNegative = MustBePlain && text.StartsWith('-');
        return NumberReach.Find(
            text, phase, SpecsOf(NumberFormulas), value => !(isNegative && value.CompareTo(JsonNumber.Zero) == 0) && IsWanted(value));
    }

    /// <summary>Whether numbers here are integers and have to look like it.</summary>
    private bool MustBePlain => _mustBePlain ??= _automaton.Compiler.Options.PlainIntegers && TakesOnlyIntegers();

    /// <summary>Whether some condition asks for integers and no fraction next to any bound is wanted.</summary>
    private bool TakesOnlyIntegers()
    {
        var specs = SpecsOf(NumberFormulas);
        if (!specs.Exists(spec => spec.Integer)) return false;
        var half = new JsonNumber(5, -1);
        foreach (var bound in specs.SelectMany(spec => new[] { spec.Least, spec.Most }).Append(JsonNumber.Zero))
            if (bound is { } value && (IsWanted(value.Plus(half)) || IsWanted(value.Plus(half.Negated())))) return false;
        return true;
    }

    private bool IsWanted(JsonNumber value) => Outcome(TruthsOf(value)) is not null;

    private ulong TruthsOf(JsonNumber value)
    {
        var truths = 0UL;
        for (var i = 0; i < NumberFormulas.Length; i++)
            if (NumberHolds(NumberFormulas[i], value)) truths |= 1UL << i;
        return truths;
    }

    private ulong[] FindWanted()
    {
        var wanted = new List<ulong>();
        for (var truths = (long)((1UL << Demands.Count) - 1); truths >= 0; truths--)
            if (Outcome((ulong)truths) is not null) wanted.Add((ulong)truths);
        return [.. wanted];
    }

    private object? FindOutcome(ulong truths, string? value)
    {
        if (Parent is null) return truths == 1 || Demands.Count == 0 ? SchemaAutomaton.End : null;
        var formulas = Array.ConvertAll(After, formula => FormulaTruth.AfterValue(_automaton.Compiler.Formulas, formula, truths, value));
        return _automaton.FrameOf(Parent.Slot, Parent.Kind, formulas, _seen, Parent.Keys);
    }
}
