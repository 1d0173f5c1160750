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

    private const int NamedInWarnings = 3;

    private readonly List<SafetensorsFile> _files = [];
    private readonly List<string> _warnings = [], _missingShards = [];
    private readonly Dictionary<string, CheckpointTensor> _tensors = new(StringComparer.Ordinal);

    private Checkpoint() { }

    /// <summary>Tensors by name.</summary>
    public IReadOnlyDictionary<string, CheckpointTensor> Tensors => _tensors;

    /// <summary>What is odd about the files and keeps nobody from reading them, a sentence each.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>Bytes of all tensors.</summary>
    public long Bytes => _tensors.Values.Sum(t => t.Entry.Bytes);

    /// <summary>Whether <paramref name="folder"/> has weights that <see cref="Open(string)"/> would look at.</summary>
    public static bool IsIn(string folder) =>
        File.Exists(Path.Combine(folder, SingleFile)) || File.Exists(Path.Combine(folder, SafetensorsIndex.FileName));

    /// <summary>Opens the weights of <paramref name="folder"/>.</summary>
    /// <exception cref="CheckpointException">There are none, or a file is missing, malformed or contradicts another.</exception>
    public static Checkpoint Open(string folder) => Open(checkpoint =>
    {
        var index = Path.Combine(folder, SafetensorsIndex.FileName);
        if (File.Exists(Path.Combine(folder, SingleFile))) checkpoint.Add(folder, SingleFile);
        else if (File.Exists(index)) checkpoint.AddShards(folder, SafetensorsIndex.Read(index));
        else throw Missing(folder);
    });

    /// <summary>Opens <paramref name="files"/> of <paramref name="folder"/>, whatever their names.</summary>
    /// <exception cref="CheckpointException">A file is malformed, or two hold the same tensor.</exception>
    public static Checkpoint Open(string folder, IEnumerable<string> files) => Open(checkpoint =>
    {
        foreach (var file in files) checkpoint.Add(folder, file);
    });

    private static Checkpoint Open(Action<Checkpoint> add)
    {
        var checkpoint = new Checkpoint();
        try
        {
            add(checkpoint);
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

    private void Add(string folder, string name)
    {
        var file = SafetensorsFile.Open(Path.Combine(folder, name), name);
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
        var lookup = index.Shards.ToLookup(shard => File.Exists(Path.Combine(folder, shard)));
        _missingShards.AddRange(lookup[false]);
        if (!lookup[true].Any()) RefuseMissingShards();
        foreach (var shard in lookup[true]) Add(folder, shard);
        var absent = index.ShardOf.Where(entry => !_tensors.ContainsKey(entry.Key))
            .ToLookup(entry => _missingShards.Contains(entry.Value), entry => entry.Key);
        Warn([.. absent[false]], "that no shard holds");
        Warn([.. absent[true]], "of shards that are not in the folder");
        var elsewhere = index.ShardOf.Where(entry => _tensors.TryGetValue(entry.Key, out var tensor) && tensor.File.Name != entry.Value);
        Warn([.. elsewhere.Select(entry => entry.Key)], "found in another shard than it says");
    }

    /// <summary>For a model that needs a tensor which no file holds: it may be in a shard that is not there.</summary>
    /// <exception cref="CheckpointException">The index names a shard that is not in the folder.</exception>
    public void RefuseMissingShards()
    {
        if (_missingShards.Count > 0)
            throw new CheckpointException(
                $"{SafetensorsIndex.FileName}: shard {CheckpointText.Quote(_missingShards[0])} must be in the folder, found no such file "
                + "(was the download complete?).");
    }

    /// <summary>Notes tensors of the index that are not where it says: what a model needs of them is looked for later, by name.</summary>
    private void Warn(string[] names, string how)
    {
        if (names.Length == 0) return;
        var first = string.Join(", ", names.Order(StringComparer.Ordinal).Take(NamedInWarnings).Select(CheckpointText.Quote));
        var more = names.Length > NamedInWarnings ? ", ..." : "";
        var count = names.Length == 1 ? "a tensor" : $"{names.Length} tensors";
        _warnings.Add($"{SafetensorsIndex.FileName}: names {count} {how}: {first}{more}.");
    }

    private static CheckpointException Missing(string folder) => new(
        $"{SingleFile}: the folder must hold it or {SafetensorsIndex.FileName}, found neither{FolderHint.Of(folder)}.");
}
