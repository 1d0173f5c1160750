using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Coppice.Cache;

/// <summary>What a file of a saved session held besides keys and values.</summary>
/// <param name="Tokens">The session's tokens; the first of them are in the cache.</param>
/// <param name="Beyond">Whether keys are turned with the long factors of a longrope model.</param>
internal sealed record SavedSession(int[] Tokens, bool Beyond);

/// <summary>
/// Writes the committed keys and values of a cache and the session's tokens to a file, and reads them back: see
/// <see cref="SessionFileHeader"/>.
/// </summary>
/// <remarks>
/// Keys and values go block by block through one buffer, so memory for a block is all that either way needs; passes of other sequences run
/// in between.
/// The checksum finds damage. It is no signature: a file from a stranger may hold keys and values that no text has, but no token outside
/// the vocabulary.
/// </remarks>
internal static class SessionFile
{
    /// <summary>
    /// Writes a file, or leaves what was there: it is written beside the path and takes its place when it is whole and on the disk.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="cache">Its committed tokens are the first of <paramref name="tokens"/>.</param>
    /// <param name="tokens">The session's tokens, at least as many as are committed.</param>
    /// <param name="beyond">See <see cref="SavedSession"/>.</param>
    /// <param name="fingerprint">Of the model, 32 bytes.</param>
    /// <param name="cancellationToken">Looked at before each block.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The file must not be written.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static void Save(
        string path, KvCache cache, ReadOnlySpan<int> tokens, bool beyond, ReadOnlySpan<byte> fingerprint,
        CancellationToken cancellationToken = default)
    {
        var target = Path.GetFullPath(path);
        var temporary = $"{target}.{Path.GetRandomFileName()}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                Write(stream, cache, tokens, beyond, fingerprint, cancellationToken);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, target, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>
    /// Reads a file into <paramref name="cache"/>, whose tokens it replaces. Nothing is changed unless the whole file is found to be right.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="cache">A cache of the same geometry.</param>
    /// <param name="fingerprint">Of the model, 32 bytes.</param>
    /// <param name="vocabularySize">Token ids must be below it.</param>
    /// <param name="reserve">Makes room in the cache for a number of tokens; null for <see cref="KvCache.ReserveStored"/>.</param>
    /// <param name="cancellationToken">Looked at before each block.</param>
    /// <exception cref="SessionFileException">The file is damaged, or of another model, format or version.</exception>
    /// <exception cref="DeviceMemoryException">The memory shared with other sequences is used up; the cache is empty.</exception>
    /// <exception cref="IOException">The file cannot be read. If it fails while keys and values are copied, the cache is empty.</exception>
    /// <exception cref="UnauthorizedAccessException">The file must not be read.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled; the cache is as it was, or empty.</exception>
    public static SavedSession Load(
        string path, KvCache cache, ReadOnlySpan<byte> fingerprint, int vocabularySize, Action<int>? reserve = null,
        CancellationToken cancellationToken = default)
    {
        var name = Path.GetFileName(path);
        if (CheckpointFile.Length(path) == 0)
            throw new SessionFileException($"{name}: must be a file with content, found an empty one, a pipe or a device.");
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        return Read(name, stream, cache, fingerprint, vocabularySize, reserve, cancellationToken);
    }

    /// <summary>Writes what a file holds.</summary>
    /// <inheritdoc cref="Save"/>
    public static void Write(
        Stream stream, KvCache cache, ReadOnlySpan<int> tokens, bool beyond, ReadOnlySpan<byte> fingerprint,
        CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(fingerprint.Length, SessionFileHeader.FingerprintSize);
        ArgumentOutOfRangeException.ThrowIfLessThan(tokens.Length, cache.Length);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var header = SessionFileHeader.Of(cache, beyond, tokens.Length, cache.Length);
        var start = new byte[SessionFileHeader.Size];
        header.Write(start, fingerprint);
        Put(start);
        var ids = new byte[sizeof(int) * tokens.Length];
        for (var i = 0; i < tokens.Length; i++) BinaryPrimitives.WriteInt32LittleEndian(ids.AsSpan(sizeof(int) * i), tokens[i]);
        Put(ids);
        var buffer = new byte[MostBytes(header, cache)];
        for (var layer = 0; layer < cache.Geometry.Layers; layer++)
        {
            for (var i = 0; i < header.Blocks; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var block = buffer.AsSpan(0, cache.SavedBytes(i, header.Cached));
                cache.ReadBlock(layer, i, block);
                Put(block);
            }
        }
        stream.Write(hash.GetHashAndReset());

        void Put(ReadOnlySpan<byte> bytes)
        {
            hash.AppendData(bytes);
            stream.Write(bytes);
        }
    }

    /// <summary>Reads what a file holds: once to check it, and once more to copy it.</summary>
    /// <param name="name">Of the file, for messages.</param>
    /// <param name="stream">Can seek.</param>
    /// <param name="cache">See <see cref="Load"/>.</param>
    /// <param name="fingerprint">See <see cref="Load"/>.</param>
    /// <param name="vocabularySize">See <see cref="Load"/>.</param>
    /// <param name="reserve">See <see cref="Load"/>.</param>
    /// <param name="cancellationToken">See <see cref="Load"/>.</param>
    /// <inheritdoc cref="Load"/>
    public static SavedSession Read(
        string name, Stream stream, KvCache cache, ReadOnlySpan<byte> fingerprint, int vocabularySize, Action<int>? reserve = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(fingerprint.Length, SessionFileHeader.FingerprintSize);
        var begin = stream.Position;
        var length = stream.Length - begin;
        const int least = SessionFileHeader.Size + SessionFileHeader.ChecksumSize;
        if (length < least) throw new SessionFileException($"{name}: must have at least {least} bytes, found {length:N0}.");
        var start = new byte[SessionFileHeader.Size];
        Fill(name, stream, start);
        var header = SessionFileHeader.Read(name, start, length, cache, fingerprint);

        stream.Position = begin;
        if (Pass(name, stream, header, cache, false, cancellationToken) is not { } tokens) throw Damaged(name);
        foreach (var token in tokens)
        {
            if ((uint)token >= (uint)vocabularySize)
                throw new SessionFileException($"{name}: token ids must be 0..{vocabularySize - 1:N0}, found {token:N0}.");
        }
        stream.Position = begin;
        cache.Truncate(0);
        try
        {
            if (reserve is null) cache.ReserveStored(header.Cached);
            else reserve(header.Cached);
            // Where the checksum is another now, the file was written to since.
            if (Pass(name, stream, header, cache, true, cancellationToken) is null) throw Damaged(name);
            cache.Advance(header.Cached);
        }
        catch
        {
            cache.Truncate(0);
            throw;
        }
        return new SavedSession(tokens, header.Beyond);
    }

    /// <summary>Reads all of a file, the blocks into <paramref name="cache"/> where <paramref name="copies"/> is set.</summary>
    /// <returns>The tokens; null where the checksum is another.</returns>
    private static int[]? Pass(
        string name, Stream stream, SessionFileHeader header, KvCache cache, bool copies, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Take(new byte[SessionFileHeader.Size]);
        var tokens = new int[header.Tokens];        // no more than the cache holds, and than the file has bytes for
        var bytes = new byte[sizeof(int) * tokens.Length];
        Take(bytes);
        for (var i = 0; i < tokens.Length; i++) tokens[i] = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(sizeof(int) * i));
        var buffer = new byte[MostBytes(header, cache)];
        for (var layer = 0; layer < header.Geometry.Layers; layer++)
        {
            for (var i = 0; i < header.Blocks; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var block = buffer.AsSpan(0, cache.SavedBytes(i, header.Cached));
                Take(block);
                if (copies) cache.WriteBlock(layer, i, block);
            }
        }
        var checksum = new byte[SessionFileHeader.ChecksumSize];
        Fill(name, stream, checksum);
        return hash.GetHashAndReset().AsSpan().SequenceEqual(checksum) ? tokens : null;

        void Take(Span<byte> bytes)
        {
            Fill(name, stream, bytes);
            hash.AppendData(bytes);
        }
    }

    /// <summary>Bytes of the largest block.</summary>
    private static int MostBytes(SessionFileHeader header, KvCache cache)
    {
        var most = 0;
        for (var i = 0; i < header.Blocks; i++) most = Math.Max(most, cache.SavedBytes(i, header.Cached));
        return most;
    }

    private static void Fill(string name, Stream stream, Span<byte> bytes)
    {
        if (stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) < bytes.Length)
            throw new SessionFileException($"{name}: ends too early: it was cut off while it was read.");
    }

    private static SessionFileException Damaged(string name) =>
        new($"{name}: must have the checksum of its content, found another: the file is damaged.");
}
