namespace Coppice.Tests.Support;

/// <summary>
/// A golden folder of a family, with weights and expected values. A folder NAME-old that stores none has those of NAME, as links in a
/// folder of its own; deleted at the end.
/// </summary>
internal sealed class GoldenFamily : IDisposable
{
    private readonly LinkedFolder? _linked;

    /// <summary>Opens the folder called <paramref name="name"/>; skips the running test where it is absent.</summary>
    public GoldenFamily(string name)
    {
        Folder = SharedData.Require($"golden/families/{name}");
        if (File.Exists(Path.Combine(Folder, "golden.safetensors"))) return;
        var twin = name == "llama-old" ? "llama-untied" : name[..^"-old".Length];
        _linked = new LinkedFolder(SharedData.Require($"golden/families/{twin}"));
        foreach (var file in Directory.EnumerateFiles(Folder)) _linked.Replace(Path.GetFileName(file), File.ReadAllText(file));
        Folder = _linked.Folder;
    }

    /// <summary>Where the model and its golden.safetensors are.</summary>
    public string Folder { get; }

    /// <summary>The names of all folders, of the repository's and of the shared ones.</summary>
    public static IEnumerable<string> Names() => SharedData.Names("golden/families");

    public void Dispose() => _linked?.Dispose();
}
