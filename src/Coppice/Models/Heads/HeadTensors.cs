using System.Buffers.Binary;
using Coppice.Kernels;
using Coppice.Kernels.Numerics;
using Coppice.Weights;

namespace Coppice.Models;

/// <summary>The tensors of all safetensors files of a folder with draft heads.</summary>
/// <remarks>Owns the mapped files. A folder may be that of a whole model, whose other tensors are passed over.</remarks>
internal sealed class HeadTensors : IDisposable
{
    private const string Pattern = "*.safetensors";

    private HeadTensors(string folder, Checkpoint files) => (Folder, Files) = (folder, files);

    /// <summary>The folder, for messages.</summary>
    public string Folder { get; }
    /// <summary>The files.</summary>
    public Checkpoint Files { get; }
    /// <summary>Names of all tensors.</summary>
    public IEnumerable<string> Names => Files.Tensors.Keys;

    /// <summary>A tensor that is there.</summary>
    public CheckpointTensor this[string name] => Files.Tensors[name];

    /// <summary>Whether a tensor is there.</summary>
    public bool Has(string name) => Files.Tensors.ContainsKey(name);

    /// <summary>Whether <paramref name="folder"/> has a file that <see cref="Open"/> would read.</summary>
    public static bool AreIn(string folder) => Directory.Exists(folder) && Directory.EnumerateFiles(folder, Pattern).Any();

    /// <summary>Opens all safetensors files of <paramref name="folder"/>.</summary>
    /// <exception cref="CheckpointException">There are none, one is malformed, or two hold the same tensor.</exception>
    public static HeadTensors Open(string folder)
    {
        if (!Directory.Exists(folder)) throw new CheckpointException($"{folder}: a folder with draft heads must be there, found none.");
        string[] files =
            [.. Directory.EnumerateFiles(folder, Pattern).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
        return files.Length > 0 ? new HeadTensors(folder, Checkpoint.Open(folder, files)) : throw Missing(folder);
    }

    /// <summary>An error about a tensor.</summary>
    public CheckpointException Wrong(string name, string what) => new($"{Files.Tensors[name].Label} {what}.");

    /// <summary>A vector's elements as F32.</summary>
    public float[] Vector(string name)
    {
        var tensor = Files.Tensors[name];
        var bytes = tensor.Bytes(0, checked((int)tensor.Entry.Bytes));
        var values = new float[checked((int)tensor.Entry.Shape[0])];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = tensor.ElementType switch
            {
                ElementType.F16 => (float)BinaryPrimitives.ReadHalfLittleEndian(bytes[(2 * i)..]),
                ElementType.BF16 => BFloat16.ToSingle(BinaryPrimitives.ReadUInt16LittleEndian(bytes[(2 * i)..])),
                _ => BinaryPrimitives.ReadSingleLittleEndian(bytes[(4 * i)..]),
            };
        }
        return values;
    }

    /// <summary>A list of token ids below <paramref name="vocabulary"/>, each once.</summary>
    /// <exception cref="CheckpointException">It is of another type, an id is not in the vocabulary, or one comes twice.</exception>
    public int[] Ids(string name, int vocabulary)
    {
        var tensor = Files.Tensors[name];
        var bytes = tensor.Bytes(0, checked((int)tensor.Entry.Bytes));
        var (ids, seen) = (new int[checked((int)tensor.Entry.Shape[0])], new HashSet<int>());
        for (var i = 0; i < ids.Length; i++)
        {
            var id = tensor.Entry.Type switch
            {
                SafetensorsType.I64 => BinaryPrimitives.ReadInt64LittleEndian(bytes[(8 * i)..]),
                SafetensorsType.I32 => BinaryPrimitives.ReadInt32LittleEndian(bytes[(4 * i)..]),
                var other => throw Wrong(name, $"must be I64 or I32, found {other.FileName()}"),
            };
            if (id < 0 || id >= vocabulary || !seen.Add((int)id))
                throw Wrong(name, $"must hold ids below the model's {vocabulary}, each once, found {id} at {i}");
            ids[i] = (int)id;
        }
        return ids;
    }

    /// <summary>Whether two tensors have the same bytes.</summary>
    public bool AreEqual(string one, string other)
    {
        var (a, b) = (Files.Tensors[one], Files.Tensors[other]);
        if (a.Entry.Type != b.Entry.Type || a.Entry.Bytes != b.Entry.Bytes) return false;
        const int chunk = 1 << 20;
        for (var offset = 0L; offset < a.Entry.Bytes; offset += chunk)
        {
            var count = (int)Math.Min(chunk, a.Entry.Bytes - offset);
            if (!a.Bytes(offset, count).SequenceEqual(b.Bytes(offset, count))) return false;
        }
        return true;
    }

    /// <summary>Unmaps the files.</summary>
    public void Dispose() => Files.Dispose();

    private static CheckpointException Missing(string folder)
    {
        var pickled = Directory.EnumerateFiles(folder).FirstOrDefault(path => Path.GetExtension(path) is ".pt" or ".pth" or ".bin");
        if (pickled is null) return new CheckpointException($"{folder}: draft heads must be in safetensors files, found none.");
        var (name, safe) = (Path.GetFileName(pickled), Path.GetFileNameWithoutExtension(pickled) + ".safetensors");
        return new CheckpointException(
            $"{folder}: draft heads must be in safetensors files, found {name}, which is pickled and may run code when it is read "
            + "(convert it "
            + $"once: python3 -c \"import torch; from safetensors.torch import save_file; p = torch.load('{name}', map_location='cpu'); "
            + $"save_file({{k: v.contiguous().clone() for k, v in p.items()}}, '{safe}')\").");
    }
}
