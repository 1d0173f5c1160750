using System.Text.RegularExpressions;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>The C# samples of README.md are the compiled ones, word for word, and the first of them runs.</summary>
public sealed partial class ReadmeTests
{
    private static string ReadmePath => Path.Combine(SharedData.Repository, "README.md");

    [Fact]
    public void Samples_of_the_readme_are_the_compiled_ones()
    {
        if (!File.Exists(ReadmePath)) Assert.Skip("there is no README.md yet");
        var blocks = Block().Matches(File.ReadAllText(ReadmePath).ReplaceLineEndings("\n")).Select(m => WithoutUsings(m.Groups[1].Value))
            .ToArray();
        var compiled = ReadmeSnippets.Texts();
        Assert.NotEmpty(compiled);
        Assert.All(blocks, block => Assert.True(compiled.Contains(block),
            $"README.md has a sample that ReadmeSnippets.cs does not have:\n{block}"));
        Assert.All(compiled, sample => Assert.True(blocks.Contains(sample),
            $"ReadmeSnippets.cs has a sample that README.md does not have:\n{sample}"));
    }

    [Fact]
    public async Task The_first_program_writes_text() => Assert.NotEqual("", (await Written(ReadmeSnippets.FirstProgram)).Trim());

    [Fact]
    public async Task The_program_with_a_strategy_of_the_hosts_own_writes_text() =>
        Assert.NotEqual("", (await Written(ReadmeSnippets.WithAHostsStrategy)).Trim());

    [Fact]
    public async Task The_program_with_a_draft_model_writes_the_same_text_and_how_much_a_pass_gave()
    {
        var (plain, drafted) = (await Written(ReadmeSnippets.FirstProgram), await Written(ReadmeSnippets.WithADraftModel));
        Assert.StartsWith(plain, drafted, StringComparison.Ordinal);
        Assert.Matches(@"^\n[1-9]\.\d tokens a pass\s*$", drafted[plain.Length..]);
    }

    [Fact]
    public async Task The_program_with_sessions_of_one_text_writes_the_same_text_and_a_score()
    {
        var plain = await Written(ReadmeSnippets.FirstProgram);
        var lines = (await Written(ReadmeSnippets.WithSessionsOfOneText)).ReplaceLineEndings("\n").TrimEnd('\n');
        var text = lines[..lines.LastIndexOf('\n')];
        Assert.NotEmpty(text);
        Assert.StartsWith(text, plain, StringComparison.Ordinal);
        Assert.Matches(@"^-\d+\.\d\d nats$", lines[(text.Length + 1)..]);
    }

    [Fact]
    public async Task The_program_with_drafts_writes_three_texts_after_every_step()
    {
        var lines = (await Written(ReadmeSnippets.WithDrafts)).ReplaceLineEndings("\n").TrimEnd('\n').Split('\n');
        Assert.True(lines.Length > 3, string.Join('\n', lines));
        Assert.Contains(lines, line => line.Split(" |").Length == 3);
    }

    [Fact]
    public async Task The_program_with_vectors_writes_how_alike_texts_are() =>
        Assert.Matches(@"^-?[01]\.\d\d -?[01]\.\d\d\s*$", await Written(ReadmeSnippets.WithVectors));

    /// <summary>What a sample writes, run from the root of the repository as a reader does.</summary>
    private static async Task<string> Written(Func<Task> sample)
    {
        if (!File.Exists(Path.Combine(SharedData.Repository, "weights", "tiny", "config.json")))
            Assert.Skip("weights/tiny has not been made");
        var (folder, console) = (Directory.GetCurrentDirectory(), Console.Out);
        using var written = new StringWriter();
        try
        {
            Directory.SetCurrentDirectory(SharedData.Repository);
            Console.SetOut(written);
            await sample();
        }
        finally
        {
            Console.SetOut(console);
            Directory.SetCurrentDirectory(folder);
        }
        return written.ToString();
    }

    /// <summary>A sample may begin with using directives, which a method cannot.</summary>
    private static string WithoutUsings(string block) => Usings().Replace(block, "").Trim('\n');

    [GeneratedRegex(@"^```(?:csharp|cs|c#)\s*?\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();
    [GeneratedRegex(@"\A(using [\w.]+;\n)+\n*")]
    private static partial Regex Usings();
}
