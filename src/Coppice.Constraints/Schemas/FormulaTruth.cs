namespace Coppice.Constraints.Schemas;

/// <summary>What becomes of formulas when something is known.</summary>
internal static class FormulaTruth
{
    /// <summary>Whether <paramref name="formula"/> is true where <paramref name="leaf"/> says which of its statements are.</summary>
    public static bool Evaluate(Formula formula, Func<Formula, bool> leaf)
    {
        switch (formula)
        {
            case ConstantFormula constant: return constant.Value;
            case AndFormula and:
                foreach (var part in and.Parts)
                    if (!Evaluate(part, leaf)) return false;
                return true;
            case OrFormula or:
                foreach (var part in or.Parts)
                    if (Evaluate(part, leaf)) return true;
                return false;
            case OneFormula one:
                var count = 0;
                foreach (var part in one.Parts)
                    if (Evaluate(part, leaf) && ++count > 1) return false;
                return count == 1;
            case NotFormula not: return !Evaluate(not.Parts[0], leaf);
            default: return leaf(formula);
        }
    }

    /// <summary>Whether <paramref name="formula"/> is true of an object or a list that ends now.</summary>
    public static bool AtEnd(Formula formula) => Evaluate(formula, leaf => leaf switch
    {
        ObjectFormula members => members.Missing.IsEmpty && members.Count >= members.Spec.Least,
        ArrayFormula list => list.Index >= list.Spec.Least,
        ContainsFormula contains => contains.Count >= contains.Spec.Least,
        _ => true,
    });

    /// <summary>
    /// The formula after a member's value: bit i of <paramref name="truths"/> says whether its demand i is met.
    /// <paramref name="value"/> is its canonical text, or null where it is not known: then it is taken to differ from all others.
    /// </summary>
    public static Formula AfterValue(FormulaSpace formulas, Formula formula, ulong truths, string? value)
    {
        if (!formula.IsPending) return formula;
        Formula Next(Formula part) => AfterValue(formulas, part, truths, value);
        return formula switch
        {
            AndFormula and => formulas.And(and.Parts.Select(Next)),
            OrFormula or => formulas.Or(or.Parts.Select(Next)),
            OneFormula one => formulas.One(one.Parts.Select(Next)),
            NotFormula not => formulas.Not(Next(not.Parts[0])),
            PendingFormula pending => formulas.Of(((truths >> pending.Index) & 1) != 0),
            UniqueFormula unique => formulas.Unique(value is null ? unique.Seen : formulas.Values([.. unique.Seen?.Texts ?? [], value]), waits: false),
            UnevaluatedFormula rest => formulas.Unevaluated(rest.Schema, rest.Items, rest.Index, Array.ConvertAll(rest.Others, other => (Next(other.When), other.Looks))),
            _ => formula,
        };
    }

    /// <summary>
    /// What must hold of a member's value for <paramref name="formula"/> to become true: <paramref name="formulas"/> stand in the places of
    /// its pending demands, and of all else, which later members decide, the best is hoped for.
    /// </summary>
    public static Formula Necessary(FormulaSpace space, Formula formula, Formula[] formulas) => formula switch
    {
        ConstantFormula => formula,
        AndFormula and => space.And(and.Parts.Select(part => Necessary(space, part, formulas))),
        OrFormula or => space.Or(or.Parts.Select(part => Necessary(space, part, formulas))),
        // Of several at least one.
        OneFormula one => space.Or(one.Parts.Select(part => Necessary(space, part, formulas))),
        NotFormula not => space.Not(Sufficient(space, not.Parts[0], formulas)),
        PendingFormula pending => formulas[pending.Index],
        _ => space.True,
    };

    /// <summary>What makes <paramref name="formula"/> true whatever comes later.</summary>
    private static Formula Sufficient(FormulaSpace space, Formula formula, Formula[] formulas) => formula switch
    {
        ConstantFormula => formula,
        AndFormula and => space.And(and.Parts.Select(part => Sufficient(space, part, formulas))),
        OrFormula or => space.Or(or.Parts.Select(part => Sufficient(space, part, formulas))),
        NotFormula not => space.Not(Necessary(space, not.Parts[0], formulas)),
        PendingFormula pending => formulas[pending.Index],
        _ => space.False,
    };
}
