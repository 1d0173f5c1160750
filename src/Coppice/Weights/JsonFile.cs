using System.Text.Json;

namespace Coppice.Weights;

/// <summary>Reads the small JSON files of a checkpoint folder.</summary>
internal static class JsonFile
{
    private const long MaxBytes = 64 << 20;

    /// <summary>
    /// The document of <paramref name="path"/>, whose root is an object. As in Python, which writes these files, the last of a repeated key
    /// counts, and NaN and infinities may stand bare: they are read as strings.
    /// </summary>
    /// <exception cref="CheckpointException">The file is missing, too large or not such a document.</exception>
    public static JsonDocument Read(string path) => Read(Path.GetDirectoryName(path) ?? "", Path.GetFileName(path));

    /// <summary>The same of <paramref name="name"/> in <paramref name="folder"/>; messages call it so.</summary>
    public static JsonDocument Read(string folder, string name) =>
        Parse(name, CheckpointFile.ReadAll(Path.Combine(folder, name), MaxBytes));

    /// <summary>The document of <paramref name="path"/>, whose root is a list.</summary>
    /// <exception cref="CheckpointException">The file is missing, too large or not such a document.</exception>
    public static JsonDocument ReadList(string path) =>
        Parse(Path.GetFileName(path), CheckpointFile.ReadAll(path, MaxBytes), JsonValueKind.Array, "list");

    /// <summary>The document of <paramref name="utf8"/>, under the same conditions.</summary>
    public static JsonDocument Parse(string name, ReadOnlyMemory<byte> utf8) => Parse(name, utf8, JsonValueKind.Object, "object");

    private static JsonDocument Parse(string name, ReadOnlyMemory<byte> utf8, JsonValueKind root, string kind)
    {
        try
        {
            if (utf8.Span.StartsWith("\uFEFF"u8)) utf8 = utf8[3..];
            var document = JsonDocument.Parse(PythonJson.WithoutConstants(utf8), new JsonDocumentOptions { MaxDepth = 32 });
            if (document.RootElement.ValueKind == root)
            {
                ReadNames(document.RootElement);
                return document;
            }
            document.Dispose();
            throw new CheckpointException($"{name}: must be a JSON {kind}, found another value.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new CheckpointException($"{name}: {CheckpointText.Clip(JsonMistake.Describe(utf8.Span, e))}.", e);
        }
    }

    /// <summary>
    /// Reads every key once: one with half a surrogate pair, written as an escape, makes each later look for any key fail.
    /// </summary>
    /// <exception cref="InvalidOperationException">A key is no text.</exception>
    private static void ReadNames(JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in element.EnumerateArray()) ReadNames(item);
        }
        if (element.ValueKind != JsonValueKind.Object) return;
        foreach (var property in element.EnumerateObject())
        {
            _ = property.Name;
            ReadNames(property.Value);
        }
    }
}
