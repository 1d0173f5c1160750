using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Coppice.Drafting;
using Coppice.Models;

namespace Coppice.Cli.Commands;

/// <summary>`coppice heads tree`: how often draft heads are right on given texts, by head and rank, and the tree that follows.</summary>
internal static class HeadsCommand
{
    private const int ShownRanks = 4;

    private static readonly Option<string> Heads = new("--heads")
    {
        Description = "The folder of the heads; without it those that `--drafter medusa` or hydra finds",
        HelpName = "DIR",
    };
    private static readonly Option<string> Lines = new("--jsonl")
    {
        Description = "A text for each line: \"text\" or \"ids\", after \"prompt\", \"messages\" or \"prompt_ids\" if any; - for stdin",
        HelpName = "FILE",
        Required = true,
    };
    private static readonly Option<int?> Nodes = ModelArguments.Whole("--nodes", 1, 95, "Nodes of the tree besides the root [default: 63]");
    private static readonly Option<string> Out = new("--out") { Description = "The JSON file to write too", HelpName = "FILE" };

    public static Command Create()
    {
        var tree = new Command("tree", "Measure how often draft heads are right on texts, and build the tree that follows")
        {
            Heads, Lines, Nodes, Out,
        }.WithModel().Runs(Tree);
        return new Command("heads", "Draft heads, which propose tokens from the model's hidden states") { tree };
    }

    private static int Tree(CommandContext context)
    {
        DumpRequest[] requests = [.. JsonLines.Read(context.Value(Lines)!).Select(DumpRequest.Read)];
        using var loaded = ModelArguments.Load(context);
        var model = loaded.Model;
        var heads = model.OpenHeads(null, MedusaOptions.KindName, context.Value(Heads), quantized: true)
            ?? model.OpenHeads(null, HydraOptions.KindName, null, quantized: true)
            ?? throw context.Usage("--heads must name a folder, none was found for the model");
        var (accuracy, width) = (new HeadAccuracy(heads), model.Spec.HiddenSize);
        ChatRenderer? renderer = null;
        var texts = requests.Select(request => request.Tokens(model, ref renderer)).ToArray();
        var stopped = context.Interrupts.Run(cancellation =>
        {
            using var scorer = new Scorer(model);
            using var bar = new ProgressBar("texts", context.Output);
            for (var i = 0; i < texts.Length; i++)
            {
                int[] tokens = [.. texts[i].Prompt, .. texts[i].Text];
                var states = new float[tokens.Length * width];
                scorer.States(tokens, new[] { HiddenLayer.Final }, (_, first, rows) =>
                    rows.CopyTo(states.AsSpan(first * width)), cancellation);
                accuracy.Add(tokens, states, texts[i].Prompt.Count);
                bar.Report(i + 1, texts.Length);
            }
        });
        if (stopped) return ExitStatus.Interrupted;
        var tree = HeadTree.Grow(accuracy.Rates, context.Value(Nodes) ?? 63);
        var result = new HeadTreeResult(heads.Heads.IsConditioned ? HydraOptions.KindName : MedusaOptions.KindName, accuracy.Positions,
            accuracy.Rates, [.. tree.Select(node => node.Path)], 1 + tree.Sum(node => node.Value));
        if (context.Value(Out) is { } path)
        {
            using var file = OutputFile.Create(path);
            JsonSerializer.Serialize(file, result, CliJson.Default.HeadTreeResult);
        }
        if (context.Output.Json) context.Output.WriteJson(result, CliJson.Default.HeadTreeResult);
        else Show(context, result);
        return ExitStatus.Done;
    }

    private static void Show(CommandContext context, HeadTreeResult result)
    {
        for (var head = 0; head < result.Accuracy.Count; head++)
        {
            var rates = result.Accuracy[head].Take(ShownRanks).Select(rate => rate.ToString("0.000", CultureInfo.InvariantCulture));
            var ranks = string.Join(", ", rates);
            context.Output.WriteLine($"head {head}: right by rank {ranks}, ...");
        }
        context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{result.Positions:N0} positions; a tree of {result.Tree.Count} nodes gives {result.ExpectedTokens:0.00} tokens a pass"));
        context.Output.WriteLine(string.Join(' ', result.Tree.Select(path => string.Join('.', path))));
    }
}
