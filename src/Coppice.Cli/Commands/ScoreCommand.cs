using System.CommandLine;
using System.Globalization;

namespace Coppice.Cli.Commands;

/// <summary>`coppice score`: how probable given texts are after their prompts.</summary>
internal static class ScoreCommand
{
    /// <summary>Texts and tokens of a batch at most, whose answers wait for each other.</summary>
    private const int BatchTexts = 64, BatchTokens = 1 << 15;

    private static readonly Argument<string?> Text = new("TEXT") { Description = "The text", Arity = ArgumentArity.ZeroOrOne };
    private static readonly Option<string?> Prompt = new("--prompt") { Description = "What comes before TEXT", HelpName = "TEXT" };

    private static readonly Option<string?> Lines = new("--jsonl")
    {
        Description = "One score for each line: \"text\" or \"ids\", after \"prompt\" or \"prompt_ids\" if any, and an \"id\"; - for stdin",
        HelpName = "FILE",
    };

    public static Command Create() =>
        new Command("score", "Give the log-probabilities of texts, token by token, in nats") { Text, Prompt, Lines }.WithModel().Runs(Run);

    private static int Run(CommandContext context)
    {
        var source = context.OneOf(Text, Lines) ?? throw context.Usage("a TEXT or --jsonl FILE must be given");
        if (source == Lines && context.Has(Prompt)) throw context.Usage("--prompt is for a TEXT");
        ScoreRequest[] requests = source == Lines
            ? [.. JsonLines.Read(context.Value(Lines)!).Select(ScoreRequest.Read)]
            : [new ScoreRequest { Prompt = context.Value(Prompt), Text = context.Value(Text) }];
        using var loaded = ModelArguments.Load(context);
        var texts = requests.Select(request => request.Tokens(loaded.Model)).ToArray();
        using var scorer = new Scorer(loaded.Model);
        var stopped = context.Interrupts.Run(cancellation =>
        {
            using var bar = new ProgressBar("scoring", context.Output);
            for (var first = 0; first < texts.Length;)
            {
                var batch = texts.AsSpan(first, BatchSize(texts, first)).ToArray();
                var scores = scorer.LogProbabilitiesAsync(batch, cancellation).GetAwaiter().GetResult();
                for (var i = 0; i < batch.Length; i++) Show(context, requests[first + i], first + i, scores[i]);
                context.Output.Flush();
                first += batch.Length;
                bar.Report(first, texts.Length);
            }
        });
        return stopped ? ExitStatus.Interrupted : ExitStatus.Done;
    }

    private static int BatchSize(ScoredText[] texts, int first)
    {
        var tokens = 0;
        var end = first;
        while (end < texts.Length && end - first < BatchTexts && tokens < BatchTokens)
        {
            tokens += texts[end].Prompt.Count + texts[end].Text.Count;
            end++;
        }
        return end - first;
    }

    private static void Show(CommandContext context, ScoreRequest request, int index, IReadOnlyList<double> scores)
    {
        var result = new ScoreResult { Id = request.Id, LogProbs = scores, Sum = scores.Sum() };
        if (context.Output.Json)
        {
            context.Output.WriteJson(result, CliJson.Default.ScoreResult);
            return;
        }
        var name = request.Line is null ? "" : $"[{request.Id?.ToString() ?? (index + 1).ToString(CultureInfo.InvariantCulture)}] ";
        var mean = scores.Count == 0 ? 0 : result.Sum / scores.Count;
        context.Output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{name}{result.Sum:0.00000} nats, {mean:0.00000} a token, {scores.Count} tokens"));
    }
}
