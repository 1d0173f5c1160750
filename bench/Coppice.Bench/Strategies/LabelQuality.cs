using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Coppice.Bench.Strategies;

/// <summary>Accuracy on a small set of labelled sentences, before and after the labels are calibrated.</summary>
internal static class LabelQuality
{
    private static readonly string[] Empty = ["N/A", "", "[MASK]"];

    public static string Calibration(QualityModels models)
    {
        var items = File.ReadLines(models.File("labels.jsonl")).Select(line =>
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            return (Label: root.GetProperty("label").GetString()!, Text: root.GetProperty("text").GetString()!);
        }).ToArray();
        string[] labels = [.. items.Select(item => item.Label).Distinct()];
        var model = models.Main;
        int[][][] forms = [.. labels.Select(label => (int[][])[model.Tokenizer!.Encode(" " + label, addSpecialTokens: false)])];
        using var scorer = new LabelScorer(model, forms);
        var probabilities = items.Select(item => Score(item.Text)).ToArray();
        var free = Empty.Select(Score).ToArray();
        var text = new StringBuilder("## Calibrated labels\n\n");
        text.AppendLine(CultureInfo.InvariantCulture,
            $"{items.Length} sentences of {labels.Length} kinds (labels.jsonl), what the model gives each label after \"Topic:\", and that "
            + $"calibrated by {Empty.Length} texts without content.").AppendLine();
        text.AppendLine("| | right | share of its most common answer |").AppendLine("|---|--:|--:|");
        Row("as the model says", null);
        Row("diagonal", LabelCalibrator.Fit(free, CalibrationMode.Diagonal));
        Row("identity", LabelCalibrator.Fit(free, CalibrationMode.Identity));
        return text.ToString();

        double[] Score(string sentence) =>
            scorer.ScoreAsync(model.Tokenizer!.Encode($"Sentence: {sentence}\nTopic:")).GetAwaiter().GetResult();

        void Row(string name, LabelCalibrator? calibrator)
        {
            string[] answers = [.. probabilities.Select(p => calibrator?.Calibrate(p) ?? p).Select(p => labels[Array.IndexOf(p, p.Max())])];
            var right = answers.Zip(items).Count(pair => pair.First == pair.Second.Label);
            var common = answers.CountBy(answer => answer).Max(pair => pair.Value) / (double)answers.Length;
            text.AppendLine(CultureInfo.InvariantCulture, $"| {name} | {right / (double)items.Length:p1} | {common:p1} |");
        }
    }
}
