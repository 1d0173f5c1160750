using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Text;

namespace Coppice.Peers.Gguf;

/// <summary>A tensor of a GGUF file: extents from the innermost outwards, and where its bytes begin in the file.</summary>
internal sealed record GgufTensorInfo(string Name, GgmlType Type, long[] Extents, long Position)
{
    /// <summary>Elements of a row.</summary>
    public long Columns => Extents[0];
    /// <summary>Rows of all outer extents together.</summary>
    public long Rows => Extents.Skip(1).Aggregate(1L, (a, b) => a * b);
}

/// <summary>Reads GGUF files that this tool and llama.cpp wrote: a reader of its own, which shares nothing with the writer.</summary>
/// <remarks>Source: the format's description in ggml (docs/gguf.md).</remarks>
internal sealed class GgufFile : IDisposable
{
    private const uint Text = 8, Array = 9;

    /// <summary>Bytes of a value of each scalar type, 0 for text and array.</summary>
    private static readonly int[] Sizes = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;

    private GgufFile(string path)
    {
        using (var reader = new BinaryReader(File.OpenRead(path), Encoding.UTF8))
        {
            if (reader.ReadUInt32() != BinaryPrimitives.ReadUInt32LittleEndian("GGUF"u8) || reader.ReadUInt32() != 3)
                throw new InvalidDataException($"{Path.GetFileName(path)}: must be GGUF version 3.");
            var (tensors, keys) = (reader.ReadInt64(), reader.ReadInt64());
            for (var i = 0L; i < keys; i++) SkipKey(reader);
            var infos = Enumerable.Range(0, checked((int)tensors)).Select(_ => ReadInfo(reader)).ToArray();
            var data = (reader.BaseStream.Position + 31) / 32 * 32;
            Tensors = infos.ToDictionary(info => info.Name, info => info with { Position = info.Position + data });
        }
        _map = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        _view = _map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
    }

    /// <summary>Tensors by name.</summary>
    public IReadOnlyDictionary<string, GgufTensorInfo> Tensors { get; }

    /// <summary>Opens <paramref name="path"/>.</summary>
    public static GgufFile Open(string path) => new(path);

    /// <summary>The row <paramref name="row"/> of a tensor in F32.</summary>
    public void ReadRow(GgufTensorInfo tensor, long row, Span<float> target, ref byte[] scratch)
    {
        var bytes = tensor.Type.RowBytes(tensor.Columns);
        if (scratch.Length < bytes) scratch = new byte[bytes];
        _view.ReadArray(tensor.Position + row * bytes, scratch, 0, bytes);
        GgmlBlocks.Decode(tensor.Type, scratch.AsSpan(0, bytes), target);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _view.Dispose();
        _map.Dispose();
    }

    private static string ReadText(BinaryReader reader) => Encoding.UTF8.GetString(reader.ReadBytes(checked((int)reader.ReadInt64())));

    private static void SkipKey(BinaryReader reader)
    {
        ReadText(reader);
        var type = reader.ReadUInt32();
        if (type == Array)
        {
            var element = reader.ReadUInt32();
            for (var count = reader.ReadInt64(); count > 0; count--) SkipValue(reader, element);
        }
        else SkipValue(reader, type);
    }

    private static void SkipValue(BinaryReader reader, uint type)
    {
        if (type == Text) ReadText(reader);
        else reader.ReadBytes(Sizes[type]);
    }

    private static GgufTensorInfo ReadInfo(BinaryReader reader)
    {
        var name = ReadText(reader);
        long[] extents = [.. Enumerable.Range(0, checked((int)reader.ReadUInt32())).Select(_ => reader.ReadInt64())];
        var type = (GgmlType)reader.ReadUInt32();
        return new GgufTensorInfo(name, type, extents, reader.ReadInt64());
    }
}
