using System.Runtime.CompilerServices;

namespace Coppice.Rules.Tests.Support;

/// <summary>The files of the repository, found from where this file was compiled.</summary>
internal static class SourceTree
{
    private static readonly string[] Skipped = ["bin", "obj", ".git", ".vs", "shared", "results", "node_modules"];

    /// <summary>The folder that holds Engine.sln.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Every C# file of the top folders <paramref name="folders"/>, generated ones left out.</summary>
    public static IReadOnlyList<SourceFile> CSharp(params string[] folders) =>
        [.. folders.SelectMany(folder => Files(Path.Combine(Root, folder), ".cs")).Select(path => new SourceFile(Relative(path),
            File.ReadAllText(path)))];

    /// <summary>Every file that ends in <paramref name="extension"/> below <paramref name="folder"/>, which may be absent.</summary>
    public static IEnumerable<string> Files(string folder, string extension)
    {
        if (!Directory.Exists(folder)) yield break;
        foreach (var file in Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal))
            if (file.EndsWith(extension, StringComparison.Ordinal)) yield return file;
        foreach (var inner in Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal))
            if (!Skipped.Contains(Path.GetFileName(inner)))
                foreach (var file in Files(inner, extension)) yield return file;
    }

    /// <summary><paramref name="path"/> from the root, with slashes.</summary>
    public static string Relative(string path) => Path.GetRelativePath(Root, path).Replace('\\', '/');

    private static string FindRoot([CallerFilePath] string compiledFrom = "")
    {
        foreach (var start in new[] { AppContext.BaseDirectory, Path.GetDirectoryName(compiledFrom)! })
            for (var folder = new DirectoryInfo(start); folder is not null; folder = folder.Parent)
                if (File.Exists(Path.Combine(folder.FullName, "Engine.sln"))) return folder.FullName;
        throw new DirectoryNotFoundException("Engine.sln was not found above the tests.");
    }
}
