using System.CommandLine;
using System.Globalization;
using Coppice.Decoding;

namespace Coppice.Cli.Commands;

/// <summary>`coppice info`: what is in a model's folder.</summary>
internal static class InfoCommand
{
    private static readonly Option<string> Model = ModelFolders.Option("The model's folder");

    public static Command Create() =>
        new Command("info", "Show what is in a model's folder and what memory it takes, without loading weights") { Model }.Runs(Run);

    private static int Run(CommandContext context)
    {
        var info = FolderReader.Read(ModelFolders.Require(context.Value(Model)!));
        foreach (var warning in info.Warnings ?? []) context.Output.Note($"coppice: warning: {warning}");
        if (context.Output.Json) context.Output.WriteJson(info, CliJson.Default.FolderInfo);
        else if (context.Output.ShowsTables) Tables.Facts(Facts(info));
        else foreach (var (name, value) in Facts(info)) context.Output.WriteLine($"{name}: {value}");
        return ExitStatus.Done;
    }

    private static IEnumerable<(string Name, string Value)> Facts(FolderInfo info)
    {
        yield return ("folder", info.Folder);
        yield return ("files", string.Join(", ", info.Files.Select(file => $"{file.Name} ({Quantity.Bytes(file.Bytes)})")));
        if (info.Family is not null)
        {
            yield return ("family", info.Family == info.ModelType ? info.Family : $"{info.Family} ({info.ModelType})");
            yield return ("parameters", Quantity.Count(info.Parameters ?? 0));
            yield return ("context", $"{Number(info.Context)} tokens");
            yield return ("layers", $"{info.Layers}, hidden size {Number(info.HiddenSize)}, MLP {Number(info.MlpSize)}, {info.QueryHeads} "
                + $"query heads, {info.KvHeads} KV heads of {info.HeadDim}");
            if (info.Experts is not null) yield return ("experts", $"{info.Experts}, {info.ExpertsPerToken} for each token");
            if (info.Generation is { } generation)
            {
                var options = generation.Select(option => FormattableString.Invariant($"{option.Key} {option.Value}"));
                yield return ("recommended", string.Join(", ", options));
            }
            yield return ("end tokens", info.EndTokenIds is [_, ..] ? string.Join(", ", info.EndTokenIds) : "none");
        }
        if (info.StoredTypes is not null) yield return ("stored as", string.Join(", ", info.StoredTypes));
        yield return ("tokenizer", info.Tokenizer is { } tokenizer ? $"{Number(tokenizer.Vocabulary)} tokens" : "none");
        yield return ("chat template", info.Tokenizer is { Templates: [_, ..] templates } ? string.Join(", ", templates) : "none");
        foreach (var (format, bytes) in info.Bytes?.Weights ?? new Dictionary<string, long>())
            yield return ($"weights {format}", Quantity.Bytes(bytes));
        foreach (var (format, activations) in info.Activations ?? new Dictionary<string, string>())
            yield return ($"activations auto, weights {format}", activations);
        foreach (var (kind, bytes) in info.Bytes?.Kv ?? new Dictionary<string, CacheBytes>())
        {
            yield return (
                $"cache {kind}",
                $"{Quantity.Bytes(bytes.Token)} a token, {Quantity.Bytes(bytes.Context)} for the whole context, "
                + $"{Quantity.Percent(bytes.OfF16)} "
                + "of F16");
        }
    }

    private static string Number(int? value) => value?.ToString("N0", CultureInfo.InvariantCulture) ?? "?";
}
