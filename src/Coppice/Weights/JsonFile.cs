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
    public static JsonDocument Read(string path) => Parse(Path.GetFileName(path), CheckpointFile.ReadAll(path, MaxBytes));

    /// <summary>The document of <paramref name="utf8"/>, under the same conditions.</summary>
    public static JsonDocument Parse(string name, ReadOnlyMemory<byte> utf8)
    {
        try
        {
            if (utf8.Span.StartsWith("\uFEFF"u8)) utf8 = utf8[3..];
            var document = JsonDocument.Parse(PythonJson.WithoutConstants(utf8), new JsonDocumentOptions { MaxDepth = 32 });
            if (document.RootElement.ValueKind == JsonValueKind.Object) return document;
            document.Dispose();
            throw new CheckpointException($"{name}: must be a JSON object, found another value.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new CheckpointException($"{name}: must be JSON: {CheckpointText.Clip(e.Message)}", e);
        }
    }
}
