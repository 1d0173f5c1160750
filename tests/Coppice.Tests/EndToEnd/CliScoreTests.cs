using System.Text.Json;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>`coppice score` as a process: the numbers of the library's logits, in the order of the lines.</summary>
public sealed class CliScoreTests(CliModelFolder files) : IClassFixture<CliModelFolder>
{
    private static readonly int[] Framed = [120, 256];

    [Fact]
    public void A_text_after_a_prompt_has_the_log_probabilities_of_the_logits()
    {
        var result = Score("--prompt", "Many ", "shoots", "--json").Json;
        Assert.Equal(["id", "log_probs", "sum"], result.EnumerateObject().Select(property => property.Name));
        Assert.Equal(JsonValueKind.Null, result.GetProperty("id").ValueKind);
        var scores = Numbers(result);
        var expected = Reference("Many shoots"u8.ToArray(), first: 5);
        Assert.Equal(6, scores.Length);
        for (var i = 0; i < scores.Length; i++) Assert.Equal(expected[i], scores[i], 5);
        Assert.Equal(scores.Sum(), result.GetProperty("sum").GetDouble(), 12);
    }

    [Fact]
    public void Without_a_prompt_the_first_token_is_not_scored()
    {
        var whole = Numbers(Score("Many shoots", "--json").Json);
        Assert.Equal(10, whole.Length);
        Assert.Equal(Numbers(Score("--prompt", "M", "any shoots", "--json").Json), whole);
        Assert.Empty(Numbers(Score("M", "--json").Json));
    }

    [Fact]
    public void Lines_are_answered_in_their_order_whatever_their_length_and_form()
    {
        var texts = Enumerable.Range(0, 150).Select(i => new string((char)('a' + i % 26), 1 + i * 37 % 100)).ToArray();
        var lines = texts.Select((text, i) => (i % 4) switch
        {
            0 => JsonSerializer.Serialize(new { id = i, text }),
            1 => JsonSerializer.Serialize(new { id = i, prompt = "x" + text[..(text.Length / 2)], text = text[(text.Length / 2)..] }),
            2 => JsonSerializer.Serialize(new { id = i, ids = text.Select(c => (int)c) }),
            _ => JsonSerializer.Serialize(new { id = i, prompt_ids = Framed, text }),
        });
        var path = files.Write("texts.jsonl", string.Join('\n', lines));
        var results = Score("--jsonl", path, "--json").JsonLines;
        Assert.Equal(Enumerable.Range(0, 150), results.Select(result => result.GetProperty("id").GetInt32()));
        for (var i = 0; i < texts.Length; i++)
        {
            var length = texts[i].Length;
            var scored = (i % 4) switch { 1 => length - length / 2, 3 => length, _ => length - 1 };
            Assert.Equal(scored, Numbers(results[i]).Length);
        }
        foreach (var i in (int[])[4, 41, 90, 147])
        {
            var alone = Score("--jsonl", files.Write("alone.jsonl", lines.ElementAt(i)), "--json").Json;
            Assert.Equal(Numbers(alone), Numbers(results[i]));      // bit by bit, whoever else is in the pass
        }
    }

    [Fact]
    public void People_get_a_line_for_each_text()
    {
        var path = files.Write("two.jsonl", """
            {"id":"one","text":"abc"}
            {"prompt":"a","text":"bcd"}
            """);
        var lines = Score("--jsonl", path).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.Matches(@"^\[one\] -\d+\.\d{5} nats, -\d+\.\d{5} a token, 2 tokens$", lines[0]);
        Assert.Matches(@"^\[2\] -\d+\.\d{5} nats, -\d+\.\d{5} a token, 3 tokens$", lines[1]);
        Assert.Matches(@"^-\d+\.\d{5} nats, -\d+\.\d{5} a token, 2 tokens\n$", Score("abc").Output);
    }

    [Theory]
    [InlineData("{\"text\":\"a\"}\n{\"id\":2}", "line 2: must have one of \"text\" and \"ids\", found none")]
    [InlineData("{\"text\":\"a\",\"ids\":[1]}", "found both")]
    [InlineData("{\"text\":\"a\",\"prompt\":\"a\",\"prompt_ids\":[1]}", "at most one of \"prompt\" and \"prompt_ids\"")]
    [InlineData("{\"text\":\"a\",\"promt\":\"a\"}", "\"promt\" is not known; known are id, prompt, prompt_ids, text, ids")]
    [InlineData("{\"text\":\"a\"}\n\n{\"ids\":[1,-1]}", "line 3: \"ids\" must be a list of token ids")]
    [InlineData("{\"ids\":[1,257]}", "line 1: prompt: ids must be 0..256, got 257")]
    [InlineData("{\"text\":\"\"}", "line 1: text: must have at least one token")]
    [InlineData("{\"prompt\":\"a\",\"ids\":[]}", "line 1: text: must have at least one token")]
    public void A_wrong_line_is_named_before_anything_is_scored(string lines, string expected)
    {
        var outcome = Score("--jsonl", files.Write($"wrong-{Guid.NewGuid():N}.jsonl", lines), "--json");
        Assert.Equal(1, outcome.Status);
        Assert.Contains(expected, outcome.OneError, StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_fit_says_what_does()
    {
        Assert.Contains("text: 129 tokens, prompt included, do not fit a context of 128 (raise --context)",
            Score("--prompt", "aaaa", new string('a', 125), "--json").OneError, StringComparison.Ordinal);
        Assert.Equal(124, Numbers(Score("--prompt", "aaaa", new string('a', 124), "--json").Json).Length);
    }

    [Theory]
    [InlineData("a TEXT or --jsonl FILE must be given")]
    [InlineData("--prompt is for a TEXT", "--prompt", "a", "--jsonl", "none")]
    [InlineData("exclude each other", "text", "--jsonl", "none")]
    public void Wrong_usage_is_said_before_the_model_is_loaded(string expected, params string[] arguments)
    {
        var outcome = CliProcess.Run(["score", "--model", "nowhere", .. arguments]);
        Assert.Equal(2, outcome.Status);
        Assert.Contains(expected, outcome.OneError, StringComparison.Ordinal);
    }

    /// <summary>logit - ln Σ exp(logits) in double precision, from the logits of the library.</summary>
    private double[] Reference(byte[] ids, int first)
    {
        using var model = LanguageModel.Load(files.Model, new ModelOptions { Device = "cpu" });
        using var scorer = new Scorer(model);
        var scores = new List<double>();
        scorer.Logits([.. ids.Select(id => (int)id)], (position, logits) =>
        {
            for (var row = 0; row * model.VocabularySize < logits.Length; row++)
            {
                var next = position + row + 1;
                if (next < first || next >= ids.Length) continue;
                var values = logits.Slice(row * model.VocabularySize, model.VocabularySize).ToArray();
                scores.Add(values[ids[next]] - Math.Log(values.Sum(value => Math.Exp(value))));
            }
        }, TestContext.Current.CancellationToken);
        return [.. scores];
    }

    private static double[] Numbers(JsonElement result) =>
        [.. result.GetProperty("log_probs").EnumerateArray().Select(score => score.GetDouble())];

    private CliOutcome Score(params string[] arguments) =>
        CliProcess.Run(["score", "--model", files.Model, "--device", "cpu", .. arguments]);
}
