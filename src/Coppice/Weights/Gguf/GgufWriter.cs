using System.Buffers;

namespace Coppice.Weights.Gguf;

/// <summary>A tensor of a GGUF file: [rows, columns], or a vector [columns] where <paramref name="Rows"/> is 0.</summary>
internal sealed record GgufTensor(string Name, GgufType Type, long Rows, long Columns)
{
    /// <summary>Bytes of its elements, without padding.</summary>
    public long Bytes => checked(Math.Max(Rows, 1) * Type.Bytes(Columns));
}

/// <summary>
/// Writes a GGUF file (version 3) front to back: keys and values, the table of tensors, then their bytes in the order of the table.
/// </summary>
/// <remarks>The bytes go to a file beside the target, which takes its name in <see cref="Complete"/>: a reader never sees half a
/// file.</remarks>
internal sealed class GgufWriter : IDisposable
{
    private const int Alignment = 32;
    private const uint Magic = 0x46554747, Version = 3;        // "GGUF"

    private readonly string _path;
    private readonly string _partial;
    private readonly FileStream _stream;
    private readonly IReadOnlyList<GgufTensor> _tensors;
    private int _current;
    private long _written;

    /// <summary>Begins the file <paramref name="path"/>.</summary>
    /// <exception cref="ArgumentException">A name occurs twice, or a row is not a whole number of blocks.</exception>
    public GgufWriter(string path, GgufMetadata metadata, IReadOnlyList<GgufTensor> tensors)
    {
        var head = Head(metadata, tensors);
        (_path, _partial, _tensors) = (path, path + ".partial", tensors);
        _stream = new FileStream(_partial, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
        _stream.Write(head);
    }

    /// <summary>Bytes of the file that <paramref name="metadata"/> and <paramref name="tensors"/> make.</summary>
    public static long FileBytes(GgufMetadata metadata, IReadOnlyList<GgufTensor> tensors) =>
        checked(Head(metadata, tensors).Length + tensors.Sum(tensor => Aligned(tensor.Bytes)));

    /// <summary>Appends bytes of the tensors in order; a tensor may be written in pieces, and a piece is of one tensor.</summary>
    /// <exception cref="InvalidOperationException">The current tensor has fewer bytes left.</exception>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        if (_current == _tensors.Count || _written + bytes.Length > _tensors[_current].Bytes)
            throw new InvalidOperationException($"{Path.GetFileName(_path)}: more bytes were written than declared.");
        _stream.Write(bytes);
        _written += bytes.Length;
        if (_written < _tensors[_current].Bytes) return;
        _stream.Write(stackalloc byte[(int)(Aligned(_written) - _written)]);
        (_current, _written) = (_current + 1, 0);
    }

    /// <summary>Closes the file and gives it its name, which must not be taken.</summary>
    /// <exception cref="InvalidOperationException">Fewer bytes than were declared.</exception>
    public void Complete()
    {
        if (_current != _tensors.Count)
            throw new InvalidOperationException($"{Path.GetFileName(_path)}: fewer bytes were written than declared.");
        _stream.Dispose();
        File.Move(_partial, _path);
    }

    /// <summary>Closes the file; what was not completed is deleted.</summary>
    public void Dispose()
    {
        _stream.Dispose();
        File.Delete(_partial);
    }

    private static byte[] Head(GgufMetadata metadata, IReadOnlyList<GgufTensor> tensors)
    {
        var bytes = new ArrayBufferWriter<byte>();
        GgufMetadata.Write(bytes, Magic);
        GgufMetadata.Write(bytes, Version);
        GgufMetadata.Write(bytes, (ulong)tensors.Count);
        GgufMetadata.Write(bytes, (ulong)metadata.Count);
        bytes.Write(metadata.Bytes);
        var names = new HashSet<string>(StringComparer.Ordinal);
        var offset = 0L;
        foreach (var tensor in tensors)
        {
            if (!names.Add(tensor.Name)) throw new ArgumentException($"gguf: tensor {tensor.Name} must be declared once.", nameof(tensors));
            if (tensor.Columns < 1 || tensor.Columns % tensor.Type.BlockElements() != 0)
                throw new ArgumentException($"gguf: tensor {tensor.Name} must have rows of whole blocks, got {tensor.Columns} columns.",
                    nameof(tensors));
            Describe(bytes, tensor, offset);
            offset = checked(offset + Aligned(tensor.Bytes));
        }
        bytes.Write(new byte[Aligned(bytes.WrittenCount) - bytes.WrittenCount]);
        return bytes.WrittenSpan.ToArray();
    }

    /// <summary>Extents stand from the innermost outwards.</summary>
    private static void Describe(ArrayBufferWriter<byte> bytes, GgufTensor tensor, long offset)
    {
        GgufMetadata.Write(bytes, tensor.Name);
        GgufMetadata.Write(bytes, tensor.Rows > 0 ? 2u : 1u);
        GgufMetadata.Write(bytes, (ulong)tensor.Columns);
        if (tensor.Rows > 0) GgufMetadata.Write(bytes, (ulong)tensor.Rows);
        GgufMetadata.Write(bytes, (uint)tensor.Type);
        GgufMetadata.Write(bytes, (ulong)offset);
    }

    private static long Aligned(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;
}
