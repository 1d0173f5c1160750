using Coppice.Constraints.Languages;

namespace Coppice.Constraints.Schemas;

/// <summary>An answer to "can this be completed, and how?".</summary>
/// <param name="IsPossible">Whether it can; true also where it is not known.</param>
/// <param name="Text">JSON that completes it; null where it cannot be completed or no completion was found.</param>
internal readonly record struct Completion(bool IsPossible, string? Text)
{
    public static Completion Impossible => default;

    /// <summary>The search was too long; it is taken to be possible.</summary>
    public static Completion Unknown => new(true, null);
}

/// <summary>
/// Looks for values that make formulas true, so that no mask leads to where nothing can follow. A value found is a proof; an exhausted
/// search is one too; where a search runs out of its budget the answer is "possible", and is counted.
/// </summary>
internal sealed class Satisfier(SchemaCompiler compiler)
{
    private const int MostTruths = 6, DeepestValue = 64;

    /// <summary>All kinds, scalars first.</summary>
    public static readonly ValueKind[] Kinds =
        [ValueKind.String, ValueKind.Number, ValueKind.Null, ValueKind.True, ValueKind.False, ValueKind.Array, ValueKind.Object];

    private readonly Dictionary<string, Completion> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<(int Formula, Bits Seen, int Keys, int From), Completion> _objects = [];
    private readonly Dictionary<int, Completion> _arrays = [];
    private readonly Dictionary<int, StringGoal> _strings = [];
    private readonly Dictionary<int, Completion> _numbers = [];
    private readonly HashSet<object> _open = [];
    private int _budget;
    private int _depth;
    private bool _isTainted;

    /// <summary>How often the answer was not known.</summary>
    public int Unknowns { get; private set; }

    /// <summary>A value that meets those of <paramref name="demands"/> whose bit in <paramref name="truths"/> is set, and none of the others.</summary>
    public Completion Value(IReadOnlyList<Demand> demands, ulong truths) => Asked(() => FindValue(demands, truths));

    /// <summary>A value of one kind that makes <paramref name="formula"/> true.</summary>
    public Completion OfKind(Formula formula, ValueKind kind) => Asked(() => FindKind(formula, kind));

    /// <summary>More members for an object, without a comma before the first.</summary>
    public Completion Members(Formula formula, Bits seen, ObjectKeys keys) => Asked(() => FindMembers(formula, seen, keys, 0));

    /// <summary>Whether an object can be completed. Cheaper than asking how.</summary>
    public bool CanComplete(Formula formula, Bits seen, ObjectKeys keys) => IsEasy(formula, keys) || Members(formula, seen, keys).IsPossible;

    /// <summary>More members for a list, without a comma before the first.</summary>
    public Completion Items(Formula formula) => Asked(() => FindItems(formula));

    /// <summary>
    /// Whether each required member can have a value and nothing else stands in the way: then the object can be completed whatever has
    /// come. False means only that one has to look closer.
    /// </summary>
    private bool IsEasy(Formula formula, ObjectKeys keys)
    {
        switch (formula)
        {
            case ConstantFormula constant: return constant.Value;
            case OrFormula or: return Array.Exists(or.Parts, part => IsEasy(part, keys));
            case ObjectFormula members:
                var count = members.Missing.Count;
                if (members.Spec.Counts && (members.Count + count < members.Spec.Least || members.Count + count > members.Spec.Most)) return false;
                return count == 0 || AllRequiredArePossible(members.Spec, keys);
            default: return false;
        }
    }

    private bool AllRequiredArePossible(ObjectSpec spec, ObjectKeys keys)
    {
        if (spec.RequiredArePossible is { } known) return known;
        var result = Array.TrueForAll(spec.Required, name => CanHold(spec, keys.Of(name).Class));
        if (_depth == 0) spec.RequiredArePossible = result;
        return result;
    }

    /// <summary>Whether some value can stand under a name as far as <paramref name="spec"/> is concerned.</summary>
    public bool CanHold(ObjectSpec spec, KeyClass key)
    {
        if (spec.Holds.TryGetValue(key.Id, out var known)) return known;
        var step = new MemberStep(compiler, key);
        var holds = step.Apply(compiler.Formulas.Object(spec, Bits.Below(spec.Required.Length), 0)) != compiler.Formulas.False
            && Value(step.Demands, (1UL << step.Demands.Count) - 1).IsPossible;
        // Inside a search the answer may rest on what is still open.
        if (_depth == 0) spec.Holds[key.Id] = holds;
        return holds;
    }

    private Completion Asked(Func<Completion> ask)
    {
        if (_depth == 0)
        {
            _budget = compiler.Options.SatisfiabilityBudget;
            _isTainted = false;
        }
        return ask();
    }

    private Completion OutOfBudget()
    {
        Unknowns++;
        return Completion.Unknown;
    }

    private Completion FindValue(IReadOnlyList<Demand> demands, ulong truths)
    {
        if (demands.Count != 1 || truths != 1) return SearchValue(demands, truths);
        if (demands[0].Found is { } found) return found;
        var result = SearchValue(demands, truths);
        if (_values.ContainsKey($"{demands[0].Id}.1")) demands[0].Found = result;
        return result;
    }

    private Completion SearchValue(IReadOnlyList<Demand> demands, ulong truths)
    {
        var key = demands.Count == 1 ? $"{demands[0].Id}.{truths}" : $"{string.Join(',', demands.Select(demand => demand.Id))}.{truths}";
        if (_values.TryGetValue(key, out var known)) return known;
        if (_depth > DeepestValue) return OutOfBudget();
        if (!_open.Add(key)) return Loop();
        var outer = Enter();
        var best = Completion.Impossible;
        foreach (var kind in Kinds)
        {
            var formula = compiler.Formulas.And(Enumerable.Range(0, demands.Count).Select(i => ((truths >> i) & 1) != 0
                ? demands[i].ForKind(kind, compiler)
                : compiler.Formulas.Not(demands[i].ForKind(kind, compiler))));
            var found = FindKind(formula, kind);
            if (!found.IsPossible) continue;
            if (found.Text is null) best = best.Text is null ? found : best;
            else if (best.Text is null || found.Text.Length < best.Text.Length) best = found;
            // Scalars come first and are short: no need to look at lists and objects.
            if (best.Text is { Length: <= 8 }) break;
        }
        Leave(outer, best, () => _values[key] = best);
        _open.Remove(key);
        return best;
    }

    private Completion FindKind(Formula formula, ValueKind kind)
    {
        if (formula == compiler.Formulas.False) return Completion.Impossible;
        switch (kind)
        {
            case ValueKind.Null: return Constant(formula, "null");
            case ValueKind.False: return Constant(formula, "false");
            case ValueKind.True: return Constant(formula, "true");
            case ValueKind.Number: return Number(formula);
            case ValueKind.String: return String(formula);
            case ValueKind.Object:
                var members = FindMembers(formula, default, compiler.KeysOf([formula]), 0);
                return members.Text is null ? members : new Completion(true, $"{{{members.Text}}}");
            default:
                var items = FindItems(formula);
                return items.Text is null ? items : new Completion(true, $"[{items.Text}]");
        }
    }

    private Completion Constant(Formula formula, string text) => formula == compiler.Formulas.True ? new Completion(true, text) : Completion.Impossible;

    private Completion Number(Formula formula)
    {
        if (formula == compiler.Formulas.True) return new Completion(true, "0");
        if (_numbers.TryGetValue(formula.Id, out var known)) return known;
        var text = NumberReach.Find("", NumberPhase.Minus, Slot.SpecsOf([formula]), value => Slot.NumberHolds(formula, value));
        return _numbers[formula.Id] = new Completion(text is not null, text);
    }

    private Completion String(Formula formula)
    {
        if (!_strings.TryGetValue(formula.Id, out var goal)) _strings[formula.Id] = goal = new StringGoal(compiler, [formula], truths => truths == 1);
        if (!goal.CanReach(goal.Classifier.Start, 0)) return Completion.Impossible;
        var text = goal.Shortest(goal.Classifier.Start, 0);
        return text is null ? OutOfBudget() : new Completion(true, CanonicalJson.Quoted(text));
    }

    private Completion FindMembers(Formula formula, Bits seen, ObjectKeys keys, int from)
    {
        if (FormulaTruth.AtEnd(formula)) return new Completion(true, "");
        if (formula == compiler.Formulas.False) return Completion.Impossible;
        // Where only required members count, which optional ones have come makes no difference.
        if (IsPlain(formula)) (seen, from) = (default, 0);
        var key = (formula.Id, seen, keys.Id, from);
        if (_objects.TryGetValue(key, out var known)) return known;
        if (!_open.Add(key)) return Loop();
        var outer = Enter();
        var result = SearchMembers(formula, seen, keys, from);
        Leave(outer, result, () => _objects[key] = result);
        _open.Remove(key);
        return result;
    }

    private Completion SearchMembers(Formula formula, Bits seen, ObjectKeys keys, int from)
    {
        // A member that every completion needs may come first: the order of members does not matter.
        var needed = NamesNeeded(formula).FirstOrDefault();
        var choices = needed is not null ? [keys.Of(needed)] : keys.Candidates(from);
        var isUnknown = false;
        foreach (var choice in choices)
        {
            if (choice.Class.Name is not null && seen.Has(choice.Index)) continue;
            if (--_budget < 0) return OutOfBudget();
            var step = new MemberStep(compiler, choice.Class);
            var after = step.Apply(formula);
            if (after == compiler.Formulas.False) continue;
            foreach (var truths in TruthsOf(step.Demands.Count))
            {
                var next = FormulaTruth.AfterValue(compiler.Formulas, after, truths, null);
                // A member that changes nothing brings the end no nearer.
                if (next == compiler.Formulas.False || next == formula) continue;
                var value = FindValue(step.Demands, truths);
                if (!value.IsPossible) continue;
                var nowSeen = choice.Class.Name is null ? seen : seen.With(choice.Index);
                var rest = FindMembers(next, nowSeen, keys, needed is not null ? from : choice.Order);
                if (!rest.IsPossible) continue;
                if (value.Text is null || rest.Text is null)
                {
                    isUnknown = true;
                    continue;
                }
                var member = $"{CanonicalJson.Quoted(choice.Text)}:{value.Text}";
                return new Completion(true, rest.Text.Length == 0 ? member : $"{member},{rest.Text}");
            }
            if (step.Demands.Count > MostTruths) isUnknown = true;
        }
        return isUnknown ? Completion.Unknown : Completion.Impossible;
    }

    private Completion FindItems(Formula formula)
    {
        if (FormulaTruth.AtEnd(formula)) return new Completion(true, "");
        if (formula == compiler.Formulas.False) return Completion.Impossible;
        if (_arrays.TryGetValue(formula.Id, out var known)) return known;
        var key = ("items", formula.Id);
        if (!_open.Add(key)) return Loop();
        var outer = Enter();
        var result = SearchItems(formula);
        Leave(outer, result, () => _arrays[formula.Id] = result);
        _open.Remove(key);
        return result;
    }

    private Completion SearchItems(Formula formula)
    {
        if (--_budget < 0 || _depth > 8 * DeepestValue) return OutOfBudget();
        var step = new MemberStep(compiler, null);
        var after = step.Apply(formula);
        if (after == compiler.Formulas.False) return Completion.Impossible;
        var isUnknown = step.Demands.Count > MostTruths;
        foreach (var truths in TruthsOf(step.Demands.Count))
        {
            if (FormulaTruth.AfterValue(compiler.Formulas, after, truths, null) == compiler.Formulas.False) continue;
            var value = FindValue(step.Demands, truths);
            if (!value.IsPossible) continue;
            if (value.Text is null)
            {
                isUnknown = true;
                continue;
            }
            var canonical = after.KeepsValue ? CanonicalJson.Of(SchemaRegistry.ParseJson(value.Text, "value")) : null;
            var rest = FindItems(FormulaTruth.AfterValue(compiler.Formulas, after, truths, canonical));
            if (rest.Text is not null) return new Completion(true, rest.Text.Length == 0 ? value.Text : $"{value.Text},{rest.Text}");
            isUnknown |= rest.IsPossible;
        }
        return isUnknown ? Completion.Unknown : Completion.Impossible;
    }

    private static bool IsPlain(Formula formula) => formula switch
    {
        ObjectFormula { Spec.Counts: false } => true,
        AndFormula and => Array.TrueForAll(and.Parts, part => part is ObjectFormula { Spec.Counts: false }),
        _ => false,
    };

    /// <summary>Names without which the formula cannot become true, as far as they are known.</summary>
    private static IEnumerable<string> NamesNeeded(Formula formula) => formula switch
    {
        ObjectFormula members => members.Spec.Required.Where((_, index) => members.Missing.Has(index)),
        AndFormula and => and.Parts.SelectMany(NamesNeeded),
        // Alternatives are often told apart by a member that all of them require.
        OrFormula or => NamesNeeded(or.Parts[0]).Where(name => Needs(or, name)),
        OneFormula one => NamesNeeded(one.Parts[0]).Where(name => Needs(one, name)),
        _ => [],
    };

    private static bool Needs(Formula formula, string name) => formula switch
    {
        ObjectFormula members => Array.IndexOf(members.Spec.Required, name) is >= 0 and var index && members.Missing.Has(index),
        AndFormula and => Array.Exists(and.Parts, part => Needs(part, name)),
        OrFormula or => Array.TrueForAll(or.Parts, part => Needs(part, name)),
        OneFormula one => Array.TrueForAll(one.Parts, part => Needs(part, name)),
        _ => false,
    };

    /// <summary>All assignments of <paramref name="count"/> demands, those with most demands met first; only some where there are many.</summary>
    private static IEnumerable<ulong> TruthsOf(int count)
    {
        var all = count >= 64 ? ulong.MaxValue : (1UL << count) - 1;
        if (count <= MostTruths)
        {
            for (var truths = (long)all; truths >= 0; truths--) yield return (ulong)truths;
            yield break;
        }
        yield return all;
        for (var i = 0; i < count; i++) yield return all & ~(1UL << i);
        for (var i = 0; i < count; i++) yield return 1UL << i;
        yield return 0;
    }

    private Completion Loop()
    {
        // A completion through itself would never end. That it was looked for here must not be remembered as the answer elsewhere.
        _isTainted = true;
        return Completion.Impossible;
    }

    private bool Enter()
    {
        var outer = _isTainted;
        _isTainted = false;
        _depth++;
        return outer;
    }

    private void Leave(bool outer, Completion result, Action remember)
    {
        _depth--;
        if (result.Text is not null || !_isTainted || _depth == 0) remember();
        _isTainted = _depth > 0 && (outer || (_isTainted && result.Text is null));
    }
}
