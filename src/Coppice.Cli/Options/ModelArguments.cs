using System.CommandLine;
using System.Diagnostics;
using Coppice.Kernels;

namespace Coppice.Cli;

/// <summary>The options of every command that loads a model.</summary>
internal static class ModelArguments
{
    public static readonly Option<string> Model = ModelFolders.Option("The model's folder: config.json, safetensors and tokenizer files");
    public static readonly Option<string> Weights = ModelChoices.Weights.Option("How weights are kept in memory");
    public static readonly Option<string> Kv = ModelChoices.Kv.Option("How keys and values are kept");
    public static readonly Option<int?> Context = Whole(
        "--context", 2, 1 << 28, "Tokens that fit, prompt and generated [default: the model's context, at most 8192]");

    public static readonly Option<string> Device = new("--device")
    {
        Description = "What computes; auto is the first GPU, or the CPU where there is none",
        HelpName = "auto|cpu|cuda|cuda:N|ilgpu-cpu",
        DefaultValueFactory = _ => "auto",
        Validators =
        {
            result =>
            {
                if (result.Tokens is [var token] && !IsDevice(token.Value))
                    result.AddError($"--device must be auto, cpu, cuda, cuda:N or ilgpu-cpu, got {token.Value}");
            },
        },
    };

    public static readonly Option<string> Activations = ModelChoices.Activations.Option("How activations are computed");
    public static readonly Option<int?> Threads = Whole("--threads", 0, 1024, "Threads of the CPU [default: one for each processor]");

    /// <summary>Adds the options to <paramref name="command"/>.</summary>
    public static Command WithModel(this Command command) => command.WithModel(Model);

    /// <summary>Adds the options to <paramref name="command"/>, <paramref name="model"/> for which models there are.</summary>
    public static Command WithModel(this Command command, Option model)
    {
        foreach (var option in (Option[])[model, Device, Weights, Activations, Kv, Context, Threads]) command.Options.Add(option);
        return command;
    }

    /// <summary>A whole number within limits.</summary>
    public static Option<int?> Whole(string name, int least, int most, string description)
    {
        var option = new Option<int?>(name) { Description = description, HelpName = "N" };
        option.CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (int.TryParse(
                    text, System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture,
                        out var value)
                && value >= least && value <= most)
                return value;
            result.AddError(
                $"{name} must be a whole number {(most == int.MaxValue ? $"of at least {least}" : $"from {least} to {most}")}, got {text}");
            return null;
        };
        return option;
    }

    /// <summary>How the user wants models.</summary>
    public static ModelOptions Options(CommandContext context) =>
        Options(context, context.Value(Weights)!, context.Value(Kv)!, context.Value(Activations)!);

    /// <summary>How the user wants the model, with the weights and the cache called so.</summary>
    public static ModelOptions Options(CommandContext context, string weights, string kv, string activations)
    {
        return new ModelOptions
        {
            Device = context.Value(Device)!,
            WeightFormat = ModelChoices.Weights.Parse(weights),
            Activations = ModelChoices.Activations.Parse(activations),
            KvCache = ModelChoices.Kv.Parse(kv),
            ContextLength = context.Value(Context),
            Threads = context.Value(Threads) ?? 0,
            CpuTier = Tier(),
        };
    }

    /// <summary>What computes, and else the defaults: for commands that have only those options.</summary>
    public static ModelOptions DeviceOptions(CommandContext context) => new()
    {
        Device = context.Value(Device)!,
        Threads = context.Value(Threads) ?? 0,
        CpuTier = Tier(),
    };

    /// <summary>Loads the model as the user wants it.</summary>
    public static LoadedModel Load(CommandContext context) =>
        Load(context, context.Value(Weights)!, context.Value(Kv)!, context.Value(Activations)!);

    /// <summary>Loads the model with the weights and the cache called so.</summary>
    public static LoadedModel Load(CommandContext context, string weights, string kv, string activations)
    {
        var options = Options(context, weights, kv, activations);
        var folder = ModelFolders.Require(context.Value(Model)!);
        var start = Stopwatch.GetTimestamp();
        LanguageModel model;
        using (var bar = new ProgressBar("loading", context.Output)) model = LanguageModel.Load(folder, options, bar);
        var time = Stopwatch.GetElapsedTime(start);
        context.Output.Detail(
            $"{model.DeviceName}; weights {weights}, {Quantity.Bytes(model.WeightBytes)}; cache {kv}; context {model.ContextLength}; "
            + $"loaded in {Quantity.Time(time)}");
        foreach (var warning in model.Warnings) context.Output.Note($"coppice: warning: {warning}");
        if (model.ContextLength > model.Spec.ContextLength)
            context.Output.Note(
                $"coppice: note: --context {model.ContextLength} is more than the {model.Spec.ContextLength} tokens that the model was "
                + "made for.");
        return new LoadedModel(model, time);
    }

    /// <summary>
    /// The vector registers that COPPICE_CPU asks for: portable, avx2, avx512 or assembled; null for the widest there are.
    /// </summary>
    private static CpuTier? Tier() => Environment.GetEnvironmentVariable("COPPICE_CPU") switch
    {
        null or "" => null,
        "portable" => CpuTier.Portable,
        "avx2" => CpuTier.Avx2,
        "avx512" => CpuTier.Avx512,
        "assembled" => CpuTier.Assembled,
        var other => throw new CommandException($"COPPICE_CPU: must be portable, avx2, avx512 or assembled, found {other}."),
    };

    private static bool IsDevice(string name) =>
        name is "auto" or "cpu" or "cuda" or "ilgpu-cpu"
            || (name.StartsWith("cuda:", StringComparison.Ordinal) && ushort.TryParse(name.AsSpan(5), out _));
}

/// <summary>A model and how long it took to load; disposes the model.</summary>
internal sealed record LoadedModel(LanguageModel Model, TimeSpan LoadTime) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();
}
