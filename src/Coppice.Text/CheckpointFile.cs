namespace Coppice;

/// <summary>
/// Looks at files of a checkpoint through symbolic links, of which model caches are made, without opening pipes or devices.
/// </summary>
internal static class CheckpointFile
{
    /// <summary>Bytes of the file that <paramref name="path"/> leads to; 0 for a pipe or a device, which reading would wait for.</summary>
    /// <exception cref="IOException">There is no such file, or the links go round in circles.</exception>
    public static long Length(string path)
    {
        var file = new FileInfo(path);
        return file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target ? target.Length : file.Length;
    }

    /// <summary>All bytes of <paramref name="path"/>.</summary>
    /// <exception cref="CheckpointException">It cannot be read, or has more than <paramref name="largest"/> bytes.</exception>
    public static byte[] ReadAll(string path, long largest)
    {
        var name = Path.GetFileName(path);
        try
        {
            var length = Length(path);
            if (length > largest) throw new CheckpointException($"{name}: must be at most {largest:N0} bytes, found {length:N0}.");
            return length == 0 ? [] : File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{name}: cannot be read: {error.Message}", error);
        }
    }
}
