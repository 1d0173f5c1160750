using System.CommandLine;
using System.Text.Json;
using Coppice.Decoding.Sampling;
using Coppice.Drafting;

namespace Coppice.Cli;

/// <summary>The options that say how to generate; in JSON lines they are keys of the same names.</summary>
internal static class GenerationArguments
{
    private static readonly Setting<int> MaxTokens = Setting.Whole(
        "max-tokens", 256, n => n >= 1, "a whole number of at least 1", "Tokens to generate at most");
    private static readonly Setting<float> Temperature = Setting.Real(
        "temperature", 0, t => t >= 0, "a number of at least 0", "Divides the logits; 0 takes the most probable token always");
    private static readonly Setting<int> TopK = Setting.Whole(
        "top-k", 0, n => n >= 0, "a whole number of at least 0", "Keep the N most probable tokens; 0 for all");
    private static readonly Setting<float> TopP = Setting.Real(
        "top-p", 1, p => p is >= 0 and <= 1, "a number from 0 to 1", "Keep the most probable tokens that together have this probability");
    private static readonly Setting<float> MinP = Setting.Real(
        "min-p", 0, p => p is >= 0 and <= 1, "a number from 0 to 1", "Keep tokens at least P times as probable as the best");

    private static readonly Setting<float> RepetitionPenalty =
        Setting.Real("repetition-penalty", 1, p => p > 0, "a number above 0", "Divides the logits of tokens that occurred; 1 for none");

    private static readonly Setting<float> FrequencyPenalty = Setting.Real(
        "frequency-penalty", 0, _ => true, "a number", "Taken from the logit of a token for each time that it was generated; 0 for none");

    private static readonly Setting<float> PresencePenalty = Setting.Real(
        "presence-penalty", 0, _ => true, "a number", "Taken once from the logit of a token that was generated; 0 for none");

    private static readonly Setting<IReadOnlyDictionary<int, float>> LogitBias = Setting.Biases(
        "logit-bias", "Add B to the logit of token ID, -inf to ban it; may be given several times");

    private static readonly Setting<int> MinTokens = Setting.Whole(
        "min-tokens", 0, n => n >= 0, "a whole number of at least 0", "Neither token nor stop text ends the text within N tokens");

    private static readonly Setting<int[]> EndIds = Setting.Ids(
        "end-id", "Also end where this token is chosen; may be given several times");

    private static readonly Setting<bool> ModelDefaults = Setting.Flag(
        "model-defaults", "Take what the model's generation_config.json recommends where no option says otherwise");

    private static readonly Setting<ulong> Seed = Setting.Seed("seed", "Key of the random numbers: the same seed gives the same text");
    private static readonly Setting<string[]> Stop = Setting.Texts(
        "stop", "End where this text appears, which is not part of the result; may be given several times");
    private static readonly Setting<bool> IgnoreEos = Setting.Flag("ignore-eos", "Go on past the model's own tokens that end a text");
    private static readonly Setting<int?> LogProbs = Setting.OptionalWhole(
        "logprobs", 20, "Report the log-probability of every token and of the K best ones, 0 to 20");

    private static readonly Setting<string> Drafter = Setting.Named(
        "drafter", DrafterOptions.Names, "auto",
            $"What proposes tokens ahead ({string.Join(", ", DrafterOptions.Names)}; NAME:key=value,key=value for its settings); the text "
            + "is the same with each");

    /// <summary>All settings.</summary>
    public static IReadOnlyList<ISetting> All { get; } =
    [
        MaxTokens, Temperature, TopK, TopP, MinP, RepetitionPenalty, FrequencyPenalty, PresencePenalty, LogitBias, Seed, Stop, EndIds,
        MinTokens, IgnoreEos, LogProbs, ModelDefaults, Drafter, .. SamplingArguments.All, .. ConstraintArguments.All,
    ];

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

    private static GenerationSettings Read(SettingSource source)
    {
        var options = new GenerationOptions
        {
            FrequencyPenalty = FrequencyPenalty.Read(source),
            PresencePenalty = PresencePenalty.Read(source),
            LogitBias = LogitBias.Read(source),
            Seed = Seed.Read(source),
            StopSequences = Stop.Read(source),
            EndIds = EndIds.Read(source),
            IgnoreEos = IgnoreEos.Read(source),
            LogProbs = LogProbs.Read(source),
            UseModelDefaults = ModelDefaults.Read(source),
            Drafter = source.Parse(Drafter.Read(source), DrafterOptions.Parse),
        };
        // What a model may recommend is set only where the user says it.
        if (MaxTokens.IsGiven(source)) options = options with { MaxTokens = MaxTokens.Read(source) };
        if (MinTokens.IsGiven(source)) options = options with { MinTokens = MinTokens.Read(source) };
        if (Temperature.IsGiven(source)) options = options with { Temperature = Temperature.Read(source) };
        if (TopK.IsGiven(source)) options = options with { TopK = TopK.Read(source) };
        if (TopP.IsGiven(source)) options = options with { TopP = TopP.Read(source) };
        if (MinP.IsGiven(source)) options = options with { MinP = MinP.Read(source) };
        if (RepetitionPenalty.IsGiven(source)) options = options with { RepetitionPenalty = RepetitionPenalty.Read(source) };
        options = ConstraintArguments.Read(source, SamplingArguments.Read(source, options));
        return new GenerationSettings(options) { Asap = ConstraintArguments.ReadAsap(source) };
    }

}

/// <summary>How to generate.</summary>
internal sealed record GenerationSettings(GenerationOptions Options)
{
    /// <summary>Samples that learn from each other; null for one that does not.</summary>
    public AsapSamples? Asap { get; init; }
}

/// <summary>Where settings come from: a line of a file, and after it the command line.</summary>
internal readonly record struct SettingSource(CommandContext Context, JsonLine? Line)
{
    /// <summary>What <paramref name="parse"/> reads in a setting.</summary>
    /// <exception cref="CommandException">It is not what it must be: the mistake of a line, or of the command line's usage.</exception>
    public T Parse<T>(string text, Func<string, T> parse)
    {
        try
        {
            return parse(text);
        }
        catch (ArgumentException error)
        {
            throw Line is { } line ? line.Wrong(Failure.Message(error)) : Context.Usage(Failure.Message(error));
        }
    }
}
