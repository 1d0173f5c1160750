using System.Text.Json;

namespace Coppice.Constraints.Schemas;

/// <summary>A schema with a URI of its own: a document, or a part of one with an identifier.</summary>
internal sealed class SchemaResource(Uri uri, JsonElement root, SchemaDialect dialect, string pointer)
{
    /// <summary>Its absolute URI without a fragment.</summary>
    public Uri Uri { get; } = uri;

    public JsonElement Root { get; } = root;

    public SchemaDialect Dialect { get; } = dialect;

    /// <summary>Where it lies: the document's URI, "#", and a JSON pointer.</summary>
    public string Pointer { get; } = pointer;

    /// <summary>Anchors by name, the dynamic ones among them.</summary>
    public Dictionary<string, SchemaPlace> Anchors { get; } = new(StringComparer.Ordinal);

    /// <summary>Names of dynamic anchors; "" stands for "$recursiveAnchor": true.</summary>
    public HashSet<string> DynamicAnchors { get; } = new(StringComparer.Ordinal);
}

/// <summary>A schema in a document.</summary>
/// <param name="Element">The schema.</param>
/// <param name="Resource">The resource that it belongs to; references in it are relative to its URI.</param>
/// <param name="Pointer">Its place: the document's URI, "#", and a JSON pointer.</param>
internal readonly record struct SchemaPlace(JsonElement Element, SchemaResource Resource, string Pointer)
{
    /// <summary>The place below this one.</summary>
    public SchemaPlace At(string key, JsonElement element) => new(element, Resource, $"{Pointer}/{Escaped(key)}");

    /// <summary>The place of a list's member.</summary>
    public SchemaPlace At(string key, int index, JsonElement element) => new(element, Resource, $"{Pointer}/{Escaped(key)}/{index}");

    private static string Escaped(string key) => key.Contains('~') || key.Contains('/')
        ? key.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)
        : key;
}
