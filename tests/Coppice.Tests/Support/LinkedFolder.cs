namespace Coppice.Tests.Support;

/// <summary>A folder of links to the files of another, of which some are replaced; deleted at the end.</summary>
internal sealed class LinkedFolder : IDisposable
{
    public LinkedFolder(string original)
    {
        foreach (var file in Directory.EnumerateFiles(original)) File.CreateSymbolicLink(PathOf(Path.GetFileName(file)), file);
    }

    public string Folder { get; } = Directory.CreateTempSubdirectory("coppice-linked-").FullName;

    /// <summary>Where a file of the folder is.</summary>
    public string PathOf(string name) => Path.Combine(Folder, name);

    /// <summary>Writes a file in place of the link.</summary>
    public void Replace(string name, string text)
    {
        File.Delete(PathOf(name));
        File.WriteAllText(PathOf(name), text);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
