using System.Text.Json;

namespace Coppice.Cli.Hub;

/// <summary>A file of a model on a hub.</summary>
/// <param name="Path">Inside the model's folder, with slashes.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Hash">SHA-256 of large files, of others the one that git counts: SHA-1 over "blob SIZE", a zero byte and the file.</param>
internal sealed record HubFile(string Path, long Size, string Hash);

/// <summary>What a hub says of one revision of a model.</summary>
/// <param name="Commit">Its commit.</param>
/// <param name="Files">Those that the engine reads.</param>
internal sealed record HubRevision(string Commit, IReadOnlyList<HubFile> Files)
{
    private const int MostFiles = 10_000;

    /// <summary>Bytes of all files.</summary>
    public long Bytes => Files.Sum(file => file.Size);

    /// <summary>Reads the answer of <c>/api/models/NAME/revision/REVISION?blobs=true</c>, which comes from outside.</summary>
    /// <exception cref="CommandException">It is not what it must be, or a path leads out of the model's folder.</exception>
    public static HubRevision Parse(ReadOnlyMemory<byte> json, string source)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var commit = Text(document.RootElement, "sha");
            if (commit is null || !HubName.IsCommit(commit)) throw Malformed(source, "\"sha\" must be a commit of 40 digits");
            if (!document.RootElement.TryGetProperty("siblings", out var list) || list.ValueKind != JsonValueKind.Array
                || list.GetArrayLength() > MostFiles)
                throw Malformed(source, $"\"siblings\" must be a list of at most {MostFiles:N0} files");
            return new HubRevision(commit, Choose([.. list.EnumerateArray().Select(file => File(file, source)).OfType<HubFile>()], source));
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw Malformed(source, "must be the JSON of a model", error);
        }
    }

    private static HubFile? File(JsonElement file, string source)
    {
        var path = Text(file, "rfilename") ?? throw Malformed(source, "each file must have a \"rfilename\"");
        if (!HubName.IsInside(path))
            throw new CommandException(
                $"{source}: files must lie in the model's folder, found \"{JsonLines.Clip(path)}\"; nothing was written.");
        if (!HubName.IsRead(path)) return null;
        var large = file.TryGetProperty("lfs", out var found) && found.ValueKind == JsonValueKind.Object ? found : (JsonElement?)null;
        var hash = large is { } lfs ? Text(lfs, "sha256") ?? Text(lfs, "oid") : Text(file, "blobId");
        if (hash is null || !HubName.IsHash(hash)) throw Malformed(source, $"{path} must have the hash of its content");
        if (!file.TryGetProperty("size", out var size) || !size.TryGetInt64(out var bytes) || bytes < 0)
            throw Malformed(source, $"{path} must have a \"size\"");
        return new HubFile(path, bytes, hash);
    }

    /// <summary>Some models come twice, as one file of their makers and as the library's shards: the latter are read.</summary>
    private static HubFile[] Choose(HubFile[] files, string source)
    {
        var weights = files.Where(file => file.Path.EndsWith(".safetensors", StringComparison.Ordinal)).ToArray();
        if (weights.Length == 0)
            throw new CommandException(
                $"{source}: a model must have weights in safetensors files, found none (other formats are not read).");
        if (files.DistinctBy(file => file.Path).Count() < files.Length) throw Malformed(source, "a file must be listed once");
        var own = weights.Where(file => file.Path.StartsWith("consolidated", StringComparison.Ordinal)).ToArray();
        return own.Length == weights.Length ? files : [.. files.Except(own)];
    }

    private static string? Text(JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString() : null;

    private static CommandException Malformed(string source, string must, Exception? inner = null) =>
        new($"{source}: {must}, found other data.", inner);
}
