using System.CommandLine;
using Coppice.Conversion;
using Coppice.Weights.Gguf;

namespace Coppice.Cli.Commands;

/// <summary>`coppice convert`: writes a model in another form.</summary>
internal static class ConvertCommand
{
    private static readonly Dictionary<string, ConversionTarget> Targets = new()
    {
        ["gguf"] = ConversionTarget.Gguf,
        ["safetensors"] = ConversionTarget.Safetensors,
    };

    private static readonly Option<string> Model = ModelFolders.Option("The model's folder: config.json, safetensors and tokenizer files");
    private static readonly Option<string> To = new("--to")
    {
        Description = "The form: one GGUF file for llama.cpp, or a folder with safetensors",
        HelpName = string.Join('|', Targets.Keys),
        Required = true,
    };

    private static readonly Option<string> Type = new("--type")
    {
        Description = "How matrices are stored; safetensors take the first three",
        HelpName = string.Join('|', GgufTypes.All.Select(type => type.Name())),
        DefaultValueFactory = _ => GgufType.F16.Name(),
    };

    private static readonly Argument<string> Out = new("OUT") { Description = "The file or folder to write, which must not be there yet" };

    public static Command Create()
    {
        To.AcceptOnly([.. Targets.Keys]);
        Type.AcceptOnly([.. GgufTypes.All.Select(type => type.Name())]);
        return new Command("convert", "Write the model in another form: a GGUF file, or its folder with weights in another type")
        {
            Model, To, Type, Out,
        }.Runs(Run);
    }

    private static int Run(CommandContext context)
    {
        var folder = ModelFolders.Require(context.Value(Model)!);
        var type = GgufTypes.All.First(known => known.Name() == context.Value(Type));
        ConversionResult? result = null;
        using (var bar = new ProgressBar("converting", context.Output))
        {
            context.Interrupts.Run(cancellation =>
                result = ModelConverter.Convert(folder, context.Value(Out)!, Targets[context.Value(To)!], type, bar, cancellation));
        }
        if (result is null) return ExitStatus.Interrupted;
        var written = new ConvertResult(result.Path, result.Bytes, result.Tensors);
        if (context.Output.Json) context.Output.WriteJson(written, CliJson.Default.ConvertResult);
        else context.Output.WriteLine($"{result.Path}: {result.Tensors} tensors, {Quantity.Bytes(result.Bytes)}");
        return ExitStatus.Done;
    }
}
