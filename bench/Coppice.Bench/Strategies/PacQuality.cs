using System.Globalization;
using System.Text;
using Coppice.Drafting;

namespace Coppice.Bench.Strategies;

/// <summary>How often the sets of partial programs lack the truth, which the model draws itself.</summary>
internal static class PacQuality
{
    private const int Pairs = 400, Draws = 100;
    private const double Delta = .1;

    public static string Run(QualityModels models)
    {
        var pairs = Enumerable.Range(0, Pairs).Select(i => Pair(models.Large, i)).ToArray();
        var text = new StringBuilder("## PAC sets: coverage\n\n");
        text.AppendLine(CultureInfo.InvariantCulture,
            $"{models.LargeName} under the grammar of expressions: the prediction is greedy, the truth one draw at T = 1, {Pairs} pairs of "
            + $"their own prompts. {Draws} times half of them calibrate (delta = {Delta}) and the other half tests. A violation is a "
            + $"calibration whose sets lack more of the test's truths than epsilon; by the guarantee they are at most a tenth, and the "
            + $"noise of 200 test pairs comes on top.").AppendLine();
        text.AppendLine("| epsilon | holes | truths lacked, mean | violations | kept nodes |").AppendLine("|--:|--:|--:|--:|--:|");
        foreach (var epsilon in (double[])[.1, .2, .3])
        {
            foreach (var holes in (int[])[1, 2, 4])
            {
                var (lacked, violations, kept, random) = (0.0, 0, 0.0, new Random(7));
                for (var draw = 0; draw < Draws; draw++)
                {
                    CalibrationPair[] mixed = [.. pairs];
                    random.Shuffle(mixed);
                    var predictor = PacCodePredictor.Calibrate(mixed[..(Pairs / 2)], epsilon, Delta, holes);
                    var tests = mixed[(Pairs / 2)..];
                    var share = tests.Count(pair => !predictor.Predict(pair.Predicted).Contains(pair.Code, pair.Tree))
                        / (double)tests.Length;
                    lacked += share / Draws;
                    if (share > epsilon) violations++;
                    if (draw == 0) kept = tests.Average(pair => predictor.Predict(pair.Predicted).KeptNodes / (double)pair.Predicted.Count);
                }
                text.AppendLine(CultureInfo.InvariantCulture,
                    $"| {epsilon} | {holes} | {lacked:p1} | {violations / (double)Draws:p0} | {kept:p0} |");
            }
        }
        return text.ToString();
    }

    private static CalibrationPair Pair(LanguageModel model, int number)
    {
        using var session = model.NewSession();
        var options = new GenerationOptions { Grammar = Expression.Grammar, MaxTokens = 24, LogProbs = 0, Drafter = DrafterOptions.None };
        var prompt = string.Create(CultureInfo.InvariantCulture, $"int f{number}(int a, int b, int c) => ");
        GeneratedPiece[] pieces = [.. session.Generate(prompt, options)];
        foreach (var _ in session.Generate(prompt, options with { Temperature = 1, Seed = (ulong)number })) { }
        var truth = session.LastResult!.Text;
        return new CalibrationPair(
            PredictedProgram.From(pieces, code => Expression.Parse(code)?.Tree), truth, Expression.Parse(truth)!.Value.Tree);
    }
}
