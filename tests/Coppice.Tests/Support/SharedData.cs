using Xunit;

namespace Coppice.Tests.Support;

/// <summary>Finds the real models and golden files that stand beside the repository on the project's own machines.</summary>
internal static class SharedData
{
    /// <summary>
    /// The unpacked shared folder, or null where there is none: COPPICE_SHARED, or a folder `shared` beside the repository.
    /// </summary>
    public static string? Root { get; } = Find();

    /// <summary>
    /// The folder <paramref name="relative"/> of the shared data, or where that is not there, of the part of it that the repository has in
    /// tests/golden; skips the running test where it is absent.
    /// </summary>
    public static string Require(string relative)
    {
        var path = Root is null ? null : Path.Combine(Root, relative);
        if (path is null || !Path.Exists(path)) path = Committed(relative);
        if (path is null || !Path.Exists(path))
            Assert.Skip($"needs {relative} of the shared folder, which is not on this machine (set COPPICE_SHARED to it)");
        return path!;
    }

    /// <summary>The names of what is in the folder <paramref name="relative"/>, committed or shared, in order.</summary>
    public static IEnumerable<string> Names(string relative)
    {
        string?[] folders = [Path.Combine(Repository, "tests", relative), Root is null ? null : Path.Combine(Root, relative)];
        return folders.Where(Directory.Exists).SelectMany(folder => Directory.EnumerateDirectories(folder!))
            .Select(folder => Path.GetFileName(folder)).Distinct().Order(StringComparer.Ordinal);
    }

    /// <summary>The repository's root: the nearest folder above the test binary that holds Engine.sln.</summary>
    public static string Repository { get; } = Above(AppContext.BaseDirectory)
        ?? throw new DirectoryNotFoundException("Engine.sln was not found above the test binary.");

    /// <summary>"golden/NAME" lies in tests/golden/NAME where the repository has it.</summary>
    private static string? Committed(string relative)
    {
        var path = Path.Combine(Repository, "tests", relative);
        return relative.StartsWith("golden", StringComparison.Ordinal) && Path.Exists(path) ? path : null;
    }

    private static string? Above(string start)
    {
        for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Engine.sln"))) return folder.FullName;
        return null;
    }

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("COPPICE_SHARED") is { Length: > 0 } named) return Directory.Exists(named) ? named : null;
        for (var folder = new DirectoryInfo(Above(AppContext.BaseDirectory) ?? "."); folder is not null; folder = folder.Parent)
        {
            var beside = Path.Combine(folder.FullName, "shared");
            if (Directory.Exists(Path.Combine(beside, "golden"))) return beside;
        }
        return null;
    }
}
