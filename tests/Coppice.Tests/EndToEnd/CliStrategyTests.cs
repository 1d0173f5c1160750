using System.Text.Json;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>Samplers and strategies as `coppice generate` takes them, on the command line and in JSON lines.</summary>
public sealed class CliStrategyTests(CliModelFolder files) : IClassFixture<CliModelFolder>
{
    private static readonly string[] Long = ["--prompt", "abc", "--max-tokens", "12", "--ignore-eos"];

    [Fact]
    public void A_strategy_chooses_and_reports_its_sequences()
    {
        var beam = Generate([.. Long, "--strategy", "beam:beams=3,length-penalty=1,early-stopping=never"]);
        var sequences = beam.GetProperty("sequences");
        Assert.Equal(3, sequences.GetArrayLength());
        Assert.Equal(Ids(beam), Ids(sequences[0]));
        Assert.Equal(beam.GetProperty("text").GetString(), sequences[0].GetProperty("text").GetString());
        Assert.True(sequences[0].GetProperty("score").GetDouble() >= sequences[1].GetProperty("score").GetDouble());
        var best = Generate([.. Long, "--temperature", "1", "--strategy", "best-of:n=2,by=mean-log-prob"]);
        Assert.Equal(2, best.GetProperty("sequences").GetArrayLength());
        var plain = Generate(Long);
        Assert.False(plain.TryGetProperty("sequences", out _));
        Assert.Equal(Ids(plain), Ids(Generate([.. Long, "--strategy", "beam:beams=1"])));
    }

    [Fact]
    public void Mirostat_and_samplers_are_options_and_keys()
    {
        string[] sampled = [.. Long, "--temperature", "1", "--seed", "5"];
        var plain = Ids(Generate(sampled));
        var lines = files.Write("strategies.jsonl", """
            {"prompt":"abc","strategy":"mirostat:version=2,tau=2,eta=.1,basis=truncated"}
            {"prompt":"abc","typical_p":0.3,"dry_multiplier":0.8,"samplers":"llama-cpp","dry_sequence_breaker":["x"]}
            {"prompt":"abc","strategy":"mirostat:tau=32"}
            {"prompt":"abc","top_n_sigma":1e-6,"logprobs":1,"logprobs_mode":"final"}
            """);
        var results = CliProcess.Run(["generate", "--model", files.Model, "--device", "cpu", "--json", "--jsonl", lines, "--max-tokens",
            "12", "--ignore-eos", "--temperature", "1", "--seed", "5"]).JsonLines;
        Assert.Equal(Ids(Generate([.. sampled, "--strategy", "mirostat:version=2,tau=2,eta=.1,basis=truncated"])), Ids(results[0]));
        Assert.Equal(
            Ids(Generate(
                [.. sampled, "--typical-p", ".3", "--dry-multiplier", ".8", "--samplers", "llama-cpp", "--dry-sequence-breaker", "x"])),
            Ids(results[1]));
        Assert.Equal(plain, Ids(results[2]));
        Assert.Equal(0, results[3].GetProperty("logprobs")[0].GetProperty("logprob").GetDouble(), 1e-6);
        Assert.Equal(Ids(Generate(Long)), Ids(results[3]));
        Assert.NotEqual(plain, Ids(results[0]));
        Assert.NotEqual(plain, Ids(results[1]));
    }

    /// <summary>What a constraint forces is certain, and of what it leaves the probabilities add up to 1.</summary>
    [Theory]
    [InlineData("none", ""), InlineData("suffix:guard=false", "")]
    [InlineData("suffix:guard=false", "mirostat:tau=2"), InlineData("none", "mirostat:tau=2,basis=truncated")]
    public void Final_log_probabilities_are_those_under_a_constraint(string drafter, string strategy)
    {
        string[] options = ["--prompt", "abc", "--regex", "ab[cd]{6}e", "--temperature", "1", "--drafter", drafter];
        if (strategy.Length > 0) options = [.. options, "--strategy", strategy];
        var result = Generate([.. options, "--logprobs", "2", "--logprobs-mode", "final"]);
        Assert.Matches("^ab[cd]{6}e$", result.GetProperty("text").GetString());
        var rows = result.GetProperty("logprobs").EnumerateArray().ToArray();
        for (var i = 0; i < 9; i++)
        {
            if (i is < 2 or 8) Assert.Equal(0, LogProb(rows[i]), 1e-6);
            else Assert.Equal(1, rows[i].GetProperty("top").EnumerateArray().Sum(top => Math.Exp(LogProb(top))), 1e-6);
        }
    }

    /// <summary>-∞ is written as a text.</summary>
    private static double LogProb(JsonElement row)
    {
        var value = row.GetProperty("logprob");
        return value.ValueKind == JsonValueKind.String ? double.NegativeInfinity : value.GetDouble();
    }

    [Theory]
    [InlineData("--strategy=bean", "strategy: must be one of mirostat, beam, best-of, blockwise, contrast, planning, switch, value-guide, "
        + "got \"bean\" (did you mean beam?)")]
    [InlineData("--strategy=beam:beam=2", "settings are beams, length-penalty, early-stopping, got \"beam\" (did you mean beams?)")]
    [InlineData("--samplers=top-q", "got \"top-q\" (did you mean top-k?)")]
    [InlineData("--typical-p=2", "--typical-p must be a number from 0 to 1")]
    [InlineData("--dry-base=.5", "--dry-base must be a number of at least 1")]
    [InlineData("--logprobs-mode=half", "--logprobs-mode must be one of raw, final")]
    [InlineData("--xtc-probabilty=1", "--xtc-probabilty is not an option (did you mean --xtc-probability?)")]
    public void A_wrong_option_is_wrong_usage(string option, string expected)
    {
        var outcome = CliProcess.Run("generate", "--model", files.Model, "--prompt", "a", option);
        Assert.Equal(2, outcome.Status);
        Assert.Contains(expected, outcome.OneError, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("mirostat", "--top-k=5", "top-k and mirostat exclude each other")]
    [InlineData("best-of", "--temperature=0", "Temperature must be above 0 with best-of")]
    public void Options_that_exclude_each_other_are_said(string strategy, string option, string expected)
    {
        var outcome = CliProcess.Run("generate", "--model", files.Model, "--prompt", "a", "--strategy", strategy, option);
        Assert.Equal(1, outcome.Status);
        Assert.Contains(expected, outcome.OneError, StringComparison.Ordinal);
    }

    private JsonElement Generate(string[] arguments) =>
        CliProcess.Run(["generate", "--model", files.Model, "--device", "cpu", "--json", .. arguments]).JsonLines.Single();

    private static int[] Ids(JsonElement result) => [.. result.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
}
