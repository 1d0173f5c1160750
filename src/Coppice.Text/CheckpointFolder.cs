namespace Coppice;

/// <summary>Finds the files of a checkpoint in what a user calls its folder.</summary>
internal static class CheckpointFolder
{
    private const int LongestName = 255;

    /// <summary>
    /// <paramref name="folder"/> itself, or the snapshot in it where it is one model of a hub's cache: <c>models--owner--name</c> with
    /// <c>refs</c>, <c>snapshots</c> and <c>blobs</c>. The snapshot is the one that <c>refs/main</c> names, or the only one.
    /// </summary>
    /// <exception cref="CheckpointException">It is such a folder, and the snapshot cannot be told or is missing.</exception>
    public static string Resolve(string folder)
    {
        var snapshots = Path.Combine(folder, "snapshots");
        if (!Directory.Exists(snapshots) || File.Exists(Path.Combine(folder, "config.json"))) return folder;
        var main = Path.Combine(folder, "refs", "main");
        if (File.Exists(main)) return Named(folder, System.Text.Encoding.UTF8.GetString(CheckpointFile.ReadAll(main, LongestName)).Trim());
        return Directory.GetDirectories(snapshots) is [var only]
            ? only
            : throw new CheckpointException(
                $"{folder}: a hub cache must name its snapshot in refs/main, found no such file (name a folder in snapshots).");
    }

    private static string Named(string folder, string name)
    {
        if (name.Length == 0 || name[0] == '.' || name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')))
            throw new CheckpointException($"{folder}: refs/main must be the name of a snapshot, found other text.");
        var snapshot = Path.Combine(folder, "snapshots", name);
        return Directory.Exists(snapshot)
            ? snapshot
            : throw new CheckpointException($"{folder}: refs/main names the snapshot {name}, found none (was the download complete?).");
    }
}
