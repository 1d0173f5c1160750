using System.Text.Json;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>Several requests at once, as processes: `bench --concurrency` and `generate --parallel`.</summary>
public sealed class CliConcurrencyTests(CliModelFolder files) : IClassFixture<CliModelFolder>
{
    [Fact]
    public void Bench_gives_the_keys_of_each_number_of_requests()
    {
        string[] more = ["--prompt-tokens", "20", "--new-tokens", "6", "--shared-prefix", "12", "--drafter", "prompt-lookup"];
        var result = Bench(["--concurrency", "1,3", "--rounds", "2", "--json", .. more]).Json;
        Assert.True(result.GetProperty("machine").GetProperty("read_GBps").GetDouble() > 0);
        var rows = result.GetProperty("rows").EnumerateArray().ToArray();
        Assert.Equal(["concurrency-1", "concurrency-3"], rows.Select(row => row.GetProperty("name").GetString()));
        foreach (var row in rows)
        {
            Assert.Equal(["between_tokens_ms", "first_token_ms", "name", "share_of_limit", "tokens_per_s"],
                row.EnumerateObject().Select(property => property.Name).Order(StringComparer.Ordinal));
            Assert.True(row.GetProperty("tokens_per_s").GetDouble() > 0);
            Assert.True(row.GetProperty("share_of_limit").GetDouble() > 0);
            foreach (var key in (string[])["first_token_ms", "between_tokens_ms"])
            {
                var times = row.GetProperty(key);
                Assert.Equal(["p50", "p99"], times.EnumerateObject().Select(property => property.Name));
                Assert.InRange(times.GetProperty("p50").GetDouble(), 0, times.GetProperty("p99").GetDouble());
            }
        }
    }

    [Fact]
    public void Bench_writes_a_line_for_each_number_of_requests()
    {
        var lines = Bench("--concurrency", "2", "--rounds", "1", "--prompt-tokens", "4", "--new-tokens", "3")
            .Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.StartsWith("concurrency-2\t", lines[1], StringComparison.Ordinal);
        foreach (var words in (string[])["tokens/s", "first token", "between tokens", "(p50)", "(p99)", "% of the limit"])
            Assert.Contains(words, lines[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Bench_measures_tokens_after_others()
    {
        foreach (var kv in (string[])["f32", "f16", "bf16"])
        {
            var result = Bench("--decode", "3", "--depth", "9", "--kv", kv, "--rounds", "1", "--json").Json;
            var row = Assert.Single(result.GetProperty("rows").EnumerateArray());
            Assert.Equal("decode-3@9", row.GetProperty("name").GetString());
            Assert.True(row.GetProperty("tokens_per_s").GetDouble() > 0);
        }
    }

    [Theory]
    [InlineData("--concurrency must be whole numbers", "--concurrency", "1,0")]
    [InlineData("--concurrency must be whole numbers", "--concurrency", "2,2")]
    [InlineData("--concurrency must be whole numbers", "--concurrency", "")]
    [InlineData("--prompt-tokens is for --concurrency", "--prompt-tokens", "3")]
    [InlineData("--concurrency and --decode exclude each other", "--concurrency", "1", "--decode", "3")]
    [InlineData("--shared-prefix must be at most the 5 tokens", "--concurrency", "1", "--prompt-tokens", "5", "--shared-prefix", "6")]
    [InlineData("got \"frob\" (see", "--concurrency", "1", "--drafter", "frob")]
    public void Wrong_usage_is_said_before_the_model_is_loaded(string expected, params string[] arguments)
    {
        var outcome = CliProcess.Run(["bench", "--model", "nowhere", .. arguments]);
        Assert.Equal(2, outcome.Status);
        Assert.Contains(expected, outcome.OneError, StringComparison.Ordinal);
    }

    [Fact]
    public void Requests_that_do_not_fit_the_context_are_refused()
    {
        var outcome = Bench("--concurrency", "1", "--prompt-tokens", "100", "--new-tokens", "29");
        Assert.Equal(1, outcome.Status);
        Assert.Contains($"need a context of 129, but it holds {CliModelFolder.Context} (raise --context)", outcome.OneError,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Lines_at_once_are_answered_as_one_by_one()
    {
        var path = files.Write("many.jsonl", string.Join('\n', Enumerable.Range(0, 12).Select(Line)));
        string[] arguments = ["--jsonl", path, "--max-tokens", "9", "--ignore-eos", "--temperature", "0.8", "--logprobs", "2"];
        var expected = Generate(["--json", .. arguments]).JsonLines.Select(Answer).ToArray();
        Assert.Equal(12, expected.Length);
        Assert.Equal(expected, Generate(["--json", "--parallel", "5", .. arguments]).JsonLines.Select(Answer));
        var text = Generate(["--parallel", "3", .. arguments]);
        Assert.Equal(Generate(arguments).Output, text.Output);
        Assert.Equal(12, text.Error.Split('\n').Count(line => line.Contains("token limit", StringComparison.Ordinal)));

        static string Line(int index)
        {
            var prompt = new string((char)('a' + index), index % 4 + 1);
            return JsonSerializer.Serialize(new { id = index, prompt, max_tokens = 1 + index * 5 % 9 });
        }
        static string Answer(JsonElement line) =>
            string.Join(' ', ((string[])["id", "ids", "text", "finish_reason", "logprobs"])
                .Select(key => line.GetProperty(key).GetRawText()));
    }

    [Fact]
    public void A_line_that_fails_is_named_as_one_by_one()
    {
        var path = files.Write("wrong.jsonl", """
            {"ids":[1,2]}
            {"ids":[1,999]}
            """);
        var expected = Generate("--jsonl", path, "--json");
        var outcome = Generate("--jsonl", path, "--json", "--parallel", "2");
        Assert.Equal(1, outcome.Status);
        Assert.Contains("wrong.jsonl, line 2: ", outcome.OneError, StringComparison.Ordinal);
        Assert.Equal(expected, outcome);
    }

    [Fact]
    public void Parallel_is_for_lines()
    {
        var outcome = Generate("abc", "--parallel", "2");
        Assert.Equal(2, outcome.Status);
        Assert.Contains("--parallel is for --jsonl", outcome.OneError, StringComparison.Ordinal);
    }

    private CliOutcome Bench(params string[] arguments) =>
        CliProcess.Run(["bench", "--model", files.Model, "--device", "cpu", .. arguments]);

    private CliOutcome Generate(params string[] arguments) =>
        CliProcess.Run(["generate", "--model", files.Model, "--device", "cpu", .. arguments]);
}
