using Coppice.Kernels.Tiles;

// Writes the register tiles into the repository that this program was built in.
var root = AppContext.BaseDirectory;
while (!File.Exists(Path.Combine(root, "Engine.sln")))
    root = Path.GetDirectoryName(root)
        ?? throw new DirectoryNotFoundException($"Engine.sln must lie above {AppContext.BaseDirectory}");
foreach (var family in TileFamily.All)
{
    var file = Path.Combine(root, family.Path);
    Directory.CreateDirectory(Path.GetDirectoryName(file)!);
    File.WriteAllText(file, family.Text);
}
