namespace Coppice.Cli;

/// <summary>
/// The options for samplers beyond temperature, top-k, top-p and min-p, and for strategies; in JSON lines they are keys of the same names.
/// </summary>
internal static class SamplingArguments
{
    private static readonly GenerationOptions Usual = new();

    private static readonly Setting<float> TypicalP = Setting.Real(
        "typical-p", Usual.TypicalP, p => p is >= 0 and <= 1, "a number from 0 to 1",
        "Keep the tokens whose surprise is nearest to the entropy and that together exceed this probability; 1 for all");

    private static readonly Setting<float> TopNSigma = Setting.Real(
        "top-n-sigma", Usual.TopNSigma, n => n >= 0, "a number of at least 0",
        "Keep logits at most N standard deviations below the largest; 0 for all");

    private static readonly Setting<float> EpsilonCutoff = Setting.Real(
        "epsilon-cutoff", Usual.EpsilonCutoff, p => p is >= 0 and < 1, "a number of at least 0 and below 1",
        "Keep tokens of at least this probability; 0 for all");

    private static readonly Setting<float> EtaCutoff = Setting.Real(
        "eta-cutoff", Usual.EtaCutoff, p => p is >= 0 and < 1, "a number of at least 0 and below 1",
        "The same with a probability that falls where many tokens are probable; 0 for all");

    private static readonly Setting<bool> PLess = Setting.Flag(
        "p-less", "Keep tokens at least as probable as two draws are to be equal");

    private static readonly Setting<float> XtcProbability = Setting.Real(
        "xtc-probability", Usual.XtcProbability, p => p is >= 0 and <= 1, "a number from 0 to 1",
        "How often to exclude the most probable tokens but the last of them; 0 for never");

    private static readonly Setting<float> XtcThreshold = Setting.Real(
        "xtc-threshold", Usual.XtcThreshold, p => p is > 0 and <= 1, "a number above 0, at most 1",
        "The probability that makes a token one of the most probable");

    private static readonly Setting<float> DryMultiplier = Setting.Real(
        "dry-multiplier", Usual.DryMultiplier, m => m >= 0, "a number of at least 0",
        "Penalty for prolonging a repetition; 0 for none, 0.8 is usual");

    private static readonly Setting<float> DryBase = Setting.Real(
        "dry-base", Usual.DryBase, b => b >= 1, "a number of at least 1", "What each token of a repetition multiplies the penalty by");

    private static readonly Setting<int> DryAllowedLength = Setting.Whole(
        "dry-allowed-length", Usual.DryAllowedLength, n => n >= 1, "a whole number of at least 1",
        "Penalise repetitions of at least N tokens");

    private static readonly Setting<int> DryWindow = Setting.Whole(
        "dry-window", Usual.DryWindow, n => n >= 0, "a whole number of at least 0",
        "Look for repetitions in the last N tokens; 0 for all");

    private static readonly Setting<string[]> DryBreakers = Setting.Texts(
        "dry-sequence-breaker",
        "Repetitions do not reach across this text, instead of line feed, colon, quotation mark and asterisk; may be given several times");

    private static readonly Setting<float> DynamicTemperatureRange = Setting.Real(
        "dynatemp-range", Usual.DynamicTemperatureRange, r => r >= 0, "a number of at least 0",
        "Let the temperature grow with entropy from this much below --temperature to this much above; 0 for the same always");

    private static readonly Setting<float> DynamicTemperatureExponent = Setting.Real(
        "dynatemp-exp", Usual.DynamicTemperatureExponent, e => e > 0, "a number above 0", "The power of entropy by which it grows");

    private static readonly Setting<int> MinKeep = Setting.Whole(
        "min-keep", Usual.MinKeep, n => n >= 1, "a whole number of at least 1", "Tokens that everything that cuts off leaves at least");

    private static readonly Setting<string?> Samplers = Setting.Text(
        "samplers", "ORDER",
        "In which order samplers run: default, llama-cpp, hugging-face, vllm, or names of samplers with commas between them");

    private static readonly Setting<string> LogProbsMode = Setting.Named(
        "logprobs-mode", ["raw", "final"], "raw", "Whether --logprobs reports the model's own distribution or what was left of it");

    private static readonly Setting<string?> Strategy = Setting.Text(
        "strategy", "NAME",
        $"How tokens are chosen beyond one draw ({string.Join(", ", StrategyOptions.Names)}; NAME:key=value,key=value for its settings)");

    /// <summary>All settings.</summary>
    public static IReadOnlyList<ISetting> All { get; } =
    [
        TypicalP, TopNSigma, EpsilonCutoff, EtaCutoff, PLess, XtcProbability, XtcThreshold, DryMultiplier, DryBase, DryAllowedLength,
        DryWindow, DryBreakers, DynamicTemperatureRange, DynamicTemperatureExponent, MinKeep, Samplers, LogProbsMode, Strategy,
    ];

    /// <summary><paramref name="options"/> with what <paramref name="source"/> says.</summary>
    /// <exception cref="CommandException">A value of a line is not what it must be.</exception>
    /// <exception cref="UsageException">The same of an option.</exception>
    public static GenerationOptions Read(SettingSource source, GenerationOptions options)
    {
        options = options with
        {
            TypicalP = TypicalP.Read(source),
            TopNSigma = TopNSigma.Read(source),
            EpsilonCutoff = EpsilonCutoff.Read(source),
            EtaCutoff = EtaCutoff.Read(source),
            PLess = PLess.Read(source),
            XtcProbability = XtcProbability.Read(source),
            XtcThreshold = XtcThreshold.Read(source),
            DryMultiplier = DryMultiplier.Read(source),
            DryBase = DryBase.Read(source),
            DryAllowedLength = DryAllowedLength.Read(source),
            DryWindow = DryWindow.Read(source),
            DynamicTemperatureRange = DynamicTemperatureRange.Read(source),
            DynamicTemperatureExponent = DynamicTemperatureExponent.Read(source),
            MinKeep = MinKeep.Read(source),
            LogProbMode = LogProbsMode.Read(source) == "final" ? LogProbMode.Final : LogProbMode.Raw,
        };
        if (DryBreakers.IsGiven(source)) options = options with { DryBreakers = DryBreakers.Read(source) };
        if (Samplers.Read(source) is { } order) options = options with { SamplerOrder = source.Parse(order, SamplerOrder.Parse) };
        if (Strategy.Read(source) is { } strategy) options = options with { Strategy = source.Parse(strategy, StrategyOptions.Parse) };
        return options;
    }
}
