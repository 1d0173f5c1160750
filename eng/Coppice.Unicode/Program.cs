using Coppice.Unicode;

// Writes the Unicode tables of Coppice.Text into the repository that this program was built in. With the argument `refresh` it first
// reads the casing of the runtime it runs on into Data/casing.txt; build again to write tables from that.
var root = AppContext.BaseDirectory;
while (!File.Exists(Path.Combine(root, "Engine.sln")))
    root = Path.GetDirectoryName(root)
        ?? throw new DirectoryNotFoundException($"Engine.sln must lie above {AppContext.BaseDirectory}");
if (args is ["refresh"])
{
    var casing = Path.Combine(root, "eng", "Coppice.Unicode", "Data", CaseTable.Source);
    File.WriteAllText(casing, RuntimeCasing.Refreshed(File.ReadAllText(casing)));
    return;
}
foreach (var table in Table.All) File.WriteAllText(Path.Combine(root, table.Path), table.Text);
