using System.Text;

namespace Coppice.Cli;

/// <summary>Reads files that must be UTF-8; "-" is stdin.</summary>
internal static class TextFile
{
    private const long MaxBytes = 1L << 30;
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The whole text of <paramref name="path"/>.</summary>
    /// <exception cref="CommandException">The file cannot be read, is larger than 1 GiB or is not UTF-8.</exception>
    public static string Read(string path)
    {
        using var stream = Open(path);
        var bytes = new MemoryStream();
        Copy(stream, bytes, path);
        var span = bytes.GetBuffer().AsSpan(0, (int)bytes.Length);
        if (span.StartsWith("\uFEFF"u8)) span = span[3..];
        try
        {
            return Strict.GetString(span);
        }
        catch (DecoderFallbackException error)
        {
            throw new CommandException(
                $"{Label(path)}: must be UTF-8, found a byte that is not at offset {FirstInvalid(span)} (convert the file first).", error);
        }
    }

    /// <summary>Opens <paramref name="path"/> for reading from front to back.</summary>
    /// <exception cref="CommandException">It cannot be opened.</exception>
    public static Stream Open(string path)
    {
        if (path == "-") return StandardStream.Input();
        if (path.Length == 0)
            throw new CommandException("a file's name must not be empty (was a variable of the shell meant that is not set?).");
        if (Directory.Exists(path)) throw new CommandException($"{path}: must be a file, found a folder.");
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CommandException($"{path}: the file must be there, found none.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new CommandException($"{path}: cannot be read: {error.Message}", error);
        }
    }

    /// <summary>The name in messages.</summary>
    public static string Label(string path) => path == "-" ? "stdin" : path;

    private static void Copy(Stream source, MemoryStream target, string path)
    {
        var buffer = new byte[1 << 16];
        while (source.Read(buffer) is > 0 and var count)
        {
            if (target.Length + count > MaxBytes)
                throw new CommandException($"{Label(path)}: must be at most {MaxBytes:N0} bytes, found more.");
            target.Write(buffer, 0, count);
        }
    }

    private static int FirstInvalid(ReadOnlySpan<byte> bytes)
    {
        var valid = 0;
        while (valid < bytes.Length && Rune.DecodeFromUtf8(bytes[valid..], out _, out var length) == System.Buffers.OperationStatus.Done)
            valid += length;
        return valid;
    }
}
