using System.Diagnostics;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>
/// Streams that are closed, full or read by nobody: the command ends in order, says what it can, and computes for nobody.
/// </summary>
public sealed class CliStreamTests(CliModelFolder files) : IClassFixture<CliModelFolder>
{
    private const string Full = "coppice: stdout: cannot be written: ", Closed = "coppice: stdout: must be open, found it closed.";

    private string Generate(int tokens = 5, string options = "") =>
        $"generate --model '{files.Model}' --device cpu --max-tokens {tokens} --temperature 0 --ignore-eos {options} abc";

    [Theory]
    [InlineData("2>/dev/full")]
    [InlineData("2>&-")]
    public void What_stderr_does_not_take_is_dropped(string redirection)
    {
        var expected = Shell(Generate(), "2>/dev/null");
        var outcome = Shell(Generate(), redirection);
        Assert.Equal((0, expected.Output), (outcome.Status, outcome.Output));
        Assert.NotEqual("", outcome.Output.Trim());
    }

    [Theory]
    [InlineData(">/dev/full", Full)]
    [InlineData(">&-", Closed)]
    public void What_stdout_does_not_take_is_an_error_that_names_it(string redirection, string expected)
    {
        foreach (var command in (string[])[Generate(), Generate(5, "--json"), $"info --model '{files.Model}'", "--help", "generate --help",
            "--version",
            $"tokenize --model '{files.Model}' --json abc"])
        {
            var outcome = Shell(command, redirection);
            Assert.StartsWith(expected, outcome.Error, StringComparison.Ordinal);
            Assert.Equal(1, outcome.Status);
            Assert.Equal(outcome.Error.Length - 1, outcome.Error.IndexOf('\n', StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData(">/dev/full 2>/dev/full")]
    [InlineData(">&- 2>&-")]
    [InlineData("<&- >&- 2>&-")]
    public void With_neither_stream_only_the_status_tells(string redirection)
    {
        var outcome = Shell(Generate(), redirection);
        Assert.Equal((1, "", ""), (outcome.Status, outcome.Output, outcome.Error));
    }

    [Fact]
    public void A_closed_stdin_is_named_and_not_waited_for()
    {
        var outcome = Shell($"generate --model '{files.Model}' --prompt-file -", "<&-");
        Assert.Equal("coppice: stdin: must be open, found it closed.", outcome.OneError);
        Assert.Equal(1, outcome.Status);
        Assert.Equal("coppice: stdin: must be open, found it closed.\n", Shell($"chat --model '{files.Model}'", "<&-").Error);
    }

    /// <summary>The closed number is taken by a file of the runtime, which must not be written.</summary>
    [Fact]
    public void A_file_that_takes_the_number_of_stdout_is_not_written()
    {
        var outcome = Shell($"tokenize --model '{files.Model}' --jsonl '{files.Write("in.jsonl", "{\"text\":\"abc\"}")}' --json", ">&-");
        Assert.Equal(1, outcome.Status);
        Assert.Equal("{\"text\":\"abc\"}", File.ReadAllText(Path.Combine(files.Folder, "in.jsonl")));
    }

    /// <summary>
    /// 190,000 tokens take minutes; a reader that leaves at once ends them, with JSON at the end as well as with a stream.
    /// </summary>
    [Theory]
    [InlineData("", "head -c 3 >/dev/null")]
    [InlineData("--json", "true")]
    [InlineData("--json --drafter none", "sleep 0.1")]
    public void Nothing_is_computed_for_a_reader_that_has_gone(string options, string reader)
    {
        var start = Stopwatch.GetTimestamp();
        var command = $"generate --model '{files.Model}' --device cpu --context 200000 --max-tokens 190000 --ignore-eos {options} abc";
        var outcome = Shell(command, $"| {reader}; exit ${{PIPESTATUS[0]}}");
        Assert.Equal(0, outcome.Status);
        Assert.DoesNotContain("stdout", outcome.Error, StringComparison.Ordinal);
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0, 15);
    }

    [Fact]
    public void Lines_end_with_their_reader_too()
    {
        var lines = files.Write("many.jsonl", string.Concat(Enumerable.Repeat("{\"prompt\":\"abc\",\"max_tokens\":100}\n", 20_000)));
        foreach (var parallel in (string[])["", "--parallel 3"])
        {
            var start = Stopwatch.GetTimestamp();
            var outcome = Shell($"generate --model '{files.Model}' --device cpu --jsonl '{lines}' --json {parallel}",
                "| head -n 2; exit ${PIPESTATUS[0]}");
            Assert.Equal((0, 2), (outcome.Status, outcome.JsonLines.Length));
            Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0, 15);
        }
    }

    [Theory]
    [InlineData("generate --temprature 1 x", "--temprature is not an option (did you mean --temperature?)", "coppice generate")]
    [InlineData("generate x --temprature=1", "--temprature is not an option (did you mean --temperature?)", "coppice generate")]
    [InlineData("generate x --tempertaure 1", "--tempertaure is not an option (did you mean --temperature?)", "coppice generate")]
    [InlineData("info --jsno", "--jsno is not an option (did you mean --json?)", "coppice info")]
    [InlineData("info --modle weights", "--modle is not an option (did you mean --model?)", "coppice info")]
    [InlineData("tokenize -z", "-z is not an option (write -- before a text that begins with a dash)", "coppice tokenize")]
    [InlineData("genrate --temperature 1 x", "genrate is not a command (did you mean generate?)", "coppice")]
    [InlineData("generate --MAX-TOKENS 1 x", "--MAX-TOKENS is not an option (did you mean --max-tokens?)", "coppice generate")]
    [InlineData("generate x —max-tokens 1", "—max-tokens is not an option (did you mean --max-tokens?)", "coppice generate")]
    [InlineData("generate –-kv=f16 x", "–-kv is not an option (did you mean --kv?)", "coppice generate")]
    [InlineData("--temperature 1 x", "--temperature is not an option (write the command first: coppice generate --temperature)", "coppice")]
    [InlineData("--frob", "--frob is not an option (the help lists them)", "coppice")]
    [InlineData("generate why is it", "\"is\" is one word more than the command takes (put quotes around a text of several words)",
        "coppice generate")]
    [InlineData("info /tmp", "\"/tmp\" is one word more than the command takes (did you mean --model /tmp?)", "coppice info")]
    [InlineData("datastore biuld", "biuld is not a command (did you mean build?)", "coppice datastore")]
    public void What_is_mistyped_is_named_with_what_was_probably_meant(string command, string expected, string help)
    {
        var outcome = Shell(command, "");
        Assert.Equal($"coppice: {expected} (see {help} --help)", outcome.OneError);
        Assert.Equal(2, outcome.Status);
    }

    [Fact]
    public void After_two_dashes_a_text_may_begin_as_it_likes() =>
        Assert.Equal(0, Shell($"tokenize --model '{files.Model}' -- --temprature", "").Status);

    [Fact]
    public void A_text_that_begins_with_a_dash_of_typographers_is_a_text() =>
        Assert.Equal(0, Shell($"tokenize --model '{files.Model}' '— Why?'", "").Status);

    /// <summary>Where 1.5 is written 1,5 and I is not the capital of i.</summary>
    [Theory]
    [InlineData("de_DE.UTF-8")]
    [InlineData("tr_TR.UTF-8")]
    [InlineData("ar_SA.UTF-8")]
    public void Numbers_and_names_do_not_depend_on_the_culture(string culture)
    {
        (string, string)[] environment = [("LC_ALL", culture), ("LANG", culture), ("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "0")];
        string[] info = ["info", "--model", files.Model];
        Assert.Equal(CliProcess.Run(info).Output, CliProcess.Run("", environment, info).Output);
        string[] sampled = ["generate", "--model", files.Model, "--temperature", "1.5", "--seed", "3", "--max-tokens", "9", "--device",
            "cpu", "ISTANBUL"];
        Assert.Equal(CliProcess.Run(sampled).Output, CliProcess.Run("", environment, sampled).Output);
    }

    private static CliOutcome Shell(string command, string redirection)
    {
        if (OperatingSystem.IsWindows()) Assert.Skip("needs a POSIX shell");
        return CliProcess.RunIn("", "/bin/bash", "-c", $"'{CliProcess.Program}' {command} {redirection}");
    }
}
