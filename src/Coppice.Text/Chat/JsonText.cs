using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Coppice.Text.Templates;

namespace Coppice.Text;

/// <summary>Small JSON texts.</summary>
internal static class JsonText
{
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>An object with one text.</summary>
    public static string Object(string key, string value) => Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString(key, value);
        writer.WriteEndObject();
    });

    /// <summary>What <paramref name="write"/> writes.</summary>
    public static string Write(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Readable)) write(writer);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    /// <summary>Writes <paramref name="text"/>, one JSON value as <see cref="TryParse"/> reads it, where a value is wanted.</summary>
    /// <returns>False where it is no JSON; then nothing is written.</returns>
    public static bool TryWrite(Utf8JsonWriter writer, string text)
    {
        if (!TryParse(text, out var json)) return false;
        WriteAsItStands(writer, json);
        return true;
    }

    /// <summary>Writes a value letter by letter: <see cref="JsonElement.WriteTo"/> fails on escapes of half a pair of surrogates.</summary>
    public static void WriteAsItStands(Utf8JsonWriter writer, JsonElement json) =>
        writer.WriteRawValue(json.GetRawText(), skipInputValidation: true);

    /// <summary>Reads one JSON value; an unpaired surrogate, which no UTF-8 can hold, is read as U+FFFD.</summary>
    public static bool TryParse(string text, out JsonElement json)
    {
        try
        {
            json = JsonRewriter.Parse(Encoding.UTF8.GetBytes(text));
            return true;
        }
        catch (JsonException)
        {
            json = default;
            return false;
        }
    }
}
