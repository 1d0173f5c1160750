namespace Coppice.Text.Templates;

/// <summary>Python's dict: keys by Python equality, in the order in which they came.</summary>
internal sealed class DictValue(ValueComparer comparer) : TemplateValue
{
    private static readonly object NoneKey = new();

    private readonly OrderedDictionary<object, object?> _entries = new(comparer);

    public override string TypeName => "dict";

    public override int? Length => _entries.Count;

    public override IEnumerable<object?> Elements => Keys;

    /// <summary>The keys in order.</summary>
    public IEnumerable<object?> Keys => _entries.Keys.Select(Unwrap);

    /// <summary>The values in order.</summary>
    public IEnumerable<object?> Values => _entries.Values;

    /// <summary>The (key, value) pairs in order.</summary>
    public IEnumerable<KeyValuePair<object?, object?>> Entries =>
        _entries.Select(entry => KeyValuePair.Create(Unwrap(entry.Key), entry.Value));

    /// <summary>The pairs as tuples.</summary>
    public IEnumerable<object?> Pairs => _entries.Select(entry => (object?)new TupleValue(Unwrap(entry.Key), entry.Value));

    /// <summary>Sets a value; a key that was there keeps its place.</summary>
    public void Set(object? key, object? value) => _entries[Wrap(key)] = value;

    /// <summary>The value of <paramref name="key"/>; false where there is none. Throws for a key that cannot be hashed.</summary>
    public bool TryGet(object? key, out object? value) => _entries.TryGetValue(Wrap(key), out value);

    public override object? Attribute(string name) => DictMethods.Find(this, name);

    public override string Represent(Representation writer) => writer.Join(this);

    private static object Wrap(object? key) => key ?? NoneKey;

    private static object? Unwrap(object key) => ReferenceEquals(key, NoneKey) ? null : key;
}

/// <summary>What keys(), values() and items() of a dict answer.</summary>
internal sealed class DictView(string typeName, int length, IEnumerable<object?> elements) : TemplateValue
{
    public override string TypeName => typeName;

    public override int? Length => length;

    public override IEnumerable<object?> Elements => elements;

    public override string Represent(Representation writer) => writer.Join(typeName + "([", elements, "])");
}

/// <summary>Jinja's namespace: the one thing whose attributes a template may set.</summary>
internal sealed class NamespaceValue(DictValue attributes) : TemplateValue
{
    public override string TypeName => "Namespace";

    public override object? Attribute(string name) => attributes.TryGet(name, out var value) ? value : Missing.Value;

    /// <summary>Sets an attribute; those that begin with an underscore are refused.</summary>
    public void Set(string name, object? value)
    {
        CheckName(name);
        attributes.Set(name, value);
    }

    /// <summary>Refuses the names that a namespace may not hold.</summary>
    public static void CheckName(object? name)
    {
        if (name is string text && text.StartsWith('_'))
            throw new TemplateException(TemplateErrorKind.Security, "Chat templates cannot store underscore-prefixed attributes on a "
                + $"namespace, but got '{text}'. Please rename the attribute.");
    }

    public override string Represent(Representation writer) => $"<Namespace {writer.Of(attributes)}>";
}
