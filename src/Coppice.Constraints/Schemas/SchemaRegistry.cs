using System.Text;
using System.Text.Json;

namespace Coppice.Constraints.Schemas;

/// <summary>
/// The documents that a schema may refer to, by URI: the schema itself, those that the caller gives, and the meta-schemas, which ship with
/// the assembly. Nothing is fetched.
/// </summary>
internal sealed class SchemaRegistry
{
    /// <summary>Deepest nesting of a schema document.</summary>
    public const int DeepestDocument = 256;

    private static readonly JsonDocumentOptions Parsing = new() { MaxDepth = DeepestDocument };
    private static readonly string[] Schemas =
        ["additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not", "propertyNames", "then",
            "unevaluatedItems", "unevaluatedProperties"];

    private static readonly string[] Lists = ["allOf", "anyOf", "items", "oneOf", "prefixItems"];
    private static readonly string[] Maps = ["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"];

    private readonly Dictionary<string, SchemaResource> _resources = new(StringComparer.Ordinal);
    private readonly Dictionary<string, JsonElement> _remotes = new(StringComparer.Ordinal);

    public SchemaRegistry(IReadOnlyDictionary<string, string>? remotes)
    {
        foreach (var (uri, text) in remotes ?? new Dictionary<string, string>()) _remotes[uri] = ParseJson(text, uri);
    }

    /// <summary>Whether any document has an anchor whose meaning depends on who refers to it.</summary>
    public bool HasDynamicAnchors { get; private set; }

    /// <summary>Parses JSON text.</summary>
    /// <exception cref="ConstraintException">It is not JSON, is nested too deeply, or has half of a surrogate pair.</exception>
    public static JsonElement ParseJson(string text, string name)
    {
        try
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            CheckTexts(bytes, name);
            return JsonDocument.Parse(bytes, Parsing).RootElement;
        }
        catch (JsonException error)
        {
            throw new ConstraintException($"{name}: must be JSON at most {DeepestDocument} levels deep, found {error.Message}", error);
        }
    }

    /// <summary>JSON may escape half of a surrogate pair, which no text has and no reader of values takes.</summary>
    private static void CheckTexts(ReadOnlySpan<byte> json, string name)
    {
        if (json.IndexOf("\\u"u8) < 0) return;
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = Parsing.MaxDepth });
        while (reader.Read())
        {
            if (reader.TokenType is not (JsonTokenType.PropertyName or JsonTokenType.String) || !reader.ValueIsEscaped) continue;
            try
            {
                reader.GetString();
            }
            catch (InvalidOperationException error)
            {
                throw new ConstraintException(
                    $"{name}: names and texts must be valid Unicode, found half of a surrogate pair at byte {reader.TokenStartIndex}.",
                    error);
            }
        }
    }

    /// <summary>Takes the document in and returns its root.</summary>
    public SchemaPlace Add(JsonElement root, Uri uri, SchemaDialect otherwise)
    {
        var dialect = DialectOf(root, otherwise);
        var pointer = $"{uri}#";
        var resource = Register(root, IdOf(root, dialect) is { } id ? Resolve(uri, id) : uri, dialect, pointer);
        _resources.TryAdd(uri.ToString(), resource);
        var place = new SchemaPlace(root, resource, pointer);
        Scan(place);
        return place;
    }

    /// <summary>The schema that <paramref name="reference"/> means in <paramref name="place"/>; null where it is nowhere.</summary>
    public SchemaPlace? Find(SchemaPlace place, string reference)
    {
        var uri = Resolve(place.Resource.Uri, reference);
        var fragment = Uri.UnescapeDataString(uri.Fragment.TrimStart('#'));
        if (ResourceOf(WithoutFragment(uri)) is not { } resource) return null;
        if (fragment.Length == 0) return new SchemaPlace(resource.Root, resource, resource.Pointer);
        if (fragment[0] == '/') return At(new SchemaPlace(resource.Root, resource, resource.Pointer), fragment);
        return resource.Anchors.TryGetValue(fragment, out var anchor) ? anchor : null;
    }

    /// <summary>The place of a subschema that the caller has found: it may begin a resource of its own.</summary>
    public SchemaPlace Enter(SchemaPlace place)
    {
        if (place.Element.ValueKind != JsonValueKind.Object || IdOf(place.Element, place.Resource.Dialect) is not { } id) return place;
        if (id[0] == '#') return place;
        var uri = WithoutFragment(Resolve(place.Resource.Uri, id));
        return _resources.TryGetValue(uri.ToString(), out var resource) && resource.Pointer == place.Pointer
            ? place with { Resource = resource } : place;
    }

    private static SchemaDialect DialectOf(JsonElement root, SchemaDialect otherwise)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("$schema", out var value)
            || value.ValueKind != JsonValueKind.String) return otherwise;
        return MetaSchemas.DialectOf(value.GetString()!) ?? otherwise;
    }

    private static string? IdOf(JsonElement schema, SchemaDialect dialect)
    {
        if (schema.ValueKind != JsonValueKind.Object) return null;
        // Up to draft 07 a reference hides everything beside it.
        if (dialect <= SchemaDialect.Draft7 && schema.TryGetProperty("$ref", out _)) return null;
        var name = dialect == SchemaDialect.Draft4 ? "id" : "$id";
        return schema.TryGetProperty(name, out var id) && id.ValueKind == JsonValueKind.String && id.GetString() is { Length: > 0 } text
            ? text : null;
    }

    private static Uri Resolve(Uri origin, string reference)
    {
        if (Uri.TryCreate(origin, reference, out var uri)) return uri;
        throw new ConstraintException($"$ref: must be a URI reference, found \"{reference}\".");
    }

    private static Uri WithoutFragment(Uri uri)
    {
        if (uri.Fragment.Length == 0 && !uri.OriginalString.EndsWith('#')) return uri;
        var text = uri.ToString();
        return new Uri(text[..text.IndexOf('#', StringComparison.Ordinal)]);
    }

    private SchemaResource Register(JsonElement root, Uri uri, SchemaDialect dialect, string pointer)
    {
        var resource = new SchemaResource(WithoutFragment(uri), root, dialect, pointer);
        _resources.TryAdd(resource.Uri.ToString(), resource);
        return resource;
    }

    private SchemaResource? ResourceOf(Uri uri)
    {
        var name = uri.ToString();
        if (_resources.TryGetValue(name, out var known)) return known;
        if (_remotes.TryGetValue(name, out var remote)) return Add(remote, uri, SchemaDialect.Draft202012).Resource;
        return MetaSchemas.Find(name) is { } meta ? Add(meta, uri, SchemaDialect.Draft202012).Resource : null;
    }

    /// <summary>Finds the identifiers and anchors of everything below.</summary>
    private void Scan(SchemaPlace place)
    {
        if (place.Element.ValueKind != JsonValueKind.Object) return;
        var dialect = place.Resource.Dialect;
        if (IdOf(place.Element, dialect) is { } id && place.Pointer != place.Resource.Pointer)
        {
            if (id[0] == '#') place.Resource.Anchors.TryAdd(id[1..], place);
            else place = place with
            {
                Resource = Register(place.Element, Resolve(place.Resource.Uri, id), DialectOf(place.Element, dialect),
                place.Pointer)
            };
        }
        else if (IdOf(place.Element, dialect) is ['#', .. var anchor] && anchor.Length > 0)
        {
            place.Resource.Anchors.TryAdd(anchor, place);
        }
        if (dialect >= SchemaDialect.Draft201909) AddAnchors(place);
        foreach (var property in place.Element.EnumerateObject())
        {
            var value = property.Value;
            if (value.ValueKind == JsonValueKind.Object && Schemas.Contains(property.Name)) Scan(place.At(property.Name, value));
            else if (value.ValueKind == JsonValueKind.Array && Lists.Contains(property.Name)) ScanList(place, property);
            else if (value.ValueKind == JsonValueKind.Object && Maps.Contains(property.Name)) ScanMap(place, property);
        }
    }

    private void ScanList(SchemaPlace place, JsonProperty property)
    {
        var index = 0;
        foreach (var schema in property.Value.EnumerateArray()) Scan(place.At(property.Name, index++, schema));
    }

    private void ScanMap(SchemaPlace place, JsonProperty property)
    {
        var map = place.At(property.Name, property.Value);
        foreach (var schema in property.Value.EnumerateObject()) Scan(map.At(schema.Name, schema.Value));
    }

    private void AddAnchors(SchemaPlace place)
    {
        if (Text(place.Element, "$anchor") is { } anchor) place.Resource.Anchors.TryAdd(anchor, place);
        if (Text(place.Element, "$dynamicAnchor") is { } dynamicAnchor)
        {
            place.Resource.Anchors.TryAdd(dynamicAnchor, place);
            place.Resource.DynamicAnchors.Add(dynamicAnchor);
            HasDynamicAnchors = true;
        }
        if (place.Element.TryGetProperty("$recursiveAnchor", out var recursive) && recursive.ValueKind == JsonValueKind.True)
        {
            place.Resource.DynamicAnchors.Add("");
            HasDynamicAnchors = true;
        }
    }

    private static string? Text(JsonElement schema, string key) =>
        schema.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>Follows a JSON pointer; a subschema with an identifier on the way changes the resource.</summary>
    private SchemaPlace? At(SchemaPlace place, string pointer)
    {
        foreach (var part in pointer[1..].Split('/'))
        {
            var key = part.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            if (place.Element.ValueKind == JsonValueKind.Object && place.Element.TryGetProperty(key, out var member))
                place = Enter(place.At(key, member));
            else if (place.Element.ValueKind == JsonValueKind.Array && int.TryParse(key, out var index) && index >= 0
                && index < place.Element.GetArrayLength())
                place = Enter(place.At(key, place.Element[index]));
            else return null;
        }
        return place;
    }
}
