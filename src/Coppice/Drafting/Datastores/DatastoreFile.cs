using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace Coppice.Drafting.Datastores;

/// <summary>
/// A file made of tokens of one tokenizer, mapped into memory: a header of 64 bytes, then arrays of 4-byte and 8-byte numbers,
/// little-endian.
/// </summary>
/// <remarks>
/// Header: 8 bytes of magic, 32 bytes that identify the tokenizer, u32 width, u32 zero, u64 count, u64 zero.
/// Spans must not be used after <see cref="Dispose"/>, and the file must not be changed while it is open.
/// </remarks>
internal sealed unsafe class DatastoreFile : IDisposable
{
    /// <summary>Bytes before the first array.</summary>
    public const int HeaderBytes = 64;
    /// <summary>Bytes that identify a tokenizer.</summary>
    public const int FingerprintBytes = 32;
    private const int MostEntries = 1 << 29;
    private const string Made = "`coppice datastore build`, the right --kind and the folder of this model as --model";

    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private readonly long _length;
    private byte* _data;

    private DatastoreFile(string name, MemoryMappedFile map, MemoryMappedViewAccessor view, byte* data, long length)
    {
        _data = data;
        (Name, _map, _view, _length) = (name, map, view, length);
        var header = new ReadOnlySpan<byte>(data + 8 + FingerprintBytes, 24);
        Width = BinaryPrimitives.ReadUInt32LittleEndian(header);
        Count = BinaryPrimitives.ReadUInt64LittleEndian(header[8..]);
    }

    /// <summary>The file's name without its folder, for messages.</summary>
    public string Name { get; }
    /// <summary>What the kind of file says it is.</summary>
    public long Width { get; }
    /// <summary>Entries.</summary>
    public ulong Count { get; }

    /// <summary>Bytes of the file.</summary>
    public long Length => _length;

    /// <summary>Maps a file of the kind <paramref name="magic"/> made with the tokenizer <paramref name="fingerprint"/>.</summary>
    /// <param name="path">Where it is.</param>
    /// <param name="magic">Its first 8 bytes.</param>
    /// <param name="fingerprint">See <see cref="TokenizerFingerprint"/>.</param>
    /// <param name="made">How files of this kind are made, for messages.</param>
    /// <exception cref="CheckpointException">
    /// It is missing, of another kind, of another tokenizer, or larger than the engine takes.
    /// </exception>
    public static DatastoreFile Open(string path, ReadOnlySpan<byte> magic, ReadOnlySpan<byte> fingerprint, string made = Made)
    {
        var name = Path.GetFileName(path);
        MemoryMappedFile? map = null;
        MemoryMappedViewAccessor? view = null;
        byte* data = null;
        try
        {
            var length = CheckpointFile.Length(path);
            if (length < HeaderBytes)
                throw new CheckpointException($"{name}: a datastore has at least {HeaderBytes} bytes, found {length}.");
            map = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
            view = map.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
            view.SafeMemoryMappedViewHandle.AcquirePointer(ref data);
            var file = new DatastoreFile(name, map, view, data + view.PointerOffset, length);
            file.Check(magic, fingerprint, made);
            return file;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            Close(map, view, data);
            throw new CheckpointException($"{name}: cannot be read: {error.Message}", error);
        }
        catch (CheckpointException)
        {
            Close(map, view, data);
            throw;
        }
    }

    /// <summary>Writes the header of a file.</summary>
    public static void WriteHeader(Stream stream, ReadOnlySpan<byte> magic, ReadOnlySpan<byte> fingerprint, int width, int count)
    {
        Span<byte> header = stackalloc byte[HeaderBytes];
        header.Clear();
        magic.CopyTo(header);
        fingerprint.CopyTo(header[8..]);
        BinaryPrimitives.WriteInt32LittleEndian(header[40..], width);
        BinaryPrimitives.WriteInt64LittleEndian(header[48..], count);
        stream.Write(header);
    }

    /// <summary>An array of the file.</summary>
    /// <param name="offset">Its first byte.</param>
    /// <param name="count">Its elements.</param>
    public ReadOnlySpan<T> Array<T>(long offset, int count) where T : unmanaged
    {
        ObjectDisposedException.ThrowIf(_data is null, this);
        ArgumentOutOfRangeException.ThrowIfLessThan(offset, HeaderBytes);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, _length - (long)count * sizeof(T));
        return MemoryMarshal.CreateReadOnlySpan(ref *(T*)(_data + offset), count);
    }

    /// <summary>Throws unless the file is as long as its header and entries of <paramref name="bytesPerEntry"/> are.</summary>
    public void RequireLength(long bytesPerEntry)
    {
        var expected = HeaderBytes + (long)Count * bytesPerEntry;
        if (_length != expected)
            throw new CheckpointException($"{Name}: must have {expected:N0} bytes for {Count:N0} entries, found {_length:N0}.");
    }

    /// <summary>Unmaps the file.</summary>
    public void Dispose()
    {
        if (_data is null) return;
        _data = null;
        Close(_map, _view, (byte*)1);
    }

    private void Check(ReadOnlySpan<byte> magic, ReadOnlySpan<byte> fingerprint, string made)
    {
        var found = new ReadOnlySpan<byte>(_data, 8);
        if (!found.SequenceEqual(magic)) throw new CheckpointException(
            $"{Name}: must begin with {System.Text.Encoding.ASCII.GetString(magic)}, found other bytes (make it with {made}).");
        if (!new ReadOnlySpan<byte>(_data + 8, FingerprintBytes).SequenceEqual(fingerprint))
            throw new CheckpointException(
                $"{Name}: must be made with the tokenizer of this model, found another's (make it again with {made}).");
        if (Count > MostEntries)
            throw new CheckpointException($"{Name}: must have at most {MostEntries:N0} entries, its header says {Count:N0}.");
    }

    private static void Close(MemoryMappedFile? map, MemoryMappedViewAccessor? view, byte* acquired)
    {
        if (acquired is not null) view?.SafeMemoryMappedViewHandle.ReleasePointer();
        view?.Dispose();
        map?.Dispose();
    }
}
