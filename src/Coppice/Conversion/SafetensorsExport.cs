using System.Text.Json;
using Coppice.Loading;
using Coppice.Models;
using Coppice.Weights;
using Coppice.Weights.Gguf;

namespace Coppice.Conversion;

/// <summary>Writes a model as a folder like the one it comes from, its weights in another type and in one file.</summary>
internal static class SafetensorsExport
{
    private const int ChunkElements = 1 << 20;
    private const string Config = "config.json", TemplateFolder = "additional_chat_templates";

    /// <summary>Endings of the files beside the weights: configs, tokenizer, templates, texts.</summary>
    private static readonly string[] Copied = [".json", ".jinja", ".txt", ".model", ".md"];

    /// <summary>
    /// Writes the model in <paramref name="folder"/> to the new folder <paramref name="path"/>, its weights as <paramref name="type"/>.
    /// </summary>
    public static ConversionResult Write(
        ModelFolder folder, string path, GgufType type, IProgress<LoadProgress>? progress, CancellationToken cancellation)
    {
        var (stored, name) = type switch
        {
            GgufType.F32 => (SafetensorsType.F32, "float32"),
            GgufType.F16 => (SafetensorsType.F16, "float16"),
            GgufType.BF16 => (SafetensorsType.BF16, "bfloat16"),
            _ => throw new ConversionException($"convert: safetensors files hold f32, f16 or bf16, not {type.Name()} (use --to gguf)."),
        };
        using var checkpoint = Checkpoint.Open(folder.Folder);
        folder.Plan(checkpoint);
        CheckpointTensor[] tensors = [.. checkpoint.Tensors.Values.Where(tensor => tensor.Entry.Type.TryElementType(out _))
            .OrderBy(tensor => tensor.Entry.Name, StringComparer.Ordinal)];
        string[] files = [.. Directory.EnumerateFiles(folder.Folder).Where(IsCopied)];
        var bytes = tensors.Sum(tensor => tensor.Entry.Bytes / tensor.Entry.Type.Bytes() * stored.Bytes());
        var target = Path.TrimEndingDirectorySeparator(path);
        Destination.Check(target, bytes + files.Sum(CheckpointFile.Length));
        var partial = target + ".partial";
        if (Directory.Exists(partial)) Directory.Delete(partial, recursive: true);
        try
        {
            Directory.CreateDirectory(partial);
            CopyFiles(folder.Folder, files, partial);
            WriteConfig(Path.Combine(folder.Folder, Config), Path.Combine(partial, Config), name);
            WriteWeights(tensors, Path.Combine(partial, "model.safetensors"), stored, type, progress, cancellation);
            Directory.Move(partial, target);
        }
        catch
        {
            Directory.Delete(partial, recursive: true);
            throw;
        }
        return new ConversionResult(target, bytes, tensors.Length);
    }

    private static bool IsCopied(string file) =>
        Copied.Contains(Path.GetExtension(file)) && Path.GetFileName(file) is not (Config or SafetensorsIndex.FileName);

    private static void CopyFiles(string source, string[] files, string target)
    {
        foreach (var file in files) Copy(file, target);
        var templates = Path.Combine(source, TemplateFolder);
        if (!Directory.Exists(templates)) return;
        var folder = Directory.CreateDirectory(Path.Combine(target, TemplateFolder)).FullName;
        foreach (var file in Directory.EnumerateFiles(templates, "*.jinja")) Copy(file, folder);
    }

    /// <summary>Copies the bytes but not the file's rights: a read-only original gives a file that can be changed.</summary>
    private static void Copy(string file, string folder) =>
        File.WriteAllBytes(Path.Combine(folder, Path.GetFileName(file)), File.ReadAllBytes(CheckpointFile.Follow(file)));

    /// <summary>The config with the new type under the keys that name the old one.</summary>
    private static void WriteConfig(string source, string target, string type)
    {
        const string older = "torch_dtype", newer = "dtype";
        using var document = JsonFile.Read(source);
        using var stream = new FileStream(target, FileMode.Create);
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        var named = document.RootElement.TryGetProperty(newer, out _) ? newer : older;
        foreach (var property in document.RootElement.EnumerateObject())
        {
            if (property.Name is not (older or newer)) property.WriteTo(json);
        }
        json.WriteString(named, type);
        json.WriteEndObject();
    }

    private static void WriteWeights(
        CheckpointTensor[] tensors, string path, SafetensorsType stored, GgufType type, IProgress<LoadProgress>? progress,
        CancellationToken cancellation)
    {
        using var writer = new SafetensorsWriter(path, [.. tensors.Select(t => (t.Entry.Name, stored, t.Entry.Shape))],
            new Dictionary<string, string> { ["format"] = "pt" });
        var (done, total) = (0L, tensors.Sum(tensor => tensor.Entry.Bytes));
        var (elements, bytes) = (new float[ChunkElements], new byte[4 * ChunkElements]);
        foreach (var tensor in tensors)
        {
            var count = tensor.Entry.Bytes / tensor.Entry.Type.Bytes();
            var rows = new StoredRows(tensor, count, columns: 1);
            for (var first = 0L; first < count; first += ChunkElements)
            {
                cancellation.ThrowIfCancellationRequested();
                var chunk = elements.AsSpan(0, (int)Math.Min(ChunkElements, count - first));
                rows.Read(first, chunk, type);
                var encoded = bytes.AsSpan(0, (int)type.Bytes(chunk.Length));
                GgufBlocks.Encode(type, chunk, encoded);
                writer.Write<byte>(encoded);
                progress?.Report(new LoadProgress(done += chunk.Length * tensor.Entry.Type.Bytes(), total));
            }
        }
        cancellation.ThrowIfCancellationRequested();
        writer.Complete();
    }
}
