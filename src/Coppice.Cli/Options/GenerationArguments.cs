using System.CommandLine;
using System.Text.Json;
using Coppice.Decoding.Sampling;
using Coppice.Drafting;

namespace Coppice.Cli;

/// <summary>The options that say how to generate; in JSON lines they are keys of the same names.</summary>
internal static class GenerationArguments
{
    private static readonly Setting<int> MaxTokens = Setting.Whole("max-tokens", 256, n => n >= 1, "a whole number of at least 1", "Tokens to generate at most");
    private static readonly Setting<float> Temperature = Setting.Real("temperature", 0, t => t >= 0, "a number of at least 0", "Divides the logits; 0 takes the most probable token always");
    private static readonly Setting<int> TopK = Setting.Whole("top-k", 0, n => n >= 0, "a whole number of at least 0", "Keep so many of the most probable tokens; 0 for all");
    private static readonly Setting<float> TopP = Setting.Real("top-p", 1, p => p is >= 0 and <= 1, "a number from 0 to 1", "Keep the most probable tokens that together have this probability");
    private static readonly Setting<float> MinP = Setting.Real("min-p", 0, p => p is >= 0 and <= 1, "a number from 0 to 1", "Keep tokens at least so many times as probable as the best");

    private static readonly Setting<float> RepetitionPenalty =
        Setting.Real("repetition-penalty", 1, p => p > 0, "a number above 0", "Divides the logits of tokens that occurred; 1 for none");

    private static readonly Setting<ulong> Seed = Setting.Seed("seed", "Key of the random numbers: the same seed gives the same text");
    private static readonly Setting<string[]> Stop = Setting.Texts("stop", "End where this text appears, which is not part of the result; may be given several times");
    private static readonly Setting<bool> IgnoreEos = Setting.Flag("ignore-eos", "Go on past tokens that end a text");
    private static readonly Setting<int?> LogProbs = Setting.OptionalWhole("logprobs", 20, "Report the log-probability of every token and of the K best ones, 0 to 20");

    private static readonly Setting<string> Drafter = Setting.Named(
        "drafter", DrafterOptions.Names, "auto", $"What proposes tokens ahead ({string.Join(", ", DrafterOptions.Names)}; NAME:key=value,key=value for its settings); the text is the same with each");

    /// <summary>All settings.</summary>
    public static IReadOnlyList<ISetting> All { get; } =
        [MaxTokens, Temperature, TopK, TopP, MinP, RepetitionPenalty, Seed, Stop, IgnoreEos, LogProbs, Drafter];

    /// <summary>Adds the options to <paramref name="command"/>, but not those called <paramref name="without"/>.</summary>
    public static Command WithGeneration(this Command command, params string[] without)
    {
        foreach (var setting in All)
            if (!without.Contains(setting.Name)) command.Options.Add(setting.Option);
        return command;
    }

    /// <summary>What the command line says.</summary>
    public static GenerationSettings Read(CommandContext context) => Read(new SettingSource(context, null));

    /// <summary>What <paramref name="line"/> says, and the command line where the line says nothing.</summary>
    /// <exception cref="CommandException">A value is not what it must be.</exception>
    public static GenerationSettings Read(CommandContext context, JsonLine line) => Read(new SettingSource(context, line));

    private static GenerationSettings Read(SettingSource source) => new(new GenerationOptions
    {
        MaxTokens = MaxTokens.Read(source),
        Temperature = Temperature.Read(source),
        TopK = TopK.Read(source),
        TopP = TopP.Read(source),
        MinP = MinP.Read(source),
        RepetitionPenalty = RepetitionPenalty.Read(source),
        Seed = Seed.Read(source),
        StopSequences = Stop.Read(source),
        IgnoreEos = IgnoreEos.Read(source),
        LogProbs = LogProbs.Read(source),
        Drafter = ReadDrafter(source),
    });

    private static DrafterOptions ReadDrafter(SettingSource source)
    {
        try
        {
            return DrafterOptions.Parse(Drafter.Read(source));
        }
        catch (ArgumentException error)
        {
            throw source.Line is { } line ? line.Wrong(error.Message) : source.Context.Usage(error.Message);
        }
    }
}

/// <summary>How to generate.</summary>
internal sealed record GenerationSettings(GenerationOptions Options);

/// <summary>Where settings come from: a line of a file, and behind it the command line.</summary>
internal readonly record struct SettingSource(CommandContext Context, JsonLine? Line);
