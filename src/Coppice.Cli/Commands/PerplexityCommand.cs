using System.CommandLine;
using Coppice.Cli.Measuring;

namespace Coppice.Cli.Commands;

/// <summary>`coppice perplexity`: how well a model predicts a text, and how far its predictions are from those of other settings.</summary>
internal static class PerplexityCommand
{
    private static readonly Option<string> TextOption = new("--text")
    {
        Description = "A text file; - for stdin",
        HelpName = "FILE",
        Required = true,
    };
    private static readonly Option<int?> MaxTokens = ModelArguments.Whole(
        "--max-tokens", 2, int.MaxValue, "Only the first N tokens of the text");
    private static readonly Option<int?> Window = ModelArguments.Whole(
        "--window", 2, int.MaxValue, "A fresh context every N tokens [default: one context]");
    private static readonly Option<string?> ReferenceWeights = Reference(
        ModelChoices.Weights, "--reference-weights", "Compare with the model with its weights kept so, and activations f32");
    private static readonly Option<string?> ReferenceKv = Reference(
        ModelChoices.Kv, "--reference-kv", "Compare with the model with its keys and values kept so");

    public static Command Create() => new Command("perplexity", "Measure how well a model predicts a text, in nats")
    {
        TextOption, MaxTokens, Window, ReferenceWeights, ReferenceKv,
    }.WithModel().Runs(Run);

    private static int Run(CommandContext context)
    {
        var text = TextFile.Read(context.Value(TextOption)!);
        var (weights, kv) = (context.Value(ReferenceWeights), context.Value(ReferenceKv));
        if (weights is not null) ModelChoices.Weights.Parse(weights);
        if (kv is not null) ModelChoices.Kv.Parse(kv);
        using var loaded = ModelArguments.Load(context);
        using var reference = weights is null && kv is null ? null : LoadReference(context, weights, kv);
        var (ids, window) = Prepare(context, loaded.Model, text);
        using var scorer = new Scorer(loaded.Model, window);
        using var other = reference is null ? null : new Scorer(reference.Model, window);
        var measured = new TextMeasurement(ids, window, loaded.Model.VocabularySize);
        bool stopped;
        using (var bar = new ProgressBar("scoring", context.Output))
            stopped = context.Interrupts.Run(cancellation => measured.Run(scorer, other, bar, cancellation));
        if (stopped && measured.Scored == 0) return ExitStatus.Interrupted;
        var peak = loaded.Model.Backend.Memory.PeakBytes;
        Report(context, measured.Result(new MemoryBytes(loaded.Model.WeightBytes, scorer.KvBytes, scorer.WorkspaceBytes, peak)));
        return stopped ? ExitStatus.Interrupted : ExitStatus.Done;
    }

    /// <summary>The model to compare with: other weights come with activations as they are, which every format of weights takes.</summary>
    private static LoadedModel LoadReference(CommandContext context, string? weights, string? kv) => ModelArguments.Load(
        context, weights ?? context.Value(ModelArguments.Weights)!, kv ?? context.Value(ModelArguments.Kv)!,
        weights is null ? context.Value(ModelArguments.Activations)! : "f32");

    private static (int[] Ids, int Window) Prepare(CommandContext context, LanguageModel model, string text)
    {
        var ids = ModelFolders.RequireTokenizer(model).Encode(text);
        if (context.Value(MaxTokens) is { } most && ids.Length > most) ids = ids[..most];
        if (ids.Length < 2)
            throw new CommandException($"{TextFile.Label(context.Value(TextOption)!)}: must have at least two tokens, found {ids.Length}.");
        var window = Math.Min(context.Value(Window) ?? ids.Length, ids.Length);
        if (window <= model.ContextLength) return (ids, window);
        throw new CommandException(
            $"perplexity: {window:N0} tokens do not fit a context of {model.ContextLength:N0} (use --window or --max-tokens, or raise "
            + "--context).");
    }

    private static void Report(CommandContext context, PerplexityResult result)
    {
        if (context.Output.Json)
        {
            context.Output.WriteJson(result, CliJson.Default.PerplexityResult);
            return;
        }
        context.Output.WriteLine(
            $"perplexity {Quantity.Number(result.Perplexity)} ({result.MeanNll:0.00000} nats a token) over {result.Tokens} tokens");
        context.Output.WriteLine($"keys and values take {Quantity.Bytes(result.Bytes.Kv)}");
        if (result.Reference is not { } reference) return;
        context.Output.WriteLine(
            $"reference {reference.MeanNll:0.00000} nats a token; KL divergence {reference.KlMean:0.000000} on average, "
            + $"{reference.KlP99:0.000000} at 99 %, {reference.KlP999:0.000000} at 99.9 %");
        var divergence = reference.FirstDivergence is { } position ? $"first difference at token {position}" : "no difference";
        context.Output.WriteLine($"same most probable token at {100 * reference.Top1Agreement:0.00} % of the positions, {divergence}");
    }

    private static Option<string?> Reference<T>(Choice<T> choice, string name, string description)
    {
        var option = new Option<string?>(name)
        {
            Description = description,
            HelpName = choice.Names.Replace(", ", "|", StringComparison.Ordinal),
        };
        option.Validators.Add(result => choice.Validate(name, result));
        return option;
    }
}
