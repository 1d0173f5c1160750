using System.CommandLine;
using System.Diagnostics;
using System.Globalization;

namespace Coppice.Cli.Commands;

/// <summary>`coppice embed`: the vectors of texts.</summary>
internal static class EmbedCommand
{
    /// <summary>Texts whose answers are written together: enough that passes are full.</summary>
    private const int BatchTexts = 512;

    private static readonly Choice<Pooling?> Poolings = new(
        "pooling",
        [("model", null), ("mean", Pooling.Mean), ("cls", Pooling.FirstToken), ("last", Pooling.LastToken)]);

    private static readonly Argument<string?> Text = new("TEXT") { Description = "The text", Arity = ArgumentArity.ZeroOrOne };
    private static readonly Option<string> PoolingName =
        Poolings.Option("How the states of a text's tokens become one vector; model is as the folder says");
    private static readonly Option<bool> NoNormalize = new("--no-normalize") { Description = "Do not divide vectors by their length" };

    private static readonly Option<string?> Lines = new("--jsonl")
    {
        Description = "One vector for each line: \"text\", and an \"id\" if any; - for stdin",
        HelpName = "FILE",
    };

    public static Command Create() =>
        new Command("embed", "Give the vectors of texts, of encoders as BERT or of any model") { Text, Lines, PoolingName, NoNormalize }
            .WithModel().Runs(Run);

    private static int Run(CommandContext context)
    {
        var source = context.OneOf(Text, Lines) ?? throw context.Usage("a TEXT or --jsonl FILE must be given");
        var requests = source == Lines
            ? JsonLines.Read(context.Value(Lines)!).Select(EmbedRequest.Read)
            : [new EmbedRequest(null, context.Value(Text)!)];
        using var model = Load(context, new EmbeddingOptions
        {
            Pooling = Poolings.Parse(context.Value(PoolingName)!),
            Normalize = context.Value(NoNormalize) ? false : null,
        });
        var stopped = context.Interrupts.Run(cancellation =>
        {
            var number = 0;
            foreach (var batch in requests.Chunk(BatchTexts))
            {
                var embeddings = model.Embed([.. batch.Select(request => request.Text)], cancellation);
                for (var i = 0; i < batch.Length; i++) Show(context, batch[i], ++number, embeddings[i], isLine: source == Lines);
                context.Output.Flush();
            }
        });
        return stopped ? ExitStatus.Interrupted : ExitStatus.Done;
    }

    /// <summary>Loads the model as the user wants it.</summary>
    public static EmbeddingModel Load(CommandContext context, EmbeddingOptions embedding)
    {
        var options = ModelArguments.Options(context);
        var folder = ModelFolders.Require(context.Value(ModelArguments.Model)!);
        var start = Stopwatch.GetTimestamp();
        EmbeddingModel model;
        using (var bar = new ProgressBar("loading", context.Output)) model = EmbeddingModel.Load(folder, options, embedding, bar);
        context.Output.Detail(
            $"{model.DeviceName}; weights {Quantity.Bytes(model.WeightBytes)}; {model.Dimensions} dimensions, pooling {model.Pooling}"
            + $"{(model.IsNormalized ? ", normalised" : "")}; texts of at most {model.MaxTokens} tokens; "
            + $"loaded in {Quantity.Time(Stopwatch.GetElapsedTime(start))}");
        foreach (var warning in model.Warnings) context.Output.Note($"coppice: warning: {warning}");
        return model;
    }

    private static void Show(CommandContext context, EmbedRequest request, int number, TextEmbedding embedding, bool isLine)
    {
        var name = request.Id?.ToString() ?? number.ToString(CultureInfo.InvariantCulture);
        if (embedding.IsTruncated) context.Output.Detail($"[{name}] only the first {embedding.TokenCount} tokens were taken.");
        if (context.Output.Json)
        {
            var result = new EmbedResult { Id = request.Id, Tokens = embedding.TokenCount, Embedding = embedding.Vector };
            context.Output.WriteJson(result, CliJson.Default.EmbedResult);
            return;
        }
        if (isLine) context.Output.Write($"[{name}] ");
        var numbers = embedding.Vector.ToArray().Select(value => value.ToString(CultureInfo.InvariantCulture));
        context.Output.WriteLine(string.Join(' ', numbers));
    }
}
