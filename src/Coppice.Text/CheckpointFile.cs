namespace Coppice;

/// <summary>
/// Looks at files of a checkpoint through symbolic links, of which model caches are made, without opening pipes or devices.
/// </summary>
internal static class CheckpointFile
{
    private const int LongestLink = 128;

    /// <summary>
    /// <paramref name="path"/>, or the file of a hub's cache that it leads to where the cache was copied by what does not keep symbolic
    /// links (git without core.symlinks, archives): then it is a text such as <c>../../blobs/0123abcd</c>.
    /// </summary>
    /// <remarks>Follows nothing but a plain name in the folder blobs beside the snapshots that the file is in.</remarks>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static string Follow(string path)
    {
        var file = new FileInfo(path);
        if (!file.Exists || file.LinkTarget is not null || file.Length is 0 or > LongestLink) return path;
        var folder = file.Directory;
        while (folder is not null && folder.Parent?.Name != "snapshots") folder = folder.Parent;
        if (folder?.Parent?.Parent is not { } cache) return path;
        var up = Path.GetRelativePath(file.DirectoryName!, cache.FullName).Replace(Path.DirectorySeparatorChar, '/') + "/blobs/";
        var text = File.ReadAllText(path).TrimEnd();
        if (!text.StartsWith(up, StringComparison.Ordinal)) return path;
        var name = text[up.Length..];
        var blob = Path.Combine(cache.FullName, "blobs", name);
        return name.Length > 0 && name.All(char.IsAsciiLetterOrDigit) && File.Exists(blob) ? blob : path;
    }

    /// <summary>Bytes of the file that <paramref name="path"/> leads to; 0 for a pipe or a device, which reading would wait for.</summary>
    /// <exception cref="IOException">There is no such file, or the links go round in circles.</exception>
    public static long Length(string path)
    {
        var file = new FileInfo(Follow(path));
        return file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo target ? target.Length : file.Length;
    }

    /// <summary>All bytes of <paramref name="path"/>.</summary>
    /// <exception cref="CheckpointException">
    /// It cannot be read, has more than <paramref name="largest"/> bytes, or is another file under its name.
    /// </exception>
    public static byte[] ReadAll(string path, long largest)
    {
        var name = Path.GetFileName(path);
        try
        {
            var length = Length(path);
            if (length > largest) throw new CheckpointException($"{name}: must be at most {largest:N0} bytes, found {length:N0}.");
            var bytes = length == 0 ? [] : File.ReadAllBytes(Follow(path));
            MistakenFile.Refuse(name, bytes.AsSpan(0, Math.Min(bytes.Length, MistakenFile.Sample)));
            return bytes;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{name}: cannot be read: {error.Message}", error);
        }
    }
}
