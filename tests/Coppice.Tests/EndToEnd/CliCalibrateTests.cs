using System.Text.Json;
using Coppice.Tests.Support;
using Xunit;

namespace Coppice.Tests.EndToEnd;

/// <summary>`coppice calibrate` as a process: the library's probabilities of labels, before and after.</summary>
public sealed class CliCalibrateTests(CliModelFolder files) : IClassFixture<CliModelFolder>
{
    private static readonly string Model = Path.Combine(SharedData.Repository, "weights", "tiny");

    [Fact]
    public void Labels_have_the_probabilities_of_the_library()
    {
        var lines = files.Write("labels.jsonl",
            "{\"id\": 7, \"prompt\": \"Gets or sets the\", \"label\": \" name\"}\n{\"prompt\": \"Returns a\", \"label\": \" value\"}");
        string[] arguments =
        [
            "calibrate", "--model", Model, "--device", "cpu", "--labels", " name, value| number", "--content-free", "The",
            "--content-free", "A",
        ];
        var results = CliProcess.Run([.. arguments, "--jsonl", lines, "--json"]).JsonLines;
        Assert.Equal(2, results.Length);
        Assert.Equal(7, results[0].GetProperty("id").GetInt32());
        using var model = LanguageModel.Load(Model, new() { Device = "cpu" });
        int[] Ids(string text) => model.Tokenizer!.Encode(text, addSpecialTokens: false);
        using var labels = new LabelScorer(model, [[Ids(" name")], [Ids(" value"), Ids(" number")]]);
        double[] Score(string prompt) =>
            labels.ScoreAsync(model.Tokenizer!.Encode(prompt), TestContext.Current.CancellationToken).GetAwaiter().GetResult();
        var plain = Score("Gets or sets the");
        var calibrated = LabelCalibrator.Fit([Score("The"), Score("A")]).Calibrate(plain);
        foreach (var (name, values) in new[] { ("uncalibrated", plain), ("probabilities", calibrated) })
        {
            Assert.Equal(values[0], results[0].GetProperty(name).GetProperty(" name").GetDouble(), 1e-9);
            Assert.Equal(values[1], results[0].GetProperty(name).GetProperty(" value").GetDouble(), 1e-9);
        }
        Assert.Contains("of 2", CliProcess.Run([.. arguments, "--jsonl", lines]).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_label_that_is_none_of_them_is_refused()
    {
        var lines = files.Write("wrong.jsonl", "{\"prompt\": \"a\", \"label\": \"c\"}");
        var result = CliProcess.Run("calibrate", "--model", Model, "--labels", "a,b", "--content-free", "x", "--jsonl", lines);
        Assert.Equal(1, result.Status);
        Assert.Contains("must be one of a, b", result.Error, StringComparison.Ordinal);
    }
}
