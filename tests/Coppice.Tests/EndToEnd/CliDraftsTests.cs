using System.Text.Json;
using Coppice.Cli;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>`coppice drafts` and `coppice ngrams build` as processes.</summary>
public sealed class CliDraftsTests(CliModelFolder files) : IClassFixture<CliModelFolder>
{
    private static readonly string Tiny = Path.Combine(SharedData.Repository, "weights", "tiny");
    private static readonly string[] Drafts = ["drafts", "Gets the", "--model", Tiny, "--device", "cpu"];

    [Theory, InlineData("superposed"), InlineData("batched"), InlineData("beam"), InlineData("auto")]
    public void Drafts_are_written_as_json_with_their_scores_and_times(string method)
    {
        var json =
            CliProcess.Run(
            [.. Drafts, "--method", method, "--count", "4", "--max-tokens", "6", "--ignore-eos", "--mode", "none", "--json"]).Json;
        Assert.Contains(json.GetProperty("method").GetString(), method == "auto" ? ["superposed", "batched", "beam"] : (string[])[method]);
        var drafts = json.GetProperty("drafts").EnumerateArray().ToArray();
        Assert.Equal(4, drafts.Length);
        Assert.All(drafts, draft => Assert.Equal(6, draft.GetProperty("ids").GetArrayLength()));
        Assert.All(drafts, draft => Assert.NotEqual("", draft.GetProperty("text").GetString()));
        var scores = drafts.Select(draft => draft.GetProperty("log_score").GetDouble()).ToArray();
        Assert.Equal(scores.OrderDescending(), scores);
        foreach (var time in (string[])["first_token_ms", "step_ms", "forward_ms", "lookup_ms", "merge_ms"])
            Assert.True(json.GetProperty("timing").GetProperty(time).GetDouble() >= 0);
        // The best beam is at least as probable as the greedy text; without a terminal the drafts are lines below what they share.
        var plain = CliProcess.Run([.. Drafts, "--method", method, "--count", "4", "--max-tokens", "6", "--ignore-eos", "--mode", "none"]);
        var lines = plain.Output.TrimEnd('\n').Split('\n');
        Assert.Equal((0, 5), (plain.Status, lines.Length));
        Assert.StartsWith("Gets the", lines[0], StringComparison.Ordinal);
        Assert.All(drafts, draft =>
            Assert.Contains(lines.Skip(1), line =>
            ("Gets the" + draft.GetProperty("text").GetString())
            .EndsWith(line[10..].Replace("\\n", "\n", StringComparison.Ordinal), StringComparison.Ordinal)));
    }

    [Fact]
    public void A_store_is_built_found_and_refused_where_it_is_another_models()
    {
        var text = files.Write("ngrams.txt", "Gets the name of the file.###Gets the name of the event.###Sets the name.");
        var store = Path.Combine(files.Folder, "built.bin");
        var built =
            CliProcess.Run("ngrams", "build", "--tokenizer", Tiny, "--text", text, "--separator", "###", "--orders", "2-4", store,
            "--json").Json;
        Assert.Equal(3, built.GetProperty("documents").GetInt32());
        Assert.Equal([2, 3, 4], built.GetProperty("orders").EnumerateArray().Select(order => order.GetProperty("order").GetInt32()));
        Assert.Equal(built.GetProperty("tokens").GetInt64() - 3, built.GetProperty("orders")[0].GetProperty("positions").GetInt64());
        Assert.Equal(new FileInfo(store).Length, built.GetProperty("bytes").GetInt64());
        var sharded = Path.Combine(files.Folder, "sharded.bin");
        Assert.Equal(0,
            CliProcess.Run("ngrams", "build", "--tokenizer", Tiny, "--text", text, "--separator", "###", "--orders", "2-4",
            "--shard-tokens", "1024", sharded).Status);
        Assert.Equal(File.ReadAllBytes(store), File.ReadAllBytes(sharded));
        Assert.DoesNotContain(Directory.GetFiles(files.Folder), file =>
            Path.GetFileName(file).StartsWith("coppice-", StringComparison.Ordinal));

        var with =
            CliProcess.Run([.. Drafts, "--method", "superposed", "--mode", "geom", "--ngrams", store, "--max-tokens", "4", "--json"]).Json;
        Assert.Contains(" name of the", with.GetProperty("drafts")[0].GetProperty("text").GetString(), StringComparison.Ordinal);
        Refused("built.bin: must be made with the tokenizer of this model", "drafts", "abc", "--model", files.Model, "--device", "cpu",
            "--method", "superposed", "--mode", "geom", "--ngrams", store);
        Refused("no ngrams.bin", "drafts", "abc", "--model", files.Model, "--device", "cpu", "--method", "superposed", "--mode", "geom");
        Refused("cannot be read", [.. Drafts, "--method", "superposed", "--ngrams", "nowhere.bin"]);
    }

    [Theory]
    [InlineData("--orders", "1-6"), InlineData("--orders", "4-2"), InlineData("--orders", "2-8"), InlineData("--orders", "x"),
        InlineData("--min-count", "0"), InlineData("--separator", "")]
    public void What_is_no_setting_of_a_store_is_wrong_usage(string option, string value)
    {
        var outcome =
            CliProcess.Run("ngrams", "build", "--tokenizer", Tiny, "--text", files.Write("one.txt", "one"), option, value,
            Path.Combine(files.Folder, "out.bin"));
        Assert.Equal((2, ""), (outcome.Status, outcome.Output));
        Assert.Contains(option, outcome.Error, StringComparison.Ordinal);
    }

    [Theory, InlineData("--count", "0"), InlineData("--count", "33"), InlineData("--method", "magic"), InlineData("--mode", "all"),
        InlineData("--min-log-prob", "3")]
    public void What_is_no_setting_of_drafts_is_wrong_usage(string option, string value)
    {
        var outcome = CliProcess.Run([.. Drafts, option, value]);
        Assert.Equal((2, ""), (outcome.Status, outcome.Output));
        Assert.Contains(option, outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_drafts_share_is_shown_once_in_whole_words()
    {
        Draft[] drafts =
            [new([1], " name of the file", -1, null), new([2], " name of the filter", -2.5, null), new([3], " name of\nall", -12, null)];
        Assert.Equal(["Gets the name of", "   -1.00   the file", "   -2.50   the filter", "  -12.00  \\nall"],
            DraftLines.Lines("Gets the", drafts));
        Assert.Equal(["Gets", "   -1.00   name of the file"], DraftLines.Lines("Gets", drafts[..1]));
    }

    [Fact]
    public void What_drafts_share_ends_where_a_word_of_each_ends()
    {
        Draft[] drafts = [new([1], " the file", -1, null), new([2], " the filename", -2, null), new([3], " the file name", -3, null)];
        Assert.Equal(["Gets the", "   -1.00   file", "   -2.00   filename", "   -3.00   file name"], DraftLines.Lines("Gets", drafts));
        // What moves the cursor is shown, or not at all.
        Assert.Equal(["a\\tb c", "   -1.00  x\\ry z "], DraftLines.Lines("a\tb\u0007c", [new([1], "x\ry\u009bz\u2028", -1, null)]));
    }

    /// <summary>Lines that grow in place fit the terminal, by the columns of their characters; where they do not, they do not grow.</summary>
    [Theory, InlineData(50, 24, 3), InlineData(41, 10, 7), InlineData(50, 9, 9), InlineData(30, 24, 3), InlineData(1, 2, 2)]
    public void Lines_that_grow_fit_the_terminal(int columns, int rows, int count)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/script"), "needs util-linux's script");
        var prompt = string.Concat(Enumerable.Repeat("日本語", 12));
        var line = $"stty cols {columns} rows {rows}; '{CliProcess.Program}' drafts '{prompt}' --model '{Tiny}' --device cpu "
            + $"--max-tokens 4 --method batched --ignore-eos --count {count}";
        var outcome = CliProcess.RunIn("", "/usr/bin/script", "-qec", line, "/dev/null");
        Assert.True(outcome.Status == 0, outcome.Output);
        // Where loading takes long its bar comes first, and shows the cursor again at its end.
        var lines = outcome.Output[(outcome.Output.LastIndexOf("\u001b[?25h", StringComparison.Ordinal) + 1)..];
        var isLive = columns >= 40 && rows > count + 1;
        Assert.Equal(isLive, lines.Contains($"\u001b[{count + 1}A", StringComparison.Ordinal));
        Assert.Equal(isLive, lines.Contains("\u001b[2K", StringComparison.Ordinal));
        foreach (var shown in lines.Split("\u001b[2K").Skip(1))
        {
            var text = shown[..shown.IndexOf('\r', StringComparison.Ordinal)];
            Assert.True(text.Sum(c => c >= 0x2e80 ? 2 : 1) < columns, $"'{text}' is wider than {columns}");
        }
    }

    [Theory, InlineData("--method", "beam", "--mode", "geom"), InlineData("--method", "batched", "--diversity", ""),
        InlineData("--method", "superposed", "--distinct", ""), InlineData("--distinct", "--diversity", "", "")]
    public void Options_of_another_method_are_refused(params string[] options)
    {
        var outcome = CliProcess.Run([.. Drafts, .. options.Where(option => option.Length > 0)]);
        Assert.Equal((1, ""), (outcome.Status, outcome.Output));
        Assert.StartsWith("coppice: options: ", outcome.OneError, StringComparison.Ordinal);
    }

    [Fact]
    public void Auto_takes_the_method_that_has_what_is_asked_for()
    {
        foreach (var (option, method) in ((string, string)[])[("--diversity", "superposed"), ("--distinct", "batched")])
            Assert.Equal(method, CliProcess.Run([.. Drafts, option, "--json"]).Json.GetProperty("method").GetString());
        var geom = CliProcess.Run([.. Drafts, "--mode", "geom", "--json"]).Json;
        Assert.Equal("superposed", geom.GetProperty("method").GetString());
    }

    /// <summary>--text takes every word after it: what is missing is said, and what has taken it, and where help is.</summary>
    [Fact]
    public void A_file_to_write_that_an_option_has_taken_is_asked_for()
    {
        var text = files.Write("taken.txt", "Gets the name of the file.");
        var outcome = CliProcess.Run("ngrams", "build", "--tokenizer", Tiny, "--text", text, Path.Combine(files.Folder, "taken.bin"));
        Assert.Equal((2, ""), (outcome.Status, outcome.Output));
        Assert.Equal(
            "coppice: OUT must be given (--text takes every word up to the next option: write OUT first) (see coppice ngrams build --help)",
            outcome.OneError);
        Assert.Equal("coppice: PROMPT must be given (see coppice drafts --help)", CliProcess.Run("drafts").OneError);
        var first = Path.Combine(files.Folder, "first.bin");
        Assert.Equal(0, CliProcess.Run("ngrams", "build", first, "--tokenizer", Tiny, "--text", text, text).Status);
    }

    [Theory, InlineData("/"), InlineData("."), InlineData("folder/"), InlineData("/proc/ngrams.bin"), InlineData("no/such/folder/x.bin")]
    public void A_store_is_not_written_where_there_can_be_none(string path)
    {
        var text = files.Write("place.txt", "Gets the name of the file.");
        var outcome = CliProcess.RunIn(files.Folder, CliProcess.Program, "ngrams", "build", path, "--tokenizer", Tiny, "--text", text);
        Assert.Equal((1, ""), (outcome.Status, outcome.Output));
        Assert.StartsWith($"coppice: {path}", outcome.OneError, StringComparison.Ordinal);
        Assert.DoesNotContain(Directory.GetFiles(files.Folder), file => file.Contains("partial", StringComparison.Ordinal));
    }

    private static void Refused(string expected, params string[] arguments)
    {
        var outcome = CliProcess.Run(arguments);
        Assert.Equal((1, ""), (outcome.Status, outcome.Output));
        Assert.Contains(expected, outcome.Error, StringComparison.Ordinal);
    }
}
