using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>Terminals of every width and kind, played by util-linux's script.</summary>
public sealed class CliTerminalTests(CliModelFolder files) : IClassFixture<CliModelFolder>
{
    [Theory]
    [InlineData(1, "")]
    [InlineData(2, "")]
    [InlineData(39, "")]
    [InlineData(80, "")]
    [InlineData(0, "")]
    [InlineData(1, "TERM=dumb")]
    [InlineData(80, "TERM=")]
    [InlineData(80, "NO_COLOR=1")]
    public void Whatever_the_terminal_is_all_is_shown(int columns, string environment)
    {
        foreach (var (command, words) in ((string, string[])[])[
            ($"info --model {files.Model}", ["family", "llama", "128 tokens", "end tokens"]),
                ("generate --help", ["--temperature", "Examples:"]),
            ($"tokenize --model {files.Model} abc", ["97", "98", "99"])])
        {
            var shown = Terminal(columns, environment, command);
            Assert.All(words, word => Assert.Contains(word, shown, StringComparison.Ordinal));
            if (environment.Length > 0) Assert.DoesNotContain("\u001b[3", shown, StringComparison.Ordinal);     // no colours
        }
    }

    private static string Terminal(int columns, string environment, string command)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/script"), "needs util-linux's script");
        var line = $"stty cols {columns}; {environment} '{CliProcess.Program}' {command}";
        var outcome = CliProcess.RunIn("", "/usr/bin/script", "-qec", line, "/dev/null");
        Assert.True(outcome.Status == 0, $"{line}: status {outcome.Status}: {outcome.Output}");
        return outcome.Output;
    }
}
