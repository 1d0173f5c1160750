using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Coppice.Text.Templates;

/// <summary>JSON with other texts in the same places.</summary>
internal static class JsonRewriter
{
    private static readonly JsonWriterOptions AsIs = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary><paramref name="json"/> with every text and every key replaced; the same object where none changes.</summary>
    public static JsonElement Texts(JsonElement json, Func<string, string> text)
    {
        if (!Changes(json, text)) return json;
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, AsIs)) Write(json, text, writer);
        return Parse(buffer.WrittenMemory);
    }

    /// <summary>An element that does not need a document to be disposed.</summary>
    public static JsonElement Parse(ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }

    private static bool Changes(JsonElement json, Func<string, string> text) => json.ValueKind switch
    {
        JsonValueKind.String => JsonInput.Text(json)! is var value && !ReferenceEquals(text(value), value),
        JsonValueKind.Array => json.EnumerateArray().Any(item => Changes(item, text)),
        JsonValueKind.Object => json.EnumerateObject().Any(property =>
            JsonInput.Name(property) is var name && !ReferenceEquals(text(name), name) || Changes(property.Value, text)),
        _ => false,
    };

    private static void Write(JsonElement json, Func<string, string> text, Utf8JsonWriter writer)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.String:
                writer.WriteStringValue(text(JsonInput.Text(json)!));
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in json.EnumerateArray()) Write(item, text, writer);
                writer.WriteEndArray();
                break;
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (var property in json.EnumerateObject())
                {
                    writer.WritePropertyName(text(JsonInput.Name(property)));
                    Write(property.Value, text, writer);
                }
                writer.WriteEndObject();
                break;
            default:
                writer.WriteRawValue(json.GetRawText(), skipInputValidation: true);
                break;
        }
    }
}
