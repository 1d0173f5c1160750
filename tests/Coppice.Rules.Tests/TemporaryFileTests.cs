using System.Text.RegularExpressions;
using Coppice.Rules.Tests.Support;
using Xunit;

namespace Coppice.Rules.Tests;

/// <summary>Temporary files are made in folders that are called coppice-*, so that CI sees which of them a test has left.</summary>
public sealed partial class TemporaryFileTests
{
    /// <summary>
    /// They delete what they make; the first is for the assembler, which is given a path, the second is shown to readers.
    /// </summary>
    private static readonly string[] WithFilesOfTheirOwn =
        ["kernels/Coppice.Kernels/Gpu/Ptxas.cs", "tests/Coppice.Tests/EndToEnd/ReadmeSnippets.cs"];

    [Fact]
    public void Folders_are_named_and_nobody_makes_files_without_one()
    {
        var wrong = SourceTree.CSharp("src", "kernels", "eng", "tests", "bench", "samples")
            .Where(file => !WithFilesOfTheirOwn.Contains(file.Path)
                && !file.Path.EndsWith("/TemporaryFileTests.cs", StringComparison.Ordinal))
            .SelectMany(file => file.Lines.Select((line, i) => (file.Path, Line: i + 1, Text: line)))
            .Where(line => Nameless().IsMatch(line.Text))
            .Select(line => $"{line.Path}({line.Line}): {line.Text.Trim()}");
        Assert.Empty(wrong);
    }

    [GeneratedRegex("""GetTempFileName|CreateTempSubdirectory\((?!"coppice-)""")]
    private static partial Regex Nameless();
}
