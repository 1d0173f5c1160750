namespace Coppice.Loading;

/// <summary>What a model is called.</summary>
internal static class ModelName
{
    private const string Cached = "models--", Snapshots = "snapshots";

    /// <summary>
    /// The last part of the path; in a hub's cache (models--OWNER--NAME/snapshots/REVISION) the name that it is kept for.
    /// </summary>
    public static string Of(string folder)
    {
        var path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (Path.GetDirectoryName(path) is { } parent && Path.GetFileName(parent) == Snapshots
            && Path.GetDirectoryName(parent) is { } cache)
            path = cache;
        var name = Path.GetFileName(path);
        return name.StartsWith(Cached, StringComparison.Ordinal) ? name[Cached.Length..].Replace("--", "/", StringComparison.Ordinal)
            : name;
    }
}
