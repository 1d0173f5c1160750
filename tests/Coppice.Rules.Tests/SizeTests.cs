using Coppice.Rules.Tests.Support;
using Xunit;

namespace Coppice.Rules.Tests;

/// <summary>How long files are. The guide is 300 lines; a file that is one thing may be longer and is listed with its reason.</summary>
public sealed class SizeTests(ITestOutputHelper output)
{
    private const int Guide = 300, Limit = 800;
    private static readonly string[] Folders = ["kernels", "src", "tests", "bench", "eng"];

    /// <summary>Files beyond the guide, each with what makes it one thing.</summary>
    private static readonly Dictionary<string, string> Longer = new()
    {
        ["kernels/Coppice.Kernels/Attention/Attention.Gpu.cs"] = "one kernel with its launcher, readers and block states",
        ["kernels/Coppice.Kernels/Attention/AttentionJob.Simd.cs"] = "one job: scores, values and merge of one block share their registers",
    };

    [Fact]
    public void Files_beyond_the_guide_have_a_reason_and_none_is_beyond_the_limit()
    {
        foreach (var folder in Folders)
        {
            var files = SourceTree.CSharp(folder);
            if (files.Count > 0) output.WriteLine($"{folder}: {files.Count} files, {files.Sum(f => f.Lines.Count):N0} lines, {100.0 * files.Sum(CommentLines) / files.Sum(f => f.Lines.Count):f0}% with comments");
        }
        var longer = SourceTree.CSharp(Folders).Where(f => f.Lines.Count > Guide).OrderByDescending(f => f.Lines.Count).ToArray();
        foreach (var file in longer) output.WriteLine($"{file.Lines.Count,5} {file.Path}: {Longer.GetValueOrDefault(file.Path, IsWritten(file) ? file.Lines[0] : "no reason given")}");
        Assert.DoesNotContain(longer, f => f.Lines.Count > Limit);
    }

    [Fact]
    public void Reasons_are_for_files_that_exist() => Assert.All(Longer.Keys, path => Assert.True(File.Exists(Path.Combine(SourceTree.Root, path)), path));

    [Fact]
    public void Lines_end_in_a_line_feed_alone_and_hold_no_tabs() =>
        Assert.Empty(SourceTree.CSharp(Folders).Where(f => f.Text.Contains('\r') || f.Text.Contains('\t') || f.Text.StartsWith('\ufeff')).Select(f => f.Path));

    /// <summary>Whether the first line says which program has written the file.</summary>
    private static bool IsWritten(SourceFile file) => file.Lines[0].StartsWith("// Written by ", StringComparison.Ordinal);

    private static int CommentLines(SourceFile file) => file.Comments.Split('\n').Count(line => line.Trim().Length > 0);
}
