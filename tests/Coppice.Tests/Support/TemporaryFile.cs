namespace Coppice.Tests.Support;

/// <summary>A file in a folder of its own; deleted at the end.</summary>
internal sealed class TemporaryFile : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("coppice-file-").FullName;

    public string Path => System.IO.Path.Combine(_folder, "data.bin");

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
