namespace Coppice.Cli.Hub;

/// <summary>
/// The cache of the hub's own programs, so that what one of them has fetched the others find: for each model a folder
/// <c>models--owner--name</c> with <c>blobs</c> (files by their hash), <c>refs</c> (a revision's commit) and <c>snapshots</c> (by commit,
/// files that lead to blobs).
/// </summary>
/// <param name="root">The folder of all models.</param>
internal sealed class HubCache(string root)
{
    /// <summary>What the folders of models begin with.</summary>
    public const string Prefix = "models--";

    /// <summary>The folder of all models.</summary>
    public string Root => root;

    /// <summary>Where the user's programs keep it: HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, or .cache in the home folder.</summary>
    public static HubCache OfUser()
    {
        if (Variable("HF_HUB_CACHE") is { } named) return new HubCache(named);
        if (Variable("HF_HOME") is { } home) return new HubCache(Path.Combine(home, "hub"));
        var cache = Variable("XDG_CACHE_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return new HubCache(Path.Combine(cache, "huggingface", "hub"));
    }

    /// <summary>The folder of a model.</summary>
    public string Folder(string model) => Path.Combine(root, Prefix + model.Replace("/", "--", StringComparison.Ordinal));

    /// <summary>The model's name where <paramref name="folder"/> is its folder, or one inside; else null.</summary>
    public static string? ModelOf(string folder)
    {
        for (var at = new DirectoryInfo(Path.GetFullPath(folder)); at is not null; at = at.Parent)
        {
            if (at.Name.StartsWith(Prefix, StringComparison.Ordinal))
                return at.Name[Prefix.Length..].Replace("--", "/", StringComparison.Ordinal);
        }
        return null;
    }

    /// <summary>The folders of the models in <paramref name="folder"/>, where it is a cache of them; else none.</summary>
    public static string[] Models(string folder) => Directory.Exists(folder)
        ? [.. Directory.GetDirectories(folder, Prefix + "*").Where(model =>
            Directory.Exists(Path.Combine(model, "snapshots"))).Order(StringComparer.Ordinal)]
        : [];

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
