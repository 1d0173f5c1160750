using System.Text;
using Coppice.Kernels.Tiles;
using Coppice.Rules.Tests.Support;
using Xunit;

namespace Coppice.Rules.Tests;

/// <summary>The register tiles in the repository are what the templates say.</summary>
public sealed class TileTests
{
    private const string Folder = "kernels/Coppice.Kernels/Ops/MatMul/Tiles";
    private const string Advice =
        "change the template in kernels/Coppice.Kernels.Tiles, then `dotnet run --project kernels/Coppice.Kernels.Tiles`";

    public static TheoryData<string> Paths => [.. TileFamily.All.Select(family => family.Path)];

    [Theory, MemberData(nameof(Paths))]
    public void A_file_of_tiles_is_what_its_template_writes(string path)
    {
        var file = Path.Combine(SourceTree.Root, path);
        Assert.True(File.Exists(file), $"{path} is missing; {Advice}");
        // A checkout may have changed the line ends, and nothing else.
        var found = Encoding.UTF8.GetString(File.ReadAllBytes(file)).Replace("\r\n", "\n", StringComparison.Ordinal);
        var written = TileFamily.All.Single(family => family.Path == path).Text;
        Assert.True(found == written, $"{path}:{LinesAlike(found, written) + 1}: not what is written; {Advice}");
    }

    [Fact]
    public void Every_file_of_tiles_has_a_template()
    {
        var files = SourceTree.Files(Path.Combine(SourceTree.Root, Folder), ".cs").Select(SourceTree.Relative);
        Assert.Equal(TileFamily.All.Select(family => family.Path).Order(StringComparer.Ordinal), files);
    }

    [Fact]
    public void What_fills_a_hole_is_indented_and_an_empty_hole_takes_its_line_along()
    {
        var text = Code.Text($$"""
            {
                {{Code.Lines(2, i => $"a{i};\n")}}
                {{Code.Lines(0, i => $"b{i};")}}
                c{{""}};
            }
            """);
        Assert.Equal("{\n    a0;\n\n    a1;\n\n    c;\n}", text);
    }

    private static int LinesAlike(string found, string written) =>
        found.Split('\n').Zip(written.Split('\n')).TakeWhile(pair => pair.First == pair.Second).Count();
}
