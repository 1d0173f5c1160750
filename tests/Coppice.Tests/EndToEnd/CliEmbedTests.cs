using System.Text.Json;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>`coppice embed` as a process: the library's vectors, in the order of the lines.</summary>
public sealed class CliEmbedTests : IDisposable
{
    private readonly TinyEncoder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_text_has_its_vector_as_json_and_as_numbers()
    {
        using var model = _folder.Load();
        var expected = model.Embed("abc de").Vector.ToArray();
        var result = Embed("abc de", "--json").Json;
        Assert.Equal(["id", "tokens", "embedding"], result.EnumerateObject().Select(property => property.Name));
        Assert.Equal((JsonValueKind.Null, 7), (result.GetProperty("id").ValueKind, result.GetProperty("tokens").GetInt32()));
        Assert.Equal(expected, Numbers(result));
        var line = Embed("abc de").Output;
        Assert.Equal(expected, line.Split(' ').Select(text => float.Parse(text, System.Globalization.CultureInfo.InvariantCulture)));
        using var raw = _folder.Load(embedding: new EmbeddingOptions { Pooling = Pooling.FirstToken, Normalize = false });
        Assert.Equal(raw.Embed("abc de").Vector.ToArray(), Numbers(Embed("abc de", "--pooling", "cls", "--no-normalize", "--json").Json));
    }

    [Fact]
    public void Lines_are_answered_in_their_order_whatever_their_length()
    {
        using var model = _folder.Load();
        var texts = TinyEncoder.Texts(700);
        _folder.Write("texts.jsonl", string.Join('\n', texts.Select((text, i) => JsonSerializer.Serialize(new { id = $"t{i}", text }))));
        var results = Embed("--jsonl", Path.Combine(_folder.Folder, "texts.jsonl"), "--json").JsonLines;
        Assert.Equal(texts.Select((_, i) => $"t{i}"), results.Select(result => result.GetProperty("id").GetString()));
        foreach (var i in (int[])[0, 7, 349, 511, 512, 699]) Assert.Equal(model.Embed(texts[i]).Vector.ToArray(), Numbers(results[i]));
    }

    [Fact]
    public void The_bench_of_an_encoder_measures_texts_of_several_lengths()
    {
        var outcome = CliProcess.Run("bench", "--model", _folder.Folder, "--device", "cpu", "--rounds", "1", "--json");
        var rows = outcome.Json.GetProperty("rows").EnumerateArray().ToArray();
        Assert.Equal(["embed-16", "embed-64"], rows.Select(row => row.GetProperty("name").GetString()));     // 256 tokens do not fit
        Assert.All(rows, row => Assert.True(row.GetProperty("tokens_per_s").GetDouble() > 0));
        // Of each of 3 layers the matrices, biases and norms, the norm of the embeddings, and two products over 16 tokens.
        var perToken = 2 * (3 * (4 * 48 * 48 + 2 * 48 * 80) + 3 * (5 * 48 + 80 + 4 * 48) + 2 * 48) + 4.0 * 48 * 16 * 3;
        var ratio = rows[0].GetProperty("GFLOPs").GetDouble() * 1e9 / rows[0].GetProperty("tokens_per_s").GetDouble();
        Assert.Equal(perToken, ratio, tolerance: 1e-6 * perToken);
        Assert.Equal(2, CliProcess.Run("bench", "--model", _folder.Folder, "--device", "cpu", "--suite", "decode").Status);
    }

    [Theory]
    [InlineData("""{"id": 1}""", "line 1: must have a \"text\", found none.")]
    [InlineData("""{"text": "a", "prompt": "b"}""", "line 1: \"prompt\" is not known; known are id, text.")]
    [InlineData("""{"text": 7}""", "line 1: \"text\" must be a string, found 7.")]
    public void Lines_that_are_wrong_are_named(string line, string message)
    {
        _folder.Write("texts.jsonl", line);
        var outcome = Embed("--jsonl", Path.Combine(_folder.Folder, "texts.jsonl"));
        Assert.Equal(1, outcome.Status);
        Assert.Contains(message, outcome.OneError, StringComparison.Ordinal);
    }

    [Fact]
    public void Wrong_calls_are_refused()
    {
        Assert.Equal(2, Embed().Status);
        Assert.Equal(2, Embed("a", "--pooling", "max").Status);
        var outcome = CliProcess.Run("generate", "a", "--model", _folder.Folder, "--device", "cpu");
        Assert.Equal(1, outcome.Status);
        Assert.Contains("is an encoder", outcome.OneError, StringComparison.Ordinal);
    }

    private CliOutcome Embed(params string[] arguments) =>
        CliProcess.Run(["embed", .. arguments, "--model", _folder.Folder, "--device", "cpu"]);

    private static float[] Numbers(JsonElement result) =>
        [.. result.GetProperty("embedding").EnumerateArray().Select(number => number.GetSingle())];
}
