namespace Coppice.Kernels.Tests.Support;

/// <summary>The folder of the repository in which the tests were built.</summary>
internal static class RepositoryFolder
{
    public static string Path { get; } = Find();

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "Engine.sln"))) folder = folder.Parent;
        return folder!.FullName;
    }
}
