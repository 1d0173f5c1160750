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
    private const uint UInt8 = 0, Int8 = 1, UInt16 = 2, Int16 = 3, UInt32 = 4, Int32 = 5, Float32 = 6, Boolean = 7, Text = 8, Array = 9;

    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;

    private GgufFile(string path)
    {
        using (var reader = new BinaryReader(File.OpenRead(path), Encoding.UTF8))
        {
            if (reader.ReadUInt32() != BinaryPrimitives.ReadUInt32LittleEndian("GGUF"u8) || reader.ReadUInt32() != 3)
                throw new InvalidDataException($"{Path.GetFileName(path)}: must be GGUF version 3.");
            var (tensors, keys) = (reader.ReadInt64(), reader.ReadInt64());
            Keys = Enumerable.Range(0, checked((int)keys)).Select(_ => (ReadText(reader), ReadValue(reader, reader.ReadUInt32())))
                .ToDictionary();
            var infos = Enumerable.Range(0, checked((int)tensors)).Select(_ => ReadInfo(reader)).ToArray();
            var data = (reader.BaseStream.Position + 31) / 32 * 32;
            Tensors = infos.ToDictionary(info => info.Name, info => info with { Position = info.Position + data });
        }
        _map = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        _view = _map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
    }

    /// <summary>Values by key; those of types that no key here has are left as bytes.</summary>
    public IReadOnlyDictionary<string, object> Keys { get; }
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

    private static object ReadValue(BinaryReader reader, uint type)
    {
        switch (type)
        {
            case UInt32: return reader.ReadUInt32();
            case Int32: return reader.ReadInt32();
            case Float32: return reader.ReadSingle();
            case Boolean: return reader.ReadByte() != 0;
            case Text: return ReadText(reader);
            case Array:
                var element = reader.ReadUInt32();
                return Enumerable.Range(0, checked((int)reader.ReadInt64())).Select(_ => ReadValue(reader, element)).ToArray();
            default: return reader.ReadBytes(type is UInt8 or Int8 ? 1 : type is UInt16 or Int16 ? 2 : 8);
        }
    }

    private static GgufTensorInfo ReadInfo(BinaryReader reader)
    {
        var name = ReadText(reader);
        long[] extents = [.. Enumerable.Range(0, checked((int)reader.ReadUInt32())).Select(_ => reader.ReadInt64())];
        var type = (GgmlType)reader.ReadUInt32();
        return new GgufTensorInfo(name, type, extents, reader.ReadInt64());
    }
}
