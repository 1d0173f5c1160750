using Coppice.Constraints.Languages;

namespace Coppice.Constraints.Schemas;

/// <summary>What a value must be before its first byte is known: all of some schemas, and none of some values.</summary>
internal sealed class Demand(int id, SchemaNode[] nodes, ValueSet? excluded)
{
    private readonly Formula?[] _formulas = new Formula?[7];

    public int Id { get; } = id;
    public SchemaNode[] Nodes { get; } = nodes;
    public ValueSet? Excluded { get; } = excluded;

    /// <summary>A value that meets it, once one has been looked for.</summary>
    public Completion? Found { get; set; }

    /// <summary>What it says of values of <paramref name="kind"/>.</summary>
    public Formula ForKind(ValueKind kind, SchemaCompiler compiler) => _formulas[(int)kind] ??= Make(kind, compiler);

    private Formula Make(ValueKind kind, SchemaCompiler compiler)
    {
        var formulas = compiler.Formulas;
        var parts = Nodes.Select(node => compiler.ForKind(node, kind)).ToList();
        if (Excluded is not null) parts.Add(formulas.Not(compiler.OneOfValues(Excluded, kind)));
        return formulas.And(parts);
    }
}

/// <summary>The demands of one grammar; equal ones are one object.</summary>
internal sealed class DemandSpace
{
    private readonly Dictionary<string, Demand> _demands = [];

    public DemandSpace()
    {
        True = new Demand(0, [], null);
        False = new Demand(1, [], null);
    }

    /// <summary>Asks for nothing.</summary>
    public Demand True { get; }

    /// <summary>Cannot be met.</summary>
    public Demand False { get; }

    /// <summary>All of <paramref name="nodes"/> and none of <paramref name="excluded"/>.</summary>
    public Demand Of(IEnumerable<SchemaNode> nodes, ValueSet? excluded = null)
    {
        var sorted = nodes.Where(node => !node.IsTrue).DistinctBy(node => node.Id).OrderBy(node => node.Id).ToArray();
        if (sorted.Any(node => node.Boolean == false)) return False;
        if (sorted.Length == 0 && excluded is null) return True;
        var key = $"{string.Join(',', sorted.Select(node => node.Id))}|{excluded?.Id}";
        if (!_demands.TryGetValue(key, out var demand)) _demands[key] = demand = new Demand(_demands.Count + 2, sorted, excluded);
        return demand;
    }
}

/// <summary>All that the schemas of one object can tell of a member's name: names of one class are alike.</summary>
internal sealed class KeyClass(int id, string? name, HashSet<int> languages)
{
    public int Id { get; } = id;

    /// <summary>The name where it is a declared one, else null.</summary>
    public string? Name { get; } = name;

    /// <summary>Whether the name is in <paramref name="language"/>.</summary>
    public bool Matches(TextLanguage language) => languages.Contains(language.Id);
}
