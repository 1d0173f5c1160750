using System.CommandLine;
using System.Globalization;
using Coppice.Text;

namespace Coppice.Cli.Commands;

/// <summary>`coppice calibrate`: which of some labels follows a prompt, less what the model prefers without content.</summary>
internal static class CalibrateCommand
{
    private static readonly Argument<string?> Prompt =
        new("PROMPT") { Description = "What the label follows", Arity = ArgumentArity.ZeroOrOne };

    private static readonly Option<string> Labels = new("--labels")
    {
        Description = "Labels, separated by commas; | between ways to write one",
        HelpName = "A,B,...",
        Required = true,
    };

    private static readonly Option<string[]> ContentFree = new("--content-free")
    {
        Description = "A prompt without content, such as the same with \"N/A\" in it; may be given several times",
        HelpName = "TEXT",
        Required = true,
    };

    private static readonly Option<CalibrationMode> Mode = new("--mode")
    {
        Description = "diagonal divides by what is preferred, identity subtracts it",
        DefaultValueFactory = _ => CalibrationMode.Diagonal,
    };

    private static readonly Option<string?> Lines = new("--jsonl")
    {
        Description = "One answer for each line: \"prompt\", and \"label\" and \"id\" if any; - for stdin",
        HelpName = "FILE",
    };

    public static Command Create() =>
        new Command("calibrate", "Choose among labels, made up for what the model prefers without content")
        {
            Prompt, Labels, ContentFree, Mode, Lines,
        }.WithModel().Runs(Run);

    private static int Run(CommandContext context)
    {
        var source = context.OneOf(Prompt, Lines) ?? throw context.Usage("a PROMPT or --jsonl FILE must be given");
        CalibrateRequest[] requests = source == Lines
            ? [.. JsonLines.Read(context.Value(Lines)!).Select(CalibrateRequest.Read)]
            : [new CalibrateRequest(null, context.Value(Prompt)!, null)];
        string[][] labels = [.. context.Value(Labels)!.Split(',').Select(label => label.Split('|'))];
        if (labels.Any(forms => forms.Any(string.IsNullOrEmpty))) throw new CommandException("--labels: no label may be empty.");
        string[] names = [.. labels.Select(forms => forms[0])];
        if (requests.FirstOrDefault(request => request.Label is { } given && !names.Contains(given)) is { } wrong)
            throw new CommandException($"\"label\": must be one of {string.Join(", ", names)}, found \"{wrong.Label}\".");
        using var loaded = ModelArguments.Load(context);
        var tokenizer = ModelFolders.RequireTokenizer(loaded.Model, "");
        using var scorer = new LabelScorer(loaded.Model, [.. labels.Select(forms => Tokens(tokenizer, forms))]);
        var right = (Plain: 0, Calibrated: 0);
        var stopped = context.Interrupts.Run(cancellation =>
        {
            double[] Score(string prompt) => scorer.ScoreAsync(tokenizer.Encode(prompt), cancellation).GetAwaiter().GetResult();
            var calibrator = LabelCalibrator.Fit([.. context.Value(ContentFree)!.Select(Score)], context.Value(Mode));
            foreach (var request in requests)
            {
                var plain = Score(request.Prompt);
                var calibrated = calibrator.Calibrate(plain);
                if (request.Label == Best(names, plain)) right.Plain++;
                if (request.Label == Best(names, calibrated)) right.Calibrated++;
                Show(context, request, names, plain, calibrated);
            }
        });
        var judged = requests.Count(request => request.Label is not null);
        if (judged > 0 && !context.Output.Json)
            context.Output.WriteLine($"right: {right.Calibrated} of {judged}, {right.Plain} without calibration");
        return stopped ? ExitStatus.Interrupted : ExitStatus.Done;
    }

    private static int[][] Tokens(Tokenizer tokenizer, string[] forms) =>
        [.. forms.Select(form => tokenizer.Encode(form, addSpecialTokens: false))];

    private static string Best(string[] names, double[] probabilities) => names[Array.IndexOf(probabilities, probabilities.Max())];

    private static void Show(CommandContext context, CalibrateRequest request, string[] names, double[] plain, double[] calibrated)
    {
        var result = new CalibrateResult
        {
            Id = request.Line?.Id,
            Label = Best(names, calibrated),
            Probabilities = Named(names, calibrated),
            Uncalibrated = Named(names, plain),
        };
        if (context.Output.Json) context.Output.WriteJson(result, CliJson.Default.CalibrateResult);
        else
        {
            var all = names.Select((name, i) =>
                string.Create(CultureInfo.InvariantCulture, $"{name} {calibrated[i]:0.0000} ({plain[i]:0.0000})"));
            context.Output.WriteLine($"{result.Label}: {string.Join(", ", all)}");
        }
    }

    private static Dictionary<string, double> Named(string[] names, double[] values) =>
        names.Zip(values).ToDictionary(pair => pair.First, pair => pair.Second);
}
