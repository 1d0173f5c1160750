using System.Text.Json;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>
/// The options of a generation as `coppice generate` takes them, on the command line and in JSON lines, and the keys that say what came of
/// them.
/// </summary>
public sealed class CliGenerationOptionTests(CliModelFolder files) : IClassFixture<CliModelFolder>
{
    private const int Letter = 65, End = 256;
    private static readonly string[] Long = ["--prompt", "abc", "--max-tokens", "12", "--ignore-eos"];

    [Fact]
    public void Keys_that_are_always_there_say_that_nothing_happened()
    {
        var result = Generate(Long);
        Assert.Equal(JsonValueKind.Null, result.GetProperty("stop").ValueKind);
        Assert.Equal(0, result.GetProperty("reused_tokens").GetInt32());
        Assert.Equal(0, result.GetProperty("warnings").GetArrayLength());
    }

    [Fact]
    public void Biases_ends_and_the_minimum_hold()
    {
        var usual = Ids(Generate(Long));
        Assert.Equal(Enumerable.Repeat(Letter, 12), Ids(Generate([.. Long, "--logit-bias", $"{Letter}=1e6"])));
        Assert.DoesNotContain(usual[0], Ids(Generate([.. Long, "--logit-bias", $"{usual[0]}=-inf", "--logit-bias=9=-1.5"])));
        string[] forced = [.. Long, "--logit-bias", $"{Letter}=1e6", "--end-id", "7", "--end-id", $"{Letter}"];
        var ended = Generate(forced);
        Assert.Equal([Letter], Ids(ended));
        Assert.Equal(("eos", Letter), (ended.GetProperty("finish_reason").GetString(), ended.GetProperty("stop").GetInt32()));
        Assert.Equal(4, Ids(Generate([.. forced, "--min-tokens", "3"])).Length);
        var special = Generate([.. Long, "--logit-bias", $"{End}=1e6", "--stop", "<|end|>"]);
        Assert.Equal(("stop", "<|end|>"), (special.GetProperty("finish_reason").GetString(), special.GetProperty("stop").GetString()));
        Assert.Equal(12, Ids(Generate([.. Long, "--presence-penalty", "1e6", "--frequency-penalty=1e6"])).Distinct().Count());
    }

    [Fact]
    public void Lines_take_the_same_options_under_their_keys()
    {
        var lines = files.Write("options.jsonl", """
            {"prompt":"abc","logit_bias":{"65":1e6}}
            {"prompt":"abc","logit_bias":{"65":1e6,"66":"-inf"},"end_id":65,"min_tokens":2}
            {"prompt":"abc","logit_bias":{"65":1e6},"end_id":[7,65]}
            {"prompt":"abc","presence_penalty":1e6,"frequency_penalty":0.5}
            {"prompt":"abc","model_defaults":true}
            """);
        string[] model = ["generate", "--model", files.Model, "--device", "cpu", "--json"];
        var results = CliProcess.Run([.. model, "--jsonl", lines, "--max-tokens", "12", "--ignore-eos"]).JsonLines;
        Assert.Equal(Enumerable.Repeat(Letter, 12), Ids(results[0]));
        Assert.Equal((3, Letter), (Ids(results[1]).Length, results[1].GetProperty("stop").GetInt32()));
        Assert.Equal([Letter], Ids(results[2]));
        Assert.Equal(12, Ids(results[3]).Distinct().Count());
        Assert.Equal(Ids(Generate(Long)), Ids(results[4]));
    }

    [Fact]
    public void What_the_model_recommends_counts_where_no_option_says_otherwise()
    {
        var model = files.Copy("recommends");
        var generation = """{"do_sample": true, "temperature": 0.9, "top_k": 5, "max_new_tokens": 7, "eos_token_id": [256, 9999]}""";
        File.WriteAllText(Path.Combine(model, "generation_config.json"), generation);
        string[] basis = ["generate", "--model", model, "--device", "cpu", "--json", "--prompt", "abc", "--ignore-eos", "--seed", "5"];
        int[] Run(params string[] more) => Ids(CliProcess.Run([.. basis, .. more]).Json);
        var advised = CliProcess.Run([.. basis, "--model-defaults"]);
        Assert.Equal(Run("--temperature", "0.9", "--top-k", "5", "--max-tokens", "7"), Ids(advised.Json));
        Assert.Equal(Run("--max-tokens", "9"), Run("--model-defaults", "--max-tokens", "9", "--temperature", "0", "--top-k", "0"));
        var warning = Assert.Single(advised.Json.GetProperty("warnings").EnumerateArray()).GetString();
        Assert.Contains("9999", warning, StringComparison.Ordinal);
        Assert.Contains($"coppice: warning: {warning}\n", advised.Error, StringComparison.Ordinal);
        var info = CliProcess.Run("info", "--model", model, "--json").Json;
        Assert.Equal("""{"max_tokens":7,"temperature":0.9,"top_k":5}""", info.GetProperty("generation").GetRawText());
        Assert.Equal(warning, Assert.Single(info.GetProperty("warnings").EnumerateArray()).GetString());
    }

    [Fact]
    public void Contradictions_and_ids_outside_the_vocabulary_are_one_line()
    {
        foreach (var (options, expected) in ((string[], string)[])
        [
            (["--min-tokens", "13"], "MinTokens must be from 0 to MaxTokens, which is 12, got 13"),
            (["--end-id", "257"], "EndIds must be for tokens 0..256, got 257"),
            (["--logit-bias", "300=1"], "LogitBias must be for tokens 0..256, got 300"),
        ])
        {
            var outcome = CliProcess.Run([.. (string[])["generate", "--model", files.Model, "--device", "cpu"], .. Long, .. options]);
            Assert.Equal(1, outcome.Status);
            Assert.Contains(expected, outcome.OneError, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Samples_that_learn_from_each_other_give_the_last_and_go_on_in_a_file()
    {
        var file = Path.Combine(Path.GetDirectoryName(files.Model)!, "samples.asap");
        string[] model = ["generate", "--model", files.Model, "--device", "cpu"];
        string[] options = [.. model, "--prompt", "abc", "--choices", "ab,ac,b"];
        string[] kept = [.. options, "--asap-file", file];
        var before = 1.0;
        for (var run = 0; run < 3; run++)
        {
            var result = CliProcess.Run([.. kept, "--temperature", "1", "--asap", "5", "--seed", $"{5 * run}", "--json"]).Json;
            Assert.Contains(result.GetProperty("text").GetString(), (string[])["ab", "ac", "b"]);
            Assert.Equal(5, result.GetProperty("asap").GetProperty("samples").GetInt32());
            var bound = result.GetProperty("asap").GetProperty("bound").GetDouble();
            Assert.InRange(bound, double.Epsilon, before);
            before = bound;
        }
        // Of 257 tokens with nearly equal probabilities three texts are allowed.
        Assert.InRange(before, 0, .1);
        (string[] Arguments, int Status, string Error)[] wrong =
        [
            ([.. kept, "--asap", "2", "--temperature", "0.5"], 1, "that it was learned with, found others"),
            ([.. kept, "--temperature", "1"], 2, "--asap-file needs --asap N"),
            ([.. options, "--asap", "2"], 1, "Asap needs a constraint, a temperature above 0"),
            ([.. options, "--temperature", "1", "--asap", "1", "--asap-file", files.Write("no.asap", "text")], 1,
                "must begin with its mark"),
        ];
        foreach (var (arguments, status, error) in wrong)
        {
            var outcome = CliProcess.Run(arguments);
            Assert.Equal(status, outcome.Status);
            Assert.Contains(error, outcome.OneError, StringComparison.Ordinal);
        }
    }

    private JsonElement Generate(params IEnumerable<string> arguments) =>
        CliProcess.Run([.. (string[])["generate", "--model", files.Model, "--device", "cpu", "--json"], .. arguments]).Json;

    private static int[] Ids(JsonElement json) => [.. json.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];
}
