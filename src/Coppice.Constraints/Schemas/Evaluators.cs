namespace Coppice.Constraints.Schemas;

/// <summary>Which schemas look at members of the same value, and under which condition that counts for "unevaluated...".</summary>
internal sealed class Evaluators(SchemaCompiler compiler, ValueKind kind)
{
    private readonly List<(Formula When, SchemaNode Looks)> _found = [];

    /// <summary>All for the unevaluated keyword of <paramref name="node"/>; that keyword itself is not among them.</summary>
    public IEnumerable<(Formula When, SchemaNode Looks)> Of(SchemaNode node)
    {
        if (LooksAtSome(node, withUnevaluated: false)) _found.Add((compiler.Formulas.True, node));
        AddInner(node, compiler.Formulas.True);
        return _found.Distinct();
    }

    /// <summary>Whether <paramref name="node"/> itself looks at some member.</summary>
    private bool LooksAtSome(SchemaNode node, bool withUnevaluated) => kind == ValueKind.Object
        ? (node.Object is { } spec
            && (spec.Properties.Count > 0 || spec.Patterns.Count > 0 || spec.Additional is not null || node.LooksAtAdditional))
            || (withUnevaluated && node.UnevaluatedProperties is not null)
        : node.LooksAtFirst > 0 || node.Contains is not null || (withUnevaluated && node.UnevaluatedItems is not null);

    private void Add(SchemaNode node, Formula when)
    {
        if (when == compiler.Formulas.False) return;
        if (LooksAtSome(node, withUnevaluated: true)) _found.Add((when, node));
        AddInner(node, when);
    }

    private void AddInner(SchemaNode node, Formula when)
    {
        var formulas = compiler.Formulas;
        foreach (var part in node.All) Add(part, when);
        foreach (var group in node.Any.Concat(node.One))
            foreach (var part in group) Add(part, formulas.And(when, compiler.ForKind(part, kind)));
        foreach (var (name, _, schema) in node.Dependent)
            if (schema is not null && kind == ValueKind.Object) Add(schema, formulas.And(when, compiler.Requires([name])));
        if (node.If is null) return;
        var condition = compiler.ForKind(node.If, kind);
        Add(node.If, formulas.And(when, condition));
        if (node.Then is not null) Add(node.Then, formulas.And(when, condition));
        if (node.Else is not null) Add(node.Else, formulas.And(when, formulas.Not(condition)));
    }
}
