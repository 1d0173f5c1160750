using System.Buffers.Binary;
using Coppice.Kernels;

namespace Coppice.Cache;

/// <summary>What a file of a saved session begins with; 80 bytes, little endian.</summary>
/// <remarks>
/// <code>
///  0  magic, 8 bytes          48  layers         64  positions of a block, 64
///  8  version, 1              52  KV heads       68  tokens
/// 12  1 if beyond, else 0     56  head dim       72  cached tokens, at most tokens
/// 16  fingerprint, 32 bytes   60  element type   76  bytes of a block of a layer
/// </code>
/// Then the tokens, 4 bytes each; for each layer the blocks of its cached tokens (<see cref="KvCache.ReadBlock"/>); the SHA-256 of all
/// that. Of a compressed cache, blocks that are compressed at that length are saved so, and take fewer bytes; how they are compressed is
/// part of the fingerprint.
/// </remarks>
/// <param name="Geometry">Sizes.</param>
/// <param name="Beyond">See <see cref="SavedSession"/>.</param>
/// <param name="Tokens">Tokens.</param>
/// <param name="Cached">Tokens with keys and values.</param>
/// <param name="LayerBytes">Bytes of all blocks of one layer.</param>
internal readonly record struct SessionFileHeader(KvGeometry Geometry, bool Beyond, int Tokens, int Cached, long LayerBytes)
{
    /// <summary>Bytes of a header.</summary>
    public const int Size = 80;
    /// <summary>Bytes of a model's fingerprint.</summary>
    public const int FingerprintSize = 32;
    /// <summary>Bytes of the checksum at the end.</summary>
    public const int ChecksumSize = 32;
    private const int Version = 1;

    /// <summary>As PNG's: a transfer that changes line ends or drops the eighth bit is noticed.</summary>
    private static ReadOnlySpan<byte> Magic => [0x89, (byte)'C', (byte)'P', (byte)'S', (byte)'\r', (byte)'\n', 0x1a, (byte)'\n'];

    /// <summary>Blocks of one layer.</summary>
    public int Blocks => KvLayout.Pages(Cached);
    /// <summary>Bytes of the whole file.</summary>
    public long FileSize => Size + sizeof(int) * (long)Tokens + Geometry.Layers * LayerBytes + ChecksumSize;

    /// <summary>The header of a file of <paramref name="cache"/>, or of one that is to be loaded into it.</summary>
    public static SessionFileHeader Of(KvCache cache, bool beyond, int tokens, int cached)
    {
        var bytes = 0L;
        for (var block = 0; block < KvLayout.Pages(cached); block++) bytes += cache.SavedBytes(block, cached);
        return new SessionFileHeader(cache.Geometry, beyond, tokens, cached, bytes);
    }

    /// <summary>Writes the header of a file of the model with <paramref name="fingerprint"/>.</summary>
    public void Write(Span<byte> bytes, ReadOnlySpan<byte> fingerprint)
    {
        Magic.CopyTo(bytes);
        fingerprint.CopyTo(bytes[16..48]);
        Put(bytes, 8, Version);
        Put(bytes, 12, Beyond ? 1 : 0);
        Put(bytes, 48, Geometry.Layers);
        Put(bytes, 52, Geometry.KvHeads);
        Put(bytes, 56, Geometry.HeadDim);
        Put(bytes, 60, (int)Geometry.Type);
        Put(bytes, 64, KvLayout.PageSize);
        Put(bytes, 68, Tokens);
        Put(bytes, 72, Cached);
        Put(bytes, 76, Geometry.BlockBytes);
    }

    /// <summary>Reads the header of a file of <paramref name="fileSize"/> bytes.</summary>
    /// <param name="name">Of the file, for messages.</param>
    /// <param name="bytes">The header.</param>
    /// <param name="fileSize">Bytes of the file.</param>
    /// <param name="cache">What the file is to be loaded into.</param>
    /// <param name="fingerprint">Of the model.</param>
    /// <exception cref="SessionFileException">The file cannot be loaded into that cache, or its size is not what the header
    /// says.</exception>
    public static SessionFileHeader Read(
        string name, ReadOnlySpan<byte> bytes, long fileSize, KvCache cache, ReadOnlySpan<byte> fingerprint)
    {
        if (!bytes.StartsWith(Magic)) throw new SessionFileException($"{name}: must begin as a saved session does, found other bytes.");
        Check(name, "version", bytes, 8, Version, "save the session again with this version");
        if (!bytes[16..48].SequenceEqual(fingerprint))
        {
            throw new SessionFileException(
                $"{name}: must have been saved with this model, found the fingerprint of another (load the model it was saved "
                + "with, with keys and values compressed the same way).");
        }
        Check(name, "layers", bytes, 48, cache.Geometry.Layers, null);
        Check(name, "KV heads", bytes, 52, cache.Geometry.KvHeads, null);
        Check(name, "head dim", bytes, 56, cache.Geometry.HeadDim, null);
        if (Get(bytes, 60) != (int)cache.Geometry.Type)
        {
            throw new SessionFileException(
                $"{name}: keys and values must be stored as {cache.Geometry.Type}, found {(ElementType)Get(bytes, 60)} "
                + "(set KvCacheOptions.Type to what the session was saved with).");
        }
        Check(name, "positions of a block", bytes, 64, KvLayout.PageSize, null);
        Check(name, "bytes of a block", bytes, 76, cache.Geometry.BlockBytes, null);
        var beyond = Get(bytes, 12);
        var tokens = Get(bytes, 68);
        var cached = Get(bytes, 72);
        if (beyond is not (0 or 1)) throw new SessionFileException($"{name}: the flag at byte 12 must be 0 or 1, found {beyond}.");
        if (tokens < 0 || tokens > cache.Capacity)
        {
            throw new SessionFileException(
                $"{name}: must hold at most {cache.Capacity:N0} tokens, found {tokens:N0} (load the model with a longer context).");
        }
        if (cached < 0 || cached > tokens)
            throw new SessionFileException($"{name}: cached tokens must be 0..{tokens:N0}, found {cached:N0}.");
        var header = Of(cache, beyond == 1, tokens, cached);
        if (header.FileSize != fileSize)
            throw new SessionFileException($"{name}: must have {header.FileSize:N0} bytes, found {fileSize:N0}: cut off or changed.");
        return header;
    }

    private static void Check(string name, string field, ReadOnlySpan<byte> bytes, int at, int expected, string? hint)
    {
        if (Get(bytes, at) == expected) return;
        var suffix = hint is null ? "" : $" ({hint})";
        throw new SessionFileException($"{name}: {field} must be {expected:N0}, found {Get(bytes, at):N0}{suffix}.");
    }

    private static int Get(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt32LittleEndian(bytes[at..]);

    private static void Put(Span<byte> bytes, int at, int value) => BinaryPrimitives.WriteInt32LittleEndian(bytes[at..], value);
}
