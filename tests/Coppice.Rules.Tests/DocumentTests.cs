using System.Text.RegularExpressions;
using Coppice.Rules.Tests.Support;
using Xunit;

namespace Coppice.Rules.Tests;

/// <summary>What documents say about the tree: paths that they mention exist, and the recipes are there.</summary>
public sealed partial class DocumentTests
{
    private static readonly string[] Folders = ["kernels", "src", "eng", "tests", "bench", "weights", "samples"];

    public static TheoryData<string> Documents =>
        [.. SourceTree.Files(SourceTree.Root, ".md").Where(p => Folders.Contains(SourceTree.Relative(p).Split('/')[0])
            || !SourceTree.Relative(p).Contains('/')).Select(SourceTree.Relative)];

    [Theory, MemberData(nameof(Documents))]
    public void Paths_that_a_document_mentions_exist(string document)
    {
        var text = File.ReadAllText(Path.Combine(SourceTree.Root, document));
        var missing = Quoted().Matches(text).Select(m => m.Groups[1].Value).Concat(Linked().Matches(text).Select(m => m.Groups[1].Value))
            .Where(LooksLikePath).Where(path => !Exists(document, path)).Distinct();
        Assert.Empty(missing);
    }

    [Theory]
    [InlineData("kernels/README.md", "Add an op")]
    [InlineData("kernels/README.md", "Change a register tile")]
    [InlineData("kernels/README.md", "Add a KV kind")]
    public void Recipes_are_at_most_one_screen(string document, string heading)
    {
        var section = Section(File.ReadAllLines(Path.Combine(SourceTree.Root, document)), heading);
        Assert.InRange(section.Count, 2, 40);
    }

    [Fact]
    public void Every_op_has_the_three_files_of_the_recipe()
    {
        var ops = Directory.GetDirectories(Path.Combine(SourceTree.Root, "kernels", "Coppice.Kernels", "Ops"));
        Assert.NotEmpty(ops);
        foreach (var op in ops)
        {
            var name = Path.GetFileName(op);
            Assert.All([$"{name}.cs", $"{name}.Simd.cs", $"{name}.Gpu.cs"],
                file => Assert.True(File.Exists(Path.Combine(op, file)), $"{name}/{file} is missing"));
            Assert.True(File.Exists(Path.Combine(SourceTree.Root, "tests", "Coppice.Kernels.Tests", "Ops", $"{name}Tests.cs")),
                $"{name} has no suite");
        }
    }

    private static List<string> Section(string[] lines, string heading)
    {
        var start = Array.FindIndex(lines, l => l.StartsWith('#') && l.Contains(heading, StringComparison.OrdinalIgnoreCase));
        Assert.True(start >= 0, $"there is no heading \"{heading}\"");
        return [.. lines.Skip(start + 1).TakeWhile(l => !l.StartsWith('#'))];
    }

    /// <summary>A path has a slash or the ending of a source or document file, no blanks, and nothing to be filled in.</summary>
    private static bool LooksLikePath(string text) =>
        Shape().IsMatch(text) && (text.Contains('/') || Ending().IsMatch(text)) && !text.StartsWith("http", StringComparison.Ordinal)
            && !text.StartsWith('.');

    /// <summary>Relative to the document, to the root, or to a project's folder.</summary>
    private static bool Exists(string document, string path)
    {
        var beside = Path.GetDirectoryName(Path.Combine(SourceTree.Root, document))!;
        string[] starts = [beside, SourceTree.Root, Path.Combine(SourceTree.Root, "kernels", "Coppice.Kernels"),
            Path.Combine(SourceTree.Root, "src", "Coppice"), Path.Combine(SourceTree.Root, "src", "Coppice.Text")];
        var plain = path.TrimEnd('/');
        return starts.Any(start => Path.Exists(Path.Combine(start, plain))) || (!plain.Contains('/') && Named(plain));
    }

    /// <summary>A file that the text names without its folder, as tables do.</summary>
    private static bool Named(string file) =>
        Folders.Any(folder => SourceTree.Files(Path.Combine(SourceTree.Root, folder), file).Any(p => Path.GetFileName(p) == file));

    [GeneratedRegex(@"(?<!`)`([^`\n]+)`(?!`)")]
    private static partial Regex Quoted();
    [GeneratedRegex(@"\]\(([^)#\s]+)\)")]
    private static partial Regex Linked();
    [GeneratedRegex(@"^[A-Za-z][\w./-]*$")]
    private static partial Regex Shape();
    [GeneratedRegex(@"\.(cs|md|sln|ps1|csproj|props|txt|json|yml)$")]
    private static partial Regex Ending();
}
