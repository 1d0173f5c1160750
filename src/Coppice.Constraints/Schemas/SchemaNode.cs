using System.Text.Json;
using Coppice.Constraints.Languages;

namespace Coppice.Constraints.Schemas;

/// <summary>What kind of value a JSON text is; true and false are kinds of their own.</summary>
internal enum ValueKind
{
    Null,
    False,
    True,
    Number,
    String,
    Object,
    Array,
}

/// <summary>One schema with its keywords read: what they say of each kind of value, and the schemas that they apply.</summary>
/// <remarks>References are followed when first needed, so that recursive schemas are finite.</remarks>
internal sealed class SchemaNode(int id, string pointer)
{
    /// <summary>Number in its grammar.</summary>
    public int Id { get; } = id;

    public string Pointer { get; } = pointer;

    /// <summary>The value of a boolean schema, or null.</summary>
    public bool? Boolean { get; set; }

    /// <summary>Bit i is set where a value of <see cref="ValueKind"/> i is of a type that "type" names.</summary>
    public int Kinds { get; set; } = 0x7F;

    /// <summary>The values of "enum" or "const", or null; both at once make two nodes.</summary>
    public ValueSet? Values { get; set; }

    public NumberSpec? Number { get; set; }

    /// <summary>Languages of "pattern" and "format".</summary>
    public List<TextLanguage> Texts { get; } = [];

    public int LeastLength { get; set; }
    public int MostLength { get; set; } = int.MaxValue;
    public ObjectSpec? Object { get; set; }
    public ArraySpec? Array { get; set; }
    public ContainsSpec? Contains { get; set; }
    public bool UniqueItems { get; set; }
    public SchemaNode? UnevaluatedProperties { get; set; }
    public SchemaNode? UnevaluatedItems { get; set; }

    /// <summary>Schemas that all apply: "allOf" and references.</summary>
    public List<SchemaNode> All { get; } = [];

    /// <summary>Each member is a group of which one must apply.</summary>
    public List<IReadOnlyList<SchemaNode>> Any { get; } = [];

    /// <summary>Each member is a group of which exactly one must apply.</summary>
    public List<IReadOnlyList<SchemaNode>> One { get; } = [];

    /// <summary>Whether "additionalProperties" is there, even if it refuses nothing: then no member is unevaluated.</summary>
    public bool LooksAtAdditional { get; set; }

    /// <summary>How many members of a list it looks at by their places; int.MaxValue for all.</summary>
    public int LooksAtFirst { get; set; }

    /// <summary>Whether a list's member that "contains" finds counts as looked at (2020-12).</summary>
    public bool ContainsLooks { get; set; }

    public SchemaNode? Not { get; set; }
    public SchemaNode? If { get; set; }
    public SchemaNode? Then { get; set; }
    public SchemaNode? Else { get; set; }

    /// <summary>For a member that is there: the members that must be there too, or the schema that applies too.</summary>
    public List<(string Name, IReadOnlyList<string> Required, SchemaNode? Schema)> Dependent { get; } = [];

    /// <summary>Whether every value fits.</summary>
    public bool IsTrue => Boolean == true || (Boolean is null && Kinds == 0x7F && Values is null && Number is null && Texts.Count == 0
        && LeastLength == 0 && MostLength == int.MaxValue && Object is null && Array is null && Contains is null && !UniqueItems
        && UnevaluatedProperties is null && UnevaluatedItems is null && All.Count == 0 && Any.Count == 0 && One.Count == 0
        && Not is null && If is null && Dependent.Count == 0);

    /// <summary>What the schema says of values of each kind, once it has been asked.</summary>
    public Formula?[] Formulas { get; } = new Formula?[7];

    /// <summary>The schemas that apply to the same value.</summary>
    public IEnumerable<SchemaNode> InPlace()
    {
        foreach (var node in All) yield return node;
        foreach (var group in Any) foreach (var node in group) yield return node;
        foreach (var group in One) foreach (var node in group) yield return node;
        foreach (var node in new[] { Not, If, Then, Else }) if (node is not null) yield return node;
        foreach (var (_, _, schema) in Dependent) if (schema is not null) yield return schema;
    }
}

/// <summary>What a schema says of an object's members, one by one.</summary>
internal sealed class ObjectSpec(int id)
{
    private readonly Dictionary<int, Demand> _demands = [];

    public int Id { get; } = id;
    public Dictionary<string, SchemaNode> Properties { get; } = new(StringComparer.Ordinal);
    public List<(TextLanguage Name, SchemaNode Schema)> Patterns { get; } = [];

    /// <summary>For members that neither of the two names; null where they may be anything.</summary>
    public SchemaNode? Additional { get; set; }

    public string[] Required { get; set; } = [];
    public int Least { get; set; }
    public int Most { get; set; } = int.MaxValue;

    /// <summary>What names must be, or null.</summary>
    public SchemaNode? Names { get; set; }

    /// <summary>For each class of names whether some value can stand under it, as far as is known.</summary>
    public Dictionary<int, bool> Holds { get; } = [];

    /// <summary>Whether every required member can have a value, once that is known.</summary>
    public bool? RequiredArePossible { get; set; }

    /// <summary>Whether members are counted.</summary>
    public bool Counts => Least > 0 || Most < int.MaxValue;

    /// <summary>Counts from here on are all alike.</summary>
    public int CountCap => Math.Max(Least, Most == int.MaxValue ? 0 : Most + 1);

    /// <summary>Whether no member is refused for its value or its name.</summary>
    public bool IsOpen => Properties.Count == 0 && Patterns.Count == 0 && Additional is null && Names is null;

    /// <summary>Whether "additionalProperties" does not apply to a name.</summary>
    public bool Knows(KeyClass key) =>
        (key.Name is { } name && Properties.ContainsKey(name)) || Patterns.Exists(pattern => key.Matches(pattern.Name));

    /// <summary>What a member with such a name must be.</summary>
    public Demand MemberDemand(KeyClass key, DemandSpace demands)
    {
        if (_demands.TryGetValue(key.Id, out var known)) return known;
        var nodes = new List<SchemaNode>();
        if (key.Name is { } name && Properties.TryGetValue(name, out var property)) nodes.Add(property);
        foreach (var (language, schema) in Patterns)
            if (key.Matches(language)) nodes.Add(schema);
        if (Additional is not null && !Knows(key)) nodes.Add(Additional);
        return _demands[key.Id] = demands.Of(nodes);
    }
}

/// <summary>What a schema says of a list's members, by their places.</summary>
internal sealed class ArraySpec(int id)
{
    public int Id { get; } = id;
    public SchemaNode[] First { get; set; } = [];

    /// <summary>For members after the first ones; null where they may be anything.</summary>
    public SchemaNode? Rest { get; set; }

    public int Least { get; set; }
    public int Most { get; set; } = int.MaxValue;

    /// <summary>Places from here on are all alike.</summary>
    public int Cap => Math.Max(Math.Max(First.Length, Least), Most == int.MaxValue ? 0 : Most + 1);
}

/// <summary>How many members of a list must fit a schema.</summary>
internal sealed class ContainsSpec(int id, SchemaNode schema, int least, int most)
{
    public int Id { get; } = id;
    public SchemaNode Schema { get; } = schema;
    public int Least { get; } = least;
    public int Most { get; } = most;
}

/// <summary>A set of JSON values, in the canonical form in which equal values have equal texts.</summary>
internal sealed class ValueSet(int id, string[] texts)
{
    public int Id { get; } = id;

    /// <summary>Canonical texts in order.</summary>
    public string[] Texts { get; } = texts;

    private JsonElement[]? _values;

    public IReadOnlyList<JsonElement> Values => _values ??= [.. Texts.Select(text => SchemaRegistry.ParseJson(text, "value"))];
}

/// <summary>A set of strings that is equal to another with the same members.</summary>
internal sealed class LiteralSet : IEquatable<LiteralSet>
{
    private readonly HashSet<string> _texts;
    private readonly int _hash;

    public LiteralSet(IEnumerable<string> texts)
    {
        _texts = new HashSet<string>(texts, StringComparer.Ordinal);
        foreach (var text in _texts) _hash ^= text.GetHashCode(StringComparison.Ordinal);
    }

    public IReadOnlyCollection<string> Texts => _texts;

    public bool Contains(string? text) => text is not null && _texts.Contains(text);

    public bool Equals(LiteralSet? other) => other is not null && _hash == other._hash && _texts.SetEquals(other._texts);

    public override bool Equals(object? obj) => Equals(obj as LiteralSet);

    public override int GetHashCode() => _hash;
}
