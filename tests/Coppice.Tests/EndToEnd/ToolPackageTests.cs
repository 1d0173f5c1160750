using System.IO.Compression;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>The package of the command: what is in it, and that it speaks where there is no repository.</summary>
public sealed class ToolPackageTests : IDisposable
{
    private const string Program = "tools/net10.0/any/";

    private static readonly string Dotnet = Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet";
    private readonly string _folder = Directory.CreateTempSubdirectory("coppice-package-").FullName;

    [Fact]
    public void The_tool_brings_the_models_and_runs_from_anywhere()
    {
        using var package = Pack();
        var files = package.Entries.Select(entry => entry.FullName).ToArray();
        Assert.Contains("README.md", files);
        Assert.Contains("LICENSE", files);
        var notices = Text(package, "THIRD-PARTY-NOTICES.txt");
        foreach (var library in files.Where(file => file.StartsWith(Program, StringComparison.Ordinal)
            && file.EndsWith(".dll", StringComparison.Ordinal)))
        {
            var name = Path.GetFileNameWithoutExtension(library);
            if (!name.StartsWith("Coppice", StringComparison.Ordinal)) Assert.Contains(name, notices, StringComparison.Ordinal);
        }
        Assert.DoesNotContain(Program + Path.GetFileName(CliProcess.Program), files);
        Assert.Contains("<Command Name=\"coppice\" EntryPoint=\"Coppice.Cli.dll\"", Text(package, Program + "DotnetToolSettings.xml"),
            StringComparison.Ordinal);
        var metadata = Text(package, "Coppice.Cli.nuspec");
        Assert.Contains("<license type=\"expression\">Apache-2.0</license>", metadata, StringComparison.Ordinal);
        Assert.Contains("<packageType name=\"DotnetTool\" />", metadata, StringComparison.Ordinal);

        var unpacked = Path.Combine(_folder, "unpacked");
        package.ExtractToDirectory(unpacked);
        foreach (var name in (string[])["tiny", "draft"])
        {
            var (own, packed) = (Path.Combine(SharedData.Repository, "weights", name), Path.Combine(unpacked, Program, "weights", name));
            foreach (var file in (string[])["config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
                "tokenizer_config.json"])
                Assert.Equal(File.ReadAllBytes(Path.Combine(own, file)), File.ReadAllBytes(Path.Combine(packed, file)));
        }
        var elsewhere = Directory.CreateDirectory(Path.Combine(_folder, "elsewhere")).FullName;
        string[] arguments = ["generate", "Gets or sets the", "--device", "cpu", "--max-tokens", "12", "--ignore-eos", "--drafter",
            "draft-model", "--json"];
        var spoken = CliProcess.RunIn(elsewhere, Dotnet, [Path.Combine(unpacked, Program, "Coppice.Cli.dll"), .. arguments]);
        Assert.Equal("", spoken.Error);
        Assert.Equal(CliProcess.Run(arguments).Json.GetProperty("ids").GetRawText(), spoken.Json.GetProperty("ids").GetRawText());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Packs the program that was built beside the tests.</summary>
    private ZipArchive Pack()
    {
        var configuration = Path.GetFileName(Path.GetDirectoryName(Path.GetDirectoryName(CliProcess.Program)))!;
        var project = Path.Combine(SharedData.Repository, "src", "Coppice.Cli");
        var packed = CliProcess.RunIn(_folder, Dotnet, "pack", project, "--no-build", "-c", configuration, "-o", _folder, "-nologo");
        Assert.True(packed.Status == 0, packed.Output + packed.Error);
        return ZipFile.OpenRead(Assert.Single(Directory.EnumerateFiles(_folder, "*.nupkg")));
    }

    private static string Text(ZipArchive package, string name)
    {
        using var reader = new StreamReader(package.GetEntry(name)!.Open());
        return reader.ReadToEnd();
    }
}
