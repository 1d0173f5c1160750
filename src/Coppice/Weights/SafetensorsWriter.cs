using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Coppice.Weights;

/// <summary>Writes a safetensors file front to back: the header first, then the tensors' bytes in the order they were declared.</summary>
/// <remarks>The bytes go to a file beside the target, which takes its name in <see cref="Complete"/>: a reader never sees half a
/// file.</remarks>
internal sealed class SafetensorsWriter : IDisposable
{
    private readonly string _path;
    private readonly string _partial;
    private readonly FileStream _stream;
    private readonly long _dataBytes;
    private long _written;

    /// <summary>Begins the file <paramref name="path"/> with the tensors <paramref name="tensors"/>.</summary>
    /// <exception cref="ArgumentException">A name occurs twice, or a shape is negative or too large.</exception>
    public SafetensorsWriter(string path, IReadOnlyList<(string Name, SafetensorsType Type, long[] Shape)> tensors,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        var header = Header(tensors, metadata, out _dataBytes);
        (_path, _partial) = (path, path + ".partial");
        _stream = new FileStream(_partial, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20);
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        _stream.Write(length);
        _stream.Write(header);
    }

    /// <summary>Appends elements of the tensors in order; a tensor may be written in pieces.</summary>
    /// <exception cref="InvalidOperationException">More bytes than were declared.</exception>
    public void Write<T>(ReadOnlySpan<T> elements) where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(elements);
        if (bytes.Length > _dataBytes - _written)
            throw new InvalidOperationException(
                $"{Path.GetFileName(_path)}: {_dataBytes:N0} bytes were declared, {_written + bytes.Length:N0} were written.");
        _stream.Write(bytes);
        _written += bytes.Length;
    }

    /// <summary>Closes the file and gives it its name.</summary>
    /// <exception cref="InvalidOperationException">Fewer bytes than were declared.</exception>
    public void Complete()
    {
        if (_written != _dataBytes)
            throw new InvalidOperationException(
                $"{Path.GetFileName(_path)}: {_dataBytes:N0} bytes were declared, {_written:N0} were written.");
        _stream.Dispose();
        File.Move(_partial, _path, overwrite: true);
    }

    /// <summary>Closes the file; what was not completed is deleted.</summary>
    public void Dispose()
    {
        _stream.Dispose();
        File.Delete(_partial);
    }

    private static byte[] Header(
        IReadOnlyList<(string Name, SafetensorsType Type, long[] Shape)> tensors, IReadOnlyDictionary<string, string>? metadata,
        out long offset)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer);
        var names = new HashSet<string>(StringComparer.Ordinal);
        offset = 0;
        json.WriteStartObject();
        if (metadata is { Count: > 0 })
        {
            json.WriteStartObject("__metadata__");
            foreach (var (key, value) in metadata) json.WriteString(key, value);
            json.WriteEndObject();
        }
        foreach (var (name, type, shape) in tensors)
        {
            if (!names.Add(name) || name == "__metadata__")
                throw new ArgumentException($"safetensors: tensor {name} must be declared once.", nameof(tensors));
            if (shape.Any(e => e < 0) || !SafetensorsEntry.TryBytes(type, shape, out var bytes))
                throw new ArgumentException(
                    $"safetensors: tensor {name} has an impossible shape [{string.Join(", ", shape)}].", nameof(tensors));
            json.WriteStartObject(name);
            json.WriteString("dtype", type.FileName());
            json.WriteStartArray("shape");
            foreach (var extent in shape) json.WriteNumberValue(extent);
            json.WriteEndArray();
            json.WriteStartArray("data_offsets");
            json.WriteNumberValue(offset);
            json.WriteNumberValue(offset = checked(offset + bytes));
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndObject();
        json.Flush();
        var padded = new byte[(buffer.WrittenCount + 7) / 8 * 8];        // spaces, so that the data begins at a multiple of 8
        padded.AsSpan().Fill((byte)' ');
        buffer.WrittenSpan.CopyTo(padded);
        return padded;
    }
}
