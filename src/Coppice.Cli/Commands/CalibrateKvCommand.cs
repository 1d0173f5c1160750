using System.CommandLine;

namespace Coppice.Cli.Commands;

/// <summary>`coppice calibrate-kv`: what a text shows of a model's keys, by which a compressed cache divides their bits.</summary>
internal static class CalibrateKvCommand
{
    private const int DefaultTokens = 2048;

    private static readonly Option<string> TextOption = new("--text")
    {
        Description = "A text like those that the model will see; - for stdin",
        HelpName = "FILE",
        Required = true,
    };
    private static readonly Option<int?> MaxTokens = ModelArguments.Whole(
        "--max-tokens", 128, int.MaxValue, $"Only the first N tokens of the text [default: {DefaultTokens}]");
    private static readonly Argument<string?> Out = new("OUT")
    {
        Description = "The file to write, for --kv NAME:calibration=OUT "
            + $"[default: {KvCalibration.FileName} in the model's folder, where --kv kv-16 to kv-53 find it]",
        Arity = ArgumentArity.ZeroOrOne,
    };

    public static Command Create() => new Command("calibrate-kv", "Measure a model's keys on a text, for compressed caches")
    {
        TextOption, MaxTokens, Out,
    }.WithModel().Runs(Run);

    private static int Run(CommandContext context)
    {
        var text = TextFile.Read(context.Value(TextOption)!);
        using var loaded = ModelArguments.Load(context);
        var model = loaded.Model;
        var ids = ModelFolders.RequireTokenizer(model).Encode(text);
        var most = Math.Min(context.Value(MaxTokens) ?? DefaultTokens, model.ContextLength);
        if (ids.Length > most) ids = ids[..most];
        KvCalibration? calibration = null;
        bool stopped;
        using (new ProgressBar("calibrating", context.Output))
        {
            stopped = context.Interrupts.Run(cancellation =>
            {
                try
                {
                    calibration = KvCalibration.Measure(model, ids, cancellation);
                }
                catch (ArgumentException error)
                {
                    throw new CommandException(Failure.Message(error), error);
                }
            });
        }
        if (stopped || calibration is null) return ExitStatus.Interrupted;
        var path = context.Value(Out) ?? Path.Combine(model.Folder, KvCalibration.FileName);
        calibration.Save(path);
        var result = new KvCalibrationResult(
            path, ids.Length, calibration.Layers, calibration.KvHeads, calibration.HeadDim, new FileInfo(path).Length);
        if (context.Output.Json) context.Output.WriteJson(result, CliJson.Default.KvCalibrationResult);
        else context.Output.WriteLine(
            $"{path}: {calibration.Layers} layers of {calibration.KvHeads} heads from {Quantity.Count(ids.Length)} tokens, "
            + Quantity.Bytes(result.Bytes));
        return ExitStatus.Done;
    }
}
