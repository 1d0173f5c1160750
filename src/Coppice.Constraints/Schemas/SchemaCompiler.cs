using System.Text.Json;
using Coppice.Constraints.Languages;

namespace Coppice.Constraints.Schemas;

/// <summary>
/// Reads a schema into nodes, and says of each node what it means for a value of each kind. All of the schema that can be reached is read
/// at once, so that what cannot be enforced is known; formulas are made when they are first asked for.
/// </summary>
internal sealed class SchemaCompiler
{
    private const int MostNodes = 100_000;

    private readonly Dictionary<(string Pointer, string Scope), SchemaNode> _nodes = [];
    private readonly Dictionary<(int, ValueKind), Formula> _values = [];
    private readonly HashSet<(int, ValueKind)> _open = [];
    private readonly Queue<Action> _unread = new();
    private readonly List<UnenforcedKeyword> _notEnforced = [];
    private readonly Dictionary<string, ObjectKeys> _keysByFormulas = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ObjectKeys> _keys = new(StringComparer.Ordinal);
    private readonly Dictionary<string, KeyClass> _keyClasses = new(StringComparer.Ordinal);
    private readonly List<KeyClass> _keyClassList = [];
    private readonly Dictionary<string, ObjectSpec> _requires = new(StringComparer.Ordinal);
    private readonly Dictionary<string, object> _specs = new(StringComparer.Ordinal);
    private readonly Dictionary<string, StringLexer> _lexers = new(StringComparer.Ordinal);
    private SchemaNode? _nothing;
    private int _ids;
    private bool _isLocked;

    public SchemaCompiler(SchemaOptions options)
    {
        Options = options;
        Registry = new SchemaRegistry(options.Documents);
    }

    public SchemaOptions Options { get; }

    public SchemaRegistry Registry { get; }

    public TextAutomata Automata { get; } = new();

    public FormulaSpace Formulas { get; } = new();

    public DemandSpace Demands { get; } = new();

    public IReadOnlyList<UnenforcedKeyword> NotEnforced => _notEnforced;

    /// <summary>Reads a whole schema.</summary>
    /// <exception cref="ConstraintException">It is no schema, refers to what is not there, or asks for what cannot be enforced and the
    /// options are strict.</exception>
    public (Demand Root, SchemaDialect Dialect) Compile(JsonElement schema)
    {
        var place = Registry.Add(schema, new Uri("schema://coppice/root"), Options.DefaultDialect);
        var root = Node(place, DynamicScope.Empty);
        while (_unread.TryDequeue(out var read)) read();
        _isLocked = true;
        new InPlaceCycles().Check(_nodes.Values);
        return (Demands.Of([root]), place.Resource.Dialect);
    }

    /// <summary>The node of a schema; it is read later, so that schemas may refer to themselves.</summary>
    public SchemaNode Node(SchemaPlace place, DynamicScope scope)
    {
        place = Registry.Enter(place);
        if (Registry.HasDynamicAnchors) scope = scope.Within(place.Resource);
        if (_nodes.TryGetValue((place.Pointer, scope.Key), out var known)) return known;
        if (_nodes.Count >= MostNodes) throw new ConstraintException($"schema: must hold at most {MostNodes:N0} schemas, found more.");
        if (_isLocked) throw new InvalidOperationException("a schema was found after reading was over");
        var node = new SchemaNode(_ids++, place.Pointer);
        _nodes[(place.Pointer, scope.Key)] = node;
        _unread.Enqueue(() => new KeywordReader(this, place, scope, node).Read());
        return node;
    }

    /// <summary>A schema that no value fits, in a form that is asked like others.</summary>
    public SchemaNode Nothing => _nothing ??= new SchemaNode(_ids++, "nothing") { Kinds = 0 };

    /// <summary>A node that no schema writes.</summary>
    public SchemaNode Synthetic(string pointer) => new(_ids++, pointer);

    /// <summary>A number for a new part of a node.</summary>
    public int NextId() => _ids++;

    /// <summary>Notes that a keyword has no effect; refuses the schema where it must have one and the options are strict.</summary>
    public void Skip(SchemaPlace place, string keyword, string reason, bool isAssertion)
    {
        var pointer = place.Pointer[(place.Pointer.IndexOf('#', StringComparison.Ordinal) + 1)..];
        if (isAssertion && !Options.Lenient)
            throw new ConstraintException(
                $"schema at \"{pointer}\": {keyword} cannot be enforced: {reason} (lenient options leave it out)");
        _notEnforced.Add(new UnenforcedKeyword(pointer, keyword, reason));
    }

    /// <summary>What <paramref name="node"/> says of values of <paramref name="kind"/>.</summary>
    public Formula ForKind(SchemaNode node, ValueKind kind)
    {
        if (node.Formulas[(int)kind] is { } known) return known;
        if (!_open.Add((node.Id, kind)))
            throw new ConstraintException(
                $"schema at \"{node.Pointer}\": must not refer to itself for the same value, found that it does.");
        try
        {
            return node.Formulas[(int)kind] = Make(node, kind);
        }
        finally
        {
            _open.Remove((node.Id, kind));
        }
    }

    /// <summary>That a value of <paramref name="kind"/> is one of <paramref name="values"/>.</summary>
    public Formula OneOfValues(ValueSet values, ValueKind kind)
    {
        if (!_values.TryGetValue((values.Id, kind), out var formula)) _values[(values.Id, kind)] = formula = MakeValues(values, kind);
        return formula;
    }

    /// <summary>How objects with these formulas tell names apart.</summary>
    public ObjectKeys KeysOf(IReadOnlyList<Formula> formulas)
    {
        var ids = formulas.Count == 1 ? formulas[0].Id.ToString(System.Globalization.CultureInfo.InvariantCulture)
            : string.Join(',', formulas.Select(formula => formula.Id));
        if (_keysByFormulas.TryGetValue(ids, out var known)) return known;
        var found = new KeyLanguages(this);
        foreach (var formula in formulas) found.Add(formula);
        var languages = found.Languages.OrderBy(language => language.Id).ToArray();
        var names = found.Names.Order(StringComparer.Ordinal).ToArray();
        var key = $"{string.Join(',', languages.Select(language => language.Id))}|{string.Join('\n', names)}";
        if (!_keys.TryGetValue(key, out var keys)) _keys[key] = keys = new ObjectKeys(this, _keys.Count, languages, names);
        return _keysByFormulas[ids] = keys;
    }

    /// <summary>
    /// The lexer of strings that are told apart by these languages and literals; shared by all that tell them apart in the same way.
    /// </summary>
    public StringLexer LexerOf(IReadOnlyCollection<TextLanguage> languages, IReadOnlyCollection<LiteralSet> literals)
    {
        // A set inside another one, as values that must not come again are, needs no names of its own.
        var sets = literals.OrderByDescending(set => set.Texts.Count).ToList();
        if (sets.Count > 1) sets.RemoveAll(set => set != sets[0] && set.Texts.All(sets[0].Contains));
        var key = $"{string.Join(',', languages.Select(language => language.Id).Order())}|{string.Join(',', sets.Select(set => Formulas.Literals(set).Id).Order())}";
        if (!_lexers.TryGetValue(key, out var lexer))
            _lexers[key] = lexer = new StringLexer(new TextClassifier(languages.OrderBy(language => language.Id),
                sets.SelectMany(set => set.Texts)));
        return lexer;
    }

    /// <summary>The class of names that are <paramref name="name"/>, where it is one, and in exactly these languages.</summary>
    public KeyClass KeyClassOf(string? name, HashSet<int> languages)
    {
        var key = $"{string.Join(',', languages.Order())}|{name}";
        if (_keyClasses.TryGetValue(key, out var found)) return found;
        _keyClassList.Add(found = _keyClasses[key] = new KeyClass(_keyClasses.Count, name, languages));
        return found;
    }

    /// <summary>The class of names with this number.</summary>
    public KeyClass KeyClassOf(int id) => _keyClassList[id];

    private Formula Make(SchemaNode node, ValueKind kind)
    {
        if (node.Boolean is { } value) return Formulas.Of(value);
        if (((node.Kinds >> (int)kind) & 1) == 0) return Formulas.False;
        var parts = new List<Formula>();
        if (node.Values is not null) parts.Add(OneOfValues(node.Values, kind));
        switch (kind)
        {
            case ValueKind.Number when node.Number is not null:
                parts.Add(Formulas.Number(node.Number));
                break;
            case ValueKind.String:
                parts.AddRange(node.Texts.Select(Formulas.Text));
                parts.Add(Formulas.Length(node.LeastLength, node.MostLength));
                break;
            case ValueKind.Object:
                AddObject(node, parts);
                break;
            case ValueKind.Array:
                AddArray(node, parts);
                break;
        }
        parts.AddRange(node.All.Select(part => ForKind(part, kind)));
        parts.AddRange(node.Any.Select(group => Formulas.Or(group.Select(part => ForKind(part, kind)))));
        parts.AddRange(node.One.Select(group => Formulas.One(group.Select(part => ForKind(part, kind)))));
        if (node.Not is not null) parts.Add(Formulas.Not(ForKind(node.Not, kind)));
        if (node.If is not null)
        {
            var condition = ForKind(node.If, kind);
            if (node.Then is not null) parts.Add(Formulas.Or(Formulas.Not(condition), ForKind(node.Then, kind)));
            if (node.Else is not null) parts.Add(Formulas.Or(condition, ForKind(node.Else, kind)));
        }
        return Formulas.And(parts);
    }

    private void AddObject(SchemaNode node, List<Formula> parts)
    {
        if (node.Object is { } spec) parts.Add(Formulas.Object(spec, Bits.Below(spec.Required.Length), 0));
        foreach (var (name, required, schema) in node.Dependent)
        {
            var then = schema is null ? Requires([.. required]) : ForKind(schema, ValueKind.Object);
            parts.Add(Formulas.Or(Formulas.Not(Requires([name])), then));
        }
        if (node.UnevaluatedProperties is { IsTrue: false } rest)
            parts.Add(Formulas.Unevaluated(rest, items: false, 0, [.. new Evaluators(this, ValueKind.Object).Of(node)]));
    }

    private void AddArray(SchemaNode node, List<Formula> parts)
    {
        if (node.Array is { } spec) parts.Add(Formulas.Array(spec, 0));
        if (node.Contains is { } contains) parts.Add(Formulas.Contains(contains, 0));
        if (node.UniqueItems) parts.Add(Formulas.Unique(null, waits: false));
        if (node.UnevaluatedItems is { IsTrue: false } rest)
            parts.Add(Formulas.Unevaluated(rest, items: true, 0, [.. new Evaluators(this, ValueKind.Array).Of(node)]));
    }

    /// <summary>That all these members are there.</summary>
    public Formula Requires(string[] names)
    {
        var key = string.Join('\n', names);
        if (!_requires.TryGetValue(key, out var spec)) _requires[key] = spec = new ObjectSpec(_ids++) { Required = names };
        return Formulas.Object(spec, Bits.Below(names.Length), 0);
    }

    private Formula MakeValues(ValueSet values, ValueKind kind)
    {
        var ofKind = values.Values.Where(value => KindOf(value) == kind).ToArray();
        if (ofKind.Length == 0) return Formulas.False;
        return kind switch
        {
            ValueKind.Number =>
                Formulas.Number(new NumberSpec { Values = new NumberSet(ofKind.Select(value => JsonNumber.Parse(value.GetRawText()))) }),
            ValueKind.String => Formulas.Literals(new LiteralSet(ofKind.Select(value => value.GetString()!))),
            ValueKind.Object =>
                Formulas.Or(ofKind.Select(value => Formulas.Object(SpecOf(value), Bits.Below(value.EnumerateObject().Count()), 0))),
            ValueKind.Array => Formulas.Or(ofKind.Select(value => Formulas.Array(ListOf(value), 0))),
            _ => Formulas.True,
        };
    }

    private ObjectSpec SpecOf(JsonElement value)
    {
        var key = CanonicalJson.Of(value);
        if (_specs.TryGetValue(key, out var known)) return (ObjectSpec)known;
        var members = ParseMembers(key);
        var spec = new ObjectSpec(_ids++)
        {
            Additional = new SchemaNode(_ids++, "value") { Boolean = false },
            Required = [.. members.Keys],
        };
        foreach (var (name, member) in members) spec.Properties[name] = Constant(member);
        _specs[key] = spec;
        return spec;
    }

    private ArraySpec ListOf(JsonElement value)
    {
        var key = CanonicalJson.Of(value);
        if (_specs.TryGetValue(key, out var known)) return (ArraySpec)known;
        var members = value.EnumerateArray().Select(Constant).ToArray();
        var spec = new ArraySpec(_ids++) { First = members, Least = members.Length, Most = members.Length };
        _specs[key] = spec;
        return spec;
    }

    private static Dictionary<string, JsonElement> ParseMembers(string canonical) =>
        SchemaRegistry.ParseJson(canonical, "value").EnumerateObject()
            .ToDictionary(member => member.Name, member => member.Value, StringComparer.Ordinal);

    private SchemaNode Constant(JsonElement value) => new(_ids++, "value") { Values = Formulas.Values([CanonicalJson.Of(value)]) };

    private static ValueKind KindOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => ValueKind.Null,
        JsonValueKind.False => ValueKind.False,
        JsonValueKind.True => ValueKind.True,
        JsonValueKind.Number => ValueKind.Number,
        JsonValueKind.String => ValueKind.String,
        JsonValueKind.Object => ValueKind.Object,
        _ => ValueKind.Array,
    };
}
