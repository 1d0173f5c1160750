namespace Coppice;

/// <content>Samplers beyond temperature, top-k, top-p and min-p.</content>
public sealed partial record GenerationOptions
{
    /// <summary>One list, so that options with the default are equal.</summary>
    private static readonly IReadOnlyList<string> UsualBreakers = ["\n", ":", "\"", "*"];

    /// <summary>
    /// Locally typical sampling: keeps the tokens whose surprise is nearest to the entropy and that together exceed this probability; 1,
    /// the default, keeps all.
    /// </summary>
    public float TypicalP { get; init; } = 1;
    /// <summary>Keeps tokens of at least this probability; 0, the default, keeps all.</summary>
    public float EpsilonCutoff { get; init; }
    /// <summary>
    /// Keeps tokens of at least min(ε, √ε · exp(-entropy)) where this is ε; 0, the default, keeps all.
    /// </summary>
    public float EtaCutoff { get; init; }
    /// <summary>
    /// Keeps logits at most this many standard deviations of all logits below the largest; 0, the default, keeps all. What stays does not
    /// depend on the temperature.
    /// </summary>
    public float TopNSigma { get; init; }
    /// <summary>Whether to keep only tokens at least as probable as two draws are to be equal; not by default.</summary>
    public bool PLess { get; init; }
    /// <summary>
    /// How often the most probable tokens are excluded, 0 to 1: of those of at least <see cref="XtcThreshold"/> only the least probable
    /// stays. 0, the default, for never.
    /// </summary>
    public float XtcProbability { get; init; }
    /// <summary>
    /// The probability that makes a token one of the most probable; above 0, 0.1 by default. Above 0.5 nothing is excluded.
    /// </summary>
    public float XtcThreshold { get; init; } = 0.1f;
    /// <summary>
    /// Don't repeat yourself: taken from the logit of a token that would prolong a repetition, times <see cref="DryBase"/> to the power of
    /// the tokens by which it is longer than <see cref="DryAllowedLength"/>; 0, the default, for none, 0.8 is usual. The prompt counts.
    /// </summary>
    public float DryMultiplier { get; init; }
    /// <summary>By how much the penalty grows with every token of a repetition; at least 1, 1.75 by default.</summary>
    public float DryBase { get; init; } = 1.75f;
    /// <summary>Repetitions of at least this many tokens are penalised; at least 1, 2 by default.</summary>
    public int DryAllowedLength { get; init; } = 2;
    /// <summary>How many of the last tokens repetitions are looked for in; 0, the default, for all of them.</summary>
    public int DryWindow { get; init; }
    /// <summary>
    /// Texts that repetitions do not reach across; a line feed, a colon, a quotation mark and an asterisk by default. Of a longer text the
    /// first 40 characters count. Without effect where the model has no tokenizer.
    /// </summary>
    public IReadOnlyList<string> DryBreakers { get; init; } = UsualBreakers;
    /// <summary>
    /// Makes the temperature grow with the entropy of each row: from <see cref="Temperature"/> less this, but at least 0, to that plus
    /// this. 0, the default, for the same temperature always.
    /// </summary>
    public float DynamicTemperatureRange { get; init; }
    /// <summary>The power of entropy, as a share of its maximum, by which the temperature grows; above 0, 1 by default.</summary>
    public float DynamicTemperatureExponent { get; init; } = 1;
    /// <summary>Tokens that everything that cuts off leaves at least, top-k too; 1 by default.</summary>
    public int MinKeep { get; init; } = 1;
    /// <summary>In which order all of this is done.</summary>
    public SamplerOrder SamplerOrder { get; init; } = SamplerOrder.Default;
    /// <summary>Of which distribution <see cref="LogProbs"/> reports; the model's own by default.</summary>
    public LogProbMode LogProbMode { get; init; }
    /// <summary>How tokens are chosen beyond one draw from each row; null, the default, for just that.</summary>
    public StrategyOptions? Strategy { get; init; }
    /// <summary>
    /// Each makes a processor of the host's own for one generation; they run in this order, after constraints and before samplers. None by
    /// default. With any the text is made one token at a time, without drafts.
    /// </summary>
    public IReadOnlyList<Func<ITokenProcessor>> Processors { get; init; } = [];
    /// <summary>
    /// Makes a stop condition of the host's own, one for each generation; null, the default, for none. Text is then made as with
    /// <see cref="Processors"/>.
    /// </summary>
    public Func<IStopCondition>? StopCondition { get; init; }

    /// <summary>Whether the stage would do something.</summary>
    private bool IsSet(SamplerStage stage) => stage switch
    {
        SamplerStage.Bias => LogitBias.Count > 0,
        SamplerStage.Penalties => RepetitionPenalty != 1 || FrequencyPenalty != 0 || PresencePenalty != 0,
        SamplerStage.Dry => DryMultiplier > 0,
        SamplerStage.TopNSigma => TopNSigma > 0,
        SamplerStage.Temperature => (Temperature != 0 && Temperature != 1) || DynamicTemperatureRange > 0,
        SamplerStage.TopK => TopK > 0,
        SamplerStage.TypicalP => TypicalP < 1,
        SamplerStage.TopP => TopP < 1,
        SamplerStage.MinP => MinP > 0,
        SamplerStage.PLess => PLess,
        SamplerStage.EpsilonCutoff => EpsilonCutoff > 0,
        SamplerStage.EtaCutoff => EtaCutoff > 0,
        _ => XtcProbability > 0,
    };

    private static bool Truncates(SamplerStage stage) =>
        stage is not (SamplerStage.Bias or SamplerStage.Penalties or SamplerStage.Dry or SamplerStage.Temperature);

    private void ValidateSampling()
    {
        if (!(TypicalP is >= 0 and <= 1)) throw Outside(nameof(TypicalP), "from 0 to 1", TypicalP);
        if (!(EpsilonCutoff is >= 0 and < 1)) throw Outside(nameof(EpsilonCutoff), "at least 0 and below 1", EpsilonCutoff);
        if (!(EtaCutoff is >= 0 and < 1)) throw Outside(nameof(EtaCutoff), "at least 0 and below 1", EtaCutoff);
        if (!(TopNSigma >= 0) || !float.IsFinite(TopNSigma)) throw Outside(nameof(TopNSigma), "at least 0 and finite", TopNSigma);
        if (!(XtcProbability is >= 0 and <= 1)) throw Outside(nameof(XtcProbability), "from 0 to 1", XtcProbability);
        if (!(XtcThreshold is > 0 and <= 1)) throw Outside(nameof(XtcThreshold), "above 0, at most 1", XtcThreshold);
        if (!(DryMultiplier >= 0) || !float.IsFinite(DryMultiplier))
            throw Outside(nameof(DryMultiplier), "at least 0 and finite", DryMultiplier);
        if (!(DryBase >= 1) || !float.IsFinite(DryBase)) throw Outside(nameof(DryBase), "at least 1 and finite", DryBase);
        if (DryAllowedLength < 1) throw Outside(nameof(DryAllowedLength), "at least 1", DryAllowedLength);
        if (DryWindow < 0) throw Outside(nameof(DryWindow), "at least 0", DryWindow);
        if (!(DynamicTemperatureRange >= 0) || !float.IsFinite(DynamicTemperatureRange))
            throw Outside(nameof(DynamicTemperatureRange), "at least 0 and finite", DynamicTemperatureRange);
        if (!(DynamicTemperatureExponent > 0) || !float.IsFinite(DynamicTemperatureExponent))
            throw Outside(nameof(DynamicTemperatureExponent), "above 0 and finite", DynamicTemperatureExponent);
        if (MinKeep < 1) throw Outside(nameof(MinKeep), "at least 1", MinKeep);
        if (!Enum.IsDefined(LogProbMode)) throw Outside(nameof(LogProbMode), "one of LogProbMode", LogProbMode);
        ArgumentNullException.ThrowIfNull(SamplerOrder);
        ArgumentNullException.ThrowIfNull(DryBreakers);
        if (DryBreakers.Any(string.IsNullOrEmpty))
            throw new ArgumentException("options: DryBreakers must not hold an empty text.", nameof(DryBreakers));
        foreach (var stage in SamplerOrder.Default.Stages)
        {
            if (IsSet(stage) && !SamplerOrder.Stages.Contains(stage))
                throw new ArgumentException(
                    $"options: SamplerOrder must have {SamplerOrder.NameOf(stage)}, which is set, got {SamplerOrder}.");
        }
        if (Drafter.Typical > 0 && LogProbs is not null && LogProbMode == LogProbMode.Final)
            throw new ArgumentException("options: LogProbMode must be Raw where the drafter has typical set.");
    }

    private void ValidateStrategy()
    {
        Strategy?.Validate();
        if (Strategy is BestOfOptions { Count: > 1 } && Temperature == 0)
            throw Outside(nameof(Temperature), "above 0 with best-of, whose sequences are one otherwise", Temperature);
        if (Strategy is BestOfOptions { Count: > 1 } && LogProbs is not null && LogProbMode == LogProbMode.Final)
            throw new ArgumentException("options: LogProbMode must be Raw with best-of, which compares sequences by it.");
        if (Strategy is BeamSearchOptions && (LogProbs is not null || DenyPolicy == Constraints.DenyPolicy.Backtrack))
            throw new ArgumentException(
                $"options: {(LogProbs is not null ? nameof(LogProbs) : "DenyPolicy.Backtrack")} and the strategy beam exclude each "
                + "other.");
        if (Strategy is BeamSearchOptions or BestOfOptions && Trace is not null)
            throw new ArgumentException(
                "options: Trace records one sequence, so it and the strategies beam and best-of exclude each other.");
        ArgumentNullException.ThrowIfNull(Processors);
        if (Strategy is StepStrategyOptions || Processors.Count > 0 || StopCondition is not null) ValidateSteps();
        if (Strategy is not MirostatOptions mirostat) return;
        if (Temperature == 0) throw Outside(nameof(Temperature), "above 0 with mirostat", Temperature);
        if (Drafter.Typical > 0) throw new ArgumentException("options: the drafter must not have typical set with mirostat.");
        foreach (var stage in SamplerOrder.Stages)
        {
            if (!mirostat.WithTruncation && Truncates(stage) && IsSet(stage))
                throw new ArgumentException(
                    $"options: {SamplerOrder.NameOf(stage)} and mirostat exclude each other (truncation=true runs mirostat after it).");
        }
    }

    /// <summary>What is not for text that is made step by step.</summary>
    private void ValidateSteps()
    {
        var other = Strategy is BeamSearchOptions or BestOfOptions ? $"the strategy {Strategy.Name}"
            : Trace is not null ? nameof(Trace)
            : Asap is not null ? nameof(Asap)
            : Strategy is PlanningOptions && LogProbs is not null ? nameof(LogProbs)
            : DenyPolicy == Constraints.DenyPolicy.Backtrack ? "DenyPolicy.Backtrack"
            : null;
        if (other is null) return;
        var one = Strategy is StepStrategyOptions ? $"the strategy {Strategy.Name}" : "Processors or a StopCondition";
        throw new ArgumentException($"options: {one} and {other} exclude each other.");
    }
}
