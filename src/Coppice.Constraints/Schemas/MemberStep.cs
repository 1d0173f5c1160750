namespace Coppice.Constraints.Schemas;

/// <summary>
/// Takes formulas past one member of an object or a list: what they ask of its value becomes demands, and in the formulas stands
/// "pending" for each. All formulas that one step is applied to share its demands.
/// </summary>
/// <param name="compiler">The grammar.</param>
/// <param name="key">The class of the member's name; null for a member of a list.</param>
internal sealed class MemberStep(SchemaCompiler compiler, KeyClass? key)
{
    /// <summary>More demands on one value than this are refused: whether each is met is one bit.</summary>
    public const int MostDemands = 64;

    private readonly Dictionary<int, Formula> _done = [];

    /// <summary>What is asked of the member's value.</summary>
    public List<Demand> Demands { get; } = [];

    private FormulaSpace Formulas => compiler.Formulas;

    /// <summary>The formula after the member.</summary>
    public Formula Apply(Formula formula)
    {
        if (formula is ConstantFormula) return formula;
        if (_done.TryGetValue(formula.Id, out var known)) return known;
        return _done[formula.Id] = formula switch
        {
            AndFormula and => Formulas.And(and.Parts.Select(Apply)),
            OrFormula or => Formulas.Or(or.Parts.Select(Apply)),
            OneFormula one => Formulas.One(one.Parts.Select(Apply)),
            NotFormula not => Formulas.Not(Apply(not.Parts[0])),
            ObjectFormula members => AfterMember(members),
            ArrayFormula list => AfterItem(list),
            ContainsFormula contains => AfterItem(contains),
            UniqueFormula unique => AfterItem(unique),
            UnevaluatedFormula unevaluated => AfterUnevaluated(unevaluated),
            _ => formula,
        };
    }

    private Formula AfterMember(ObjectFormula formula)
    {
        var spec = formula.Spec;
        if (spec.Names is not null && !NameHolds(compiler.ForKind(spec.Names, ValueKind.String), key!)) return Formulas.False;
        var asked = Ask(spec.MemberDemand(key!, compiler.Demands));
        if (asked == Formulas.False) return asked;
        var missing = formula.Missing;
        if (key!.Name is not null && !missing.IsEmpty && Array.IndexOf(spec.Required, key.Name) is var index and >= 0)
            missing = missing.Without(index);
        return Formulas.And(asked, Formulas.Object(spec, missing, formula.Count + 1));
    }

    private Formula AfterItem(ArrayFormula formula)
    {
        var spec = formula.Spec;
        var schema = formula.Index < spec.First.Length ? spec.First[formula.Index] : spec.Rest;
        return Formulas.And(schema is null ? Formulas.True : Ask(compiler.Demands.Of([schema])), Formulas.Array(spec, formula.Index + 1));
    }

    private Formula AfterItem(ContainsFormula formula)
    {
        var asked = Ask(compiler.Demands.Of([formula.Spec.Schema]));
        return Formulas.Or(
            Formulas.And(asked, Formulas.Contains(formula.Spec, formula.Count + 1)),
            Formulas.And(Formulas.Not(asked), formula));
    }

    private Formula AfterItem(UniqueFormula formula)
    {
        var asked = formula.Seen is null ? Formulas.True : Ask(compiler.Demands.Of([], formula.Seen));
        return Formulas.And(asked, Formulas.Unique(formula.Seen, waits: true));
    }

    private Formula AfterUnevaluated(UnevaluatedFormula formula)
    {
        var others = new (Formula When, SchemaNode Looks)[formula.Others.Length];
        var evaluated = new List<Formula>();
        for (var i = 0; i < others.Length; i++)
        {
            var (when, looks) = formula.Others[i];
            others[i] = (Apply(when), looks);
            if (Looks(looks, formula) is { } here) evaluated.Add(Formulas.And(others[i].When, here));
        }
        // Places of a list matter as far as some schema looks at its first members.
        var index = formula.Items ? Math.Min(formula.Index + 1,
            formula.Others.Max(other => (int?)(other.Looks.LooksAtFirst == int.MaxValue ? 0 : other.Looks.LooksAtFirst)) ?? 0) : 0;
        var next = Formulas.Unevaluated(formula.Schema, formula.Items, index, others);
        if (evaluated.Contains(Formulas.True)) return next;
        return Formulas.And(next, Formulas.Or(evaluated.Prepend(Ask(compiler.Demands.Of([formula.Schema])))));
    }

    /// <summary>Under which condition a schema looks at this member; null where it does not.</summary>
    private Formula? Looks(SchemaNode schema, UnevaluatedFormula formula)
    {
        // A schema's own "unevaluated..." looks only at what nothing else has looked at; that of a schema inside it comes first.
        var inner = formula.Items ? schema.UnevaluatedItems : schema.UnevaluatedProperties;
        if (inner is not null && inner != formula.Schema) return Formulas.True;
        if (key is not null) return schema.Object?.Knows(key) == true || schema.LooksAtAdditional ? Formulas.True : null;
        if (formula.Index < schema.LooksAtFirst) return Formulas.True;
        return schema is { ContainsLooks: true, Contains: { } contains } ? Ask(compiler.Demands.Of([contains.Schema])) : null;
    }

    private Formula Ask(Demand demand)
    {
        if (demand == compiler.Demands.True) return Formulas.True;
        if (demand == compiler.Demands.False) return Formulas.False;
        var index = Demands.IndexOf(demand);
        if (index < 0)
        {
            if (Demands.Count == MostDemands)
                throw new ConstraintException($"schema: must ask at most {MostDemands} different things of one value, found more.");
            index = Demands.Count;
            Demands.Add(demand);
        }
        return Formulas.Pending(index);
    }

    private bool NameHolds(Formula formula, KeyClass name) => formula switch
    {
        ConstantFormula constant => constant.Value,
        AndFormula and => Array.TrueForAll(and.Parts, part => NameHolds(part, name)),
        OrFormula or => Array.Exists(or.Parts, part => NameHolds(part, name)),
        OneFormula one => one.Parts.Count(part => NameHolds(part, name)) == 1,
        NotFormula not => !NameHolds(not.Parts[0], name),
        TextFormula text => name.Matches(text.Language),
        LiteralsFormula literals => literals.Set.Contains(name.Name),
        LengthFormula length => name.Matches(KeyLanguages.OfLength(compiler, length)),
        _ => true,
    };
}
