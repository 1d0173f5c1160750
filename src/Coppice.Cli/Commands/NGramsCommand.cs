using System.CommandLine;
using System.Globalization;
using Coppice.Drafting;
using Coppice.Drafting.NGrams;

namespace Coppice.Cli.Commands;

/// <summary>`coppice ngrams build`: counts of which tokens followed which in texts, for superposed drafts.</summary>
internal static class NGramsCommand
{
    private const string DefaultOrders = "2-6";

    private static readonly Option<string[]> Text = new("--text")
    {
        Description = "Files of plain text, one document each unless there is a --separator",
        HelpName = "FILE...",
        AllowMultipleArgumentsPerToken = true,
    };
    private static readonly Option<string?> Lines = new("--jsonl")
    {
        Description = "A file with one document in each line: {\"text\": …}; - for stdin",
        HelpName = "FILE",
    };
    private static readonly Option<string?> Separator = new("--separator")
    {
        Description = "What stands between two documents of a --text file",
        HelpName = "TEXT",
    };
    private static readonly Option<string> Folder = new("--tokenizer")
    {
        Description = "A folder with the tokenizer files of the model that it is for",
        HelpName = "DIR",
        Required = true,
    };
    private static readonly Option<string> Orders = new("--orders")
    {
        Description = "Lengths of the runs of tokens that count, from 2 to 7",
        HelpName = "A-B",
        DefaultValueFactory = _ => DefaultOrders,
    };
    private static readonly Option<int?> Least = ModelArguments.Whole(
        "--min-count", 1, int.MaxValue, "Leave out runs that are rarer; the totals that probabilities are of stay [default: 1]");
    private static readonly Option<int?> Shard = ModelArguments.Whole(
        "--shard-tokens", 1024, 1 << 28, "Tokens that are counted in memory at once [default: 4194304]");
    private static readonly Argument<string> Out =
        new("OUT") { Description = "The file to write; ngrams.bin in a model's folder is found there" };

    public static Command Create()
    {
        var build =
            new Command("build", "Count which tokens follow which in texts") { Folder, Text, Lines, Separator, Orders, Least, Shard,
            Out }.Runs(Build);
        return new Command("ngrams", "Files of n-grams for superposed drafts") { build };
    }

    private static int Build(CommandContext context)
    {
        if (!context.Has(Text) && !context.Has(Lines)) throw context.Usage("--text or --jsonl must be given");
        if (context.Value(Separator) is "") throw context.Usage("--separator must not be empty");
        var (first, last) = ParseOrders(context);
        var tokenizer = ModelFolders.LoadTokenizer(context.Value(Folder)!);
        var path = context.Value(Out)!;
        if (Path.GetFileName(path).Length == 0 || Directory.Exists(path))
            throw new CommandException($"{path}: must be a file to write, found a folder.");
        var tokens = 0L;
        using var builder =
            Builder(tokenizer.VocabularySize, last, Path.GetDirectoryName(Path.GetFullPath(path))!, context.Value(Shard)
            ?? NGramBuilder.ShardTokens);
        // What stands in the file stays until the whole of the new store is there.
        var partial = path + ".partial";
        try
        {
            bool stopped;
            using (var file = OutputFile.Create(partial))
            {
                stopped = context.Interrupts.Run(cancellation =>
                {
                    foreach (var document in DocumentReader.Read(context.Value(Text), context.Value(Lines), context.Value(Separator)))
                    {
                        cancellation.ThrowIfCancellationRequested();
                        var ids = tokenizer.Encode(document, addSpecialTokens: false);
                        tokens += ids.Length;
                        builder.Add(ids);
                    }
                    builder.Write(file, TokenizerFingerprint.Of(tokenizer), first, context.Value(Least) ?? 1);
                });
            }
            if (stopped) return ExitStatus.Interrupted;
            File.Move(partial, path, overwrite: true);
        }
        finally
        {
            // Deleting what lies in no folder would be an error, in place of the one that says so.
            if (File.Exists(partial)) File.Delete(partial);
        }
        using var store = NGramStore.Open(path, TokenizerFingerprint.Of(tokenizer), tokenizer.VocabularySize);
        var orders = store.Sections.Skip(first - 1).Select(section => new NGramsOrder(section.Order, section.Positions, section.Nodes))
            .ToArray();
        var result = new NGramsResult(builder.Documents, tokens, orders, Math.Max(builder.Shards, 1), new FileInfo(path).Length);
        if (context.Output.Json) context.Output.WriteJson(result, CliJson.Default.NGramsResult);
        else context.Output.WriteLine(
            $"{path}: {result.Documents:N0} documents, {Quantity.Count(tokens)} tokens, "
            + $"{string.Join(", ", orders.Select(order => $"{Quantity.Count(order.Entries)} runs of {order.Order}"))}, "
            + Quantity.Bytes(result.Bytes));
        return ExitStatus.Done;
    }

    private static (int First, int Last) ParseOrders(CommandContext context)
    {
        var text = context.Value(Orders)!;
        var parts = text.Split('-');
        if (parts.Length <= 2 && parts.All(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out _)))
        {
            var (first, last) = (int.Parse(parts[0], CultureInfo.InvariantCulture), int.Parse(parts[^1], CultureInfo.InvariantCulture));
            if (first >= 2 && first <= last && last <= NGramStore.MostTokens) return (first, last);
        }
        throw context.Usage($"--orders must be two numbers from 2 to {NGramStore.MostTokens} such as {DefaultOrders}, got {text}");
    }

    private static NGramBuilder Builder(int vocabulary, int last, string folder, int shard)
    {
        try
        {
            return new NGramBuilder(vocabulary, last, folder, shard);
        }
        catch (ArgumentException error)
        {
            throw new CommandException(Failure.Message(error), error);
        }
    }
}
