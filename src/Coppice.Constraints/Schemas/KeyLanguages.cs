using Coppice.Constraints.Languages;

namespace Coppice.Constraints.Schemas;

/// <summary>The names and languages that the formulas of an object tell names apart by.</summary>
internal sealed class KeyLanguages(SchemaCompiler compiler)
{
    private readonly HashSet<int> _done = [];

    public HashSet<string> Names { get; } = new(StringComparer.Ordinal);

    public HashSet<TextLanguage> Languages { get; } = [];

    /// <summary>The texts with as many code points as <paramref name="length"/> allows.</summary>
    public static TextLanguage OfLength(SchemaCompiler compiler, LengthFormula length)
    {
        var algebra = compiler.Automata.Algebra;
        return compiler.Automata.Language(algebra.Repeat(algebra.AnyCharacter, length.Least, length.Most));
    }

    /// <summary>Adds those of <paramref name="formula"/>.</summary>
    public void Add(Formula formula)
    {
        if (!_done.Add(formula.Id)) return;
        switch (formula)
        {
            case CompositeFormula composite:
                foreach (var part in composite.Parts) Add(part);
                break;
            case ObjectFormula members:
                AddSpec(members.Spec);
                break;
            case UnevaluatedFormula unevaluated:
                foreach (var (when, looks) in unevaluated.Others)
                {
                    Add(when);
                    if (looks.Object is { } spec) AddSpec(spec);
                }
                break;
            case TextFormula text:
                Languages.Add(text.Language);
                break;
            case LiteralsFormula literals:
                Names.UnionWith(literals.Set.Texts);
                break;
            case LengthFormula length:
                Languages.Add(OfLength(compiler, length));
                break;
        }
    }

    private void AddSpec(ObjectSpec spec)
    {
        Names.UnionWith(spec.Properties.Keys);
        Names.UnionWith(spec.Required);
        foreach (var (language, _) in spec.Patterns) Languages.Add(language);
        if (spec.Names is not null) Add(compiler.ForKind(spec.Names, ValueKind.String));
    }
}
