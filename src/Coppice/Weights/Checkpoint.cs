using Coppice.Kernels;

namespace Coppice.Weights;

/// <summary>One tensor of a checkpoint: its entry and the file that holds it.</summary>
internal readonly record struct CheckpointTensor(SafetensorsFile File, SafetensorsEntry Entry)
{
    /// <summary>How messages name it.</summary>
    public string Label => $"{File.Name}: tensor {CheckpointText.Quote(Entry.Name)}";

    /// <summary>Bytes of the tensor from <paramref name="offset"/> on.</summary>
    public ReadOnlySpan<byte> Bytes(long offset, int count) => File.Bytes(Entry, offset, count);

    /// <summary>The engine's type of the elements.</summary>
    /// <exception cref="CheckpointException">The engine does not compute with the stored type.</exception>
    public ElementType ElementType => Entry.Type.TryElementType(out var type)
        ? type
        : throw new CheckpointException($"{Label} must be F32, F16 or BF16, found {Entry.Type.FileName()}.");
}

/// <summary>The weights of a folder: one safetensors file, or the shards that an index names.</summary>
/// <remarks>Owns the mapped files. Thread-safe after opening.</remarks>
internal sealed class Checkpoint : IDisposable
{
    private const string SingleFile = "model.safetensors";

    private readonly List<SafetensorsFile> _files = [];
    private readonly Dictionary<string, CheckpointTensor> _tensors = new(StringComparer.Ordinal);

    private Checkpoint() { }

    /// <summary>Tensors by name.</summary>
    public IReadOnlyDictionary<string, CheckpointTensor> Tensors => _tensors;

    /// <summary>Bytes of all tensors.</summary>
    public long Bytes => _tensors.Values.Sum(t => t.Entry.Bytes);

    /// <summary>Whether <paramref name="folder"/> has weights that <see cref="Open"/> would look at.</summary>
    public static bool IsIn(string folder) =>
        File.Exists(Path.Combine(folder, SingleFile)) || File.Exists(Path.Combine(folder, SafetensorsIndex.FileName));

    /// <summary>Opens the weights of <paramref name="folder"/>.</summary>
    /// <exception cref="CheckpointException">There are none, or a file is missing, malformed or contradicts another.</exception>
    public static Checkpoint Open(string folder)
    {
        var checkpoint = new Checkpoint();
        try
        {
            var index = Path.Combine(folder, SafetensorsIndex.FileName);
            if (File.Exists(Path.Combine(folder, SingleFile))) checkpoint.Add(Path.Combine(folder, SingleFile));
            else if (File.Exists(index)) checkpoint.AddShards(folder, SafetensorsIndex.Read(index));
            else throw Missing(folder);
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>Unmaps the files.</summary>
    public void Dispose()
    {
        foreach (var file in _files) file.Dispose();
    }

    private void Add(string path)
    {
        var file = SafetensorsFile.Open(path);
        _files.Add(file);
        foreach (var entry in file.Tensors.Values)
        {
            if (!_tensors.TryAdd(entry.Name, new CheckpointTensor(file, entry)))
                throw new CheckpointException(
                    $"{file.Name}: tensor {CheckpointText.Quote(entry.Name)} must be in one shard, found in "
                    + $"{_tensors[entry.Name].File.Name} too.");
        }
    }

    private void AddShards(string folder, SafetensorsIndex index)
    {
        foreach (var shard in index.Shards)
        {
            if (!File.Exists(Path.Combine(folder, shard)))
                throw new CheckpointException(
                    $"{SafetensorsIndex.FileName}: shard {CheckpointText.Quote(shard)} must be in the folder, found no such file (was the "
                    + "download complete?).");
            Add(Path.Combine(folder, shard));
        }
        foreach (var (name, shard) in index.ShardOf)
        {
            if (!_tensors.TryGetValue(name, out var tensor) || tensor.File.Name != shard)
                throw new CheckpointException(
                    $"{SafetensorsIndex.FileName}: tensor {CheckpointText.Quote(name)} must be in {shard}, found "
                    + $"{(tensor.File is null ? "nowhere" : $"in {tensor.File.Name}")}.");
        }
    }

    private static CheckpointException Missing(string folder)
    {
        var hint = Directory.Exists(folder) && Directory.EnumerateFiles(folder, "*.bin").Any()
            ? " (the folder has .bin files: convert them to safetensors first)" : "";
        return new CheckpointException($"{SingleFile}: the folder must hold it or {SafetensorsIndex.FileName}, found neither{hint}.");
    }
}
