using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;

namespace Coppice.Weights;

/// <summary>A safetensors file, mapped into memory: its tensors are spans of the file, never copies.</summary>
/// <remarks>Thread-safe after opening. Spans must not be used after <see cref="Dispose"/>, and the file must not be shortened while it is
/// open.</remarks>
internal sealed unsafe class SafetensorsFile : IDisposable
{
    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private readonly SafetensorsHeader _header;
    private readonly long _dataBytes;
    private byte* _data;

    private SafetensorsFile(string name, MemoryMappedFile map, MemoryMappedViewAccessor view, byte* file, long length)
    {
        (Name, _map, _view) = (name, map, view);
        var headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(new ReadOnlySpan<byte>(file, 8));
        // The length of the header of another kind of file is chance.
        if (headerBytes > (ulong)Math.Min(length - 8, SafetensorsHeader.MaxHeaderBytes))
            MistakenFile.Refuse(name, new ReadOnlySpan<byte>(file, (int)Math.Min(length, MistakenFile.Sample)));
        if (headerBytes > SafetensorsHeader.MaxHeaderBytes)
            throw new CheckpointException(
                $"{name}: the header must be at most {SafetensorsHeader.MaxHeaderBytes:N0} bytes, its length says {headerBytes:N0}.");
        if ((long)headerBytes > length - 8)
            throw new CheckpointException(
                $"{name}: the header must end inside the file, its length says {headerBytes:N0} but {length - 8:N0} bytes follow "
                + "(was the download complete?).");
        if (headerBytes == 0)
            throw new CheckpointException($"{name}: the header must be JSON, found 0 bytes (was the download complete?).");
        _dataBytes = length - 8 - (long)headerBytes;
        _header = SafetensorsHeader.Parse(name, new ReadOnlySpan<byte>(file + 8, (int)headerBytes), _dataBytes);
        _data = file + 8 + headerBytes;
    }

    /// <summary>The file's name, for messages.</summary>
    public string Name { get; }
    /// <summary>Tensors by name.</summary>
    public IReadOnlyDictionary<string, SafetensorsEntry> Tensors => _header.Tensors;
    /// <summary>Free text that the writer added.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Maps the file and checks its header.</summary>
    /// <param name="path">Where it is.</param>
    /// <param name="name">What messages call it; null for its name without folder.</param>
    /// <exception cref="CheckpointException">The file is missing, cannot be read or is malformed.</exception>
    public static SafetensorsFile Open(string path, string? name = null)
    {
        name ??= Path.GetFileName(path);
        MemoryMappedFile? map = null;
        MemoryMappedViewAccessor? view = null;
        byte* pointer = null;
        try
        {
            var length = CheckpointFile.Length(path);
            if (length < 8) throw new CheckpointException($"{name}: a safetensors file has at least 8 bytes, found {length}.");
            map = MemoryMappedFile.CreateFromFile(CheckpointFile.Follow(path), FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
            view = map.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
            return new SafetensorsFile(name, map, view, pointer + view.PointerOffset, length);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            Close(map, view, pointer);
            throw new CheckpointException($"{name}: cannot be read: {e.Message}", e);
        }
        catch (CheckpointException)
        {
            Close(map, view, pointer);
            throw;
        }
    }

    /// <summary><paramref name="count"/> bytes of a tensor of this file from <paramref name="offset"/> on.</summary>
    /// <exception cref="ArgumentOutOfRangeException">They are not inside the tensor.</exception>
    public ReadOnlySpan<byte> Bytes(SafetensorsEntry entry, long offset, int count)
    {
        ObjectDisposedException.ThrowIf(_data is null, this);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, entry.Bytes - count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(entry.End, _dataBytes);
        return new ReadOnlySpan<byte>(_data + entry.Begin + offset, count);
    }

    /// <summary>All bytes of a tensor below 2 GiB.</summary>
    public ReadOnlySpan<byte> Bytes(SafetensorsEntry entry) => Bytes(entry, 0, checked((int)entry.Bytes));

    /// <summary>Unmaps the file.</summary>
    public void Dispose()
    {
        if (_data is null) return;
        Close(_map, _view, _data);
        _data = null;
    }

    private static void Close(MemoryMappedFile? map, MemoryMappedViewAccessor? view, byte* pointer)
    {
        if (pointer is not null) view?.SafeMemoryMappedViewHandle.ReleasePointer();
        view?.Dispose();
        map?.Dispose();
    }
}
