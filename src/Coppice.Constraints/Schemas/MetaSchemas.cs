using System.Collections.Concurrent;
using System.Text.Json;

namespace Coppice.Constraints.Schemas;

/// <summary>The meta-schemas of all drafts, from the resources of the assembly.</summary>
internal static class MetaSchemas
{
    private static readonly ConcurrentDictionary<string, JsonElement?> Known = new();

    /// <summary>The draft whose meta-schema has this URI, or null.</summary>
    public static SchemaDialect? DialectOf(string uri) => uri.TrimEnd('#').Replace("https://", "http://", StringComparison.Ordinal) switch
    {
        "http://json-schema.org/draft-04/schema" => SchemaDialect.Draft4,
        "http://json-schema.org/draft-06/schema" => SchemaDialect.Draft6,
        "http://json-schema.org/draft-07/schema" => SchemaDialect.Draft7,
        "http://json-schema.org/draft/2019-09/schema" => SchemaDialect.Draft201909,
        "http://json-schema.org/draft/2020-12/schema" => SchemaDialect.Draft202012,
        _ => null,
    };

    /// <summary>The document with this URI, or null where it is none of the meta-schemas.</summary>
    public static JsonElement? Find(string uri)
    {
        var path = uri.Replace("https://", "http://", StringComparison.Ordinal);
        const string host = "http://json-schema.org/";
        return path.StartsWith(host, StringComparison.Ordinal) ? Known.GetOrAdd(path[host.Length..], Load) : null;
    }

    private static JsonElement? Load(string name)
    {
        using var stream = typeof(MetaSchemas).Assembly.GetManifestResourceStream(name);
        return stream is null ? null : JsonDocument.Parse(stream).RootElement;
    }
}
