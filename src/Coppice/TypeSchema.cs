using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;

namespace Coppice;

/// <summary>The JSON Schema of a .NET type, for answers that are read back.</summary>
internal static class TypeSchema
{
    private static readonly JsonSchemaExporterOptions Exporter =
        new() { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = Narrow };

    /// <summary>Least and largest value of the integer types, as JSON.</summary>
    private static readonly Dictionary<Type, (string Least, string Most)> Ranges = new()
    {
        [typeof(sbyte)] = ("-128", "127"),
        [typeof(byte)] = ("0", "255"),
        [typeof(short)] = ("-32768", "32767"),
        [typeof(ushort)] = ("0", "65535"),
        [typeof(int)] = ("-2147483648", "2147483647"),
        [typeof(uint)] = ("0", "4294967295"),
        [typeof(long)] = ("-9223372036854775808", "9223372036854775807"),
        [typeof(ulong)] = ("0", "18446744073709551615"),
    };

    /// <summary>The schema of all that <paramref name="type"/> reads.</summary>
    public static string Of(JsonTypeInfo type) => type.GetJsonSchemaAsNode(Exporter).ToJsonString();

    /// <summary>What the exporter leaves open: ranges of integers, and which members an object has.</summary>
    private static JsonNode Narrow(JsonSchemaExporterContext context, JsonNode schema)
    {
        if (schema is not JsonObject node) return schema;
        var type = Nullable.GetUnderlyingType(context.TypeInfo.Type) ?? context.TypeInfo.Type;
        if (Ranges.TryGetValue(type, out var range) && IsInteger(node))
        {
            node["minimum"] = JsonNode.Parse(range.Least);
            node["maximum"] = JsonNode.Parse(range.Most);
        }
        if (node["properties"] is JsonObject members && !node.ContainsKey("additionalProperties"))
        {
            node["required"] = new JsonArray([.. members.Select(member => (JsonNode?)JsonValue.Create(member.Key))]);
            node["additionalProperties"] = false;
        }
        return node;
    }

    private static bool IsInteger(JsonObject node) =>
        node["type"] is JsonValue kind ? (string?)kind == "integer"
            : node["type"] is JsonArray kinds && kinds.Any(one => (string?)one == "integer");
}
