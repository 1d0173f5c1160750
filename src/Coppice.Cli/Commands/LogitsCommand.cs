using System.CommandLine;
using System.Runtime.InteropServices;
using Coppice.Weights;

namespace Coppice.Cli.Commands;

/// <summary>`coppice logits`: the logits at every position of given tokens, for comparing with other implementations.</summary>
internal static class LogitsCommand
{
    private const string IdsPrefix = "ids.", LogitsPrefix = "logits.";

    private static readonly Option<string> IdsFile = new("--ids-file")
    {
        Description = "A safetensors file with a tensor ids.CASE [tokens] for each case, I64 or I32",
        HelpName = "FILE",
        Required = true,
    };

    private static readonly Option<string> Out = new("--out")
    {
        Description = "The safetensors file to write: logits.CASE [tokens, vocabulary], F32",
        HelpName = "FILE",
        Required = true,
    };

    public static Command Create() =>
        new Command("logits", "Write the logits at every position of given tokens") { IdsFile, Out }.WithModel().Runs(Run);

    private static int Run(CommandContext context)
    {
        var cases = ReadCases(context.Value(IdsFile)!);
        using var loaded = ModelArguments.Load(context);
        var model = loaded.Model;
        foreach (var (name, ids) in cases)
        {
            if (ids.Length <= model.ContextLength) continue;
            throw new CommandException(
                $"ids.{name}: {ids.Length:N0} tokens do not fit a context of {model.ContextLength:N0} (raise --context).");
        }
        bool stopped;
        using (var scorer = new Scorer(model, cases.Max(c => c.Ids.Length)))
        using (var writer = OpenWriter(context.Value(Out)!, cases, model.VocabularySize))
        using (var bar = new ProgressBar("logits", context.Output))
        {
            stopped = context.Interrupts.Run(cancellation =>
            {
                var (done, total) = (0L, cases.Sum(c => (long)c.Ids.Length));
                foreach (var (_, ids) in cases)
                {
                    scorer.Logits(ids, (_, logits) =>
                    {
                        writer.Write(logits);
                        bar.Report(done += logits.Length / model.VocabularySize, total);
                    }, cancellation);
                }
                writer.Complete();
            });
        }
        if (stopped) return ExitStatus.Interrupted;
        if (context.Output.Json)
            context.Output.WriteJson(
                new LogitsResult([.. cases.Select(c => new LogitsCase(c.Name, c.Ids.Length))]), CliJson.Default.LogitsResult);
        else foreach (var (name, ids) in cases) context.Output.WriteLine($"{name}: {ids.Length} tokens");
        return ExitStatus.Done;
    }

    private static SafetensorsWriter OpenWriter(string path, IReadOnlyList<(string Name, int[] Ids)> cases, int vocabulary)
    {
        try
        {
            return new SafetensorsWriter(
                path, [.. cases.Select(c => (LogitsPrefix + c.Name, SafetensorsType.F32, new long[] { c.Ids.Length, vocabulary }))]);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CommandException($"{path}: cannot be written: {error.Message}", error);
        }
    }

    private static List<(string Name, int[] Ids)> ReadCases(string path)
    {
        if (!File.Exists(path))
            throw new CommandException($"{path}: the file must be there, found {(Directory.Exists(path) ? "a folder" : "none")}.");
        using var file = SafetensorsFile.Open(path);
        var cases = file.Tensors.Values
            .Where(tensor => tensor.Name.StartsWith(IdsPrefix, StringComparison.Ordinal))
            .OrderBy(tensor => tensor.Begin)
            .Select(tensor => (tensor.Name[IdsPrefix.Length..], ReadIds(file, tensor))).ToList();
        return cases.Count > 0 ? cases : throw new CommandException($"{path}: must hold tensors ids.CASE, found none.");
    }

    private static int[] ReadIds(SafetensorsFile file, SafetensorsEntry tensor)
    {
        if (tensor.Shape is not [> 0 and < int.MaxValue])
            throw new CommandException($"{file.Name}: tensor {tensor.Name} must have the shape [tokens], found {tensor.ShapeText}.");
        var bytes = file.Bytes(tensor);
        return tensor.Type switch
        {
            SafetensorsType.I32 => MemoryMarshal.Cast<byte, int>(bytes).ToArray(),
            SafetensorsType.I64 => [.. MemoryMarshal.Cast<byte, long>(bytes).ToArray().Select(
                id => id is >= 0 and <= int.MaxValue ? (int)id : -1)],
            var other => throw new CommandException($"{file.Name}: tensor {tensor.Name} must be I64 or I32, found {other.FileName()}."),
        };
    }
}
