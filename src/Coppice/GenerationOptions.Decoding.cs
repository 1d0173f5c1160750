using Coppice.Decoding;
using Coppice.Decoding.Sampling;
using Coppice.Decoding.Verification;
using Coppice.Text;

namespace Coppice;

public sealed partial record GenerationOptions
{
    private const int MaskedCandidates = 15;

    /// <summary>What ends the text, for a model of these end tokens and this tokenizer.</summary>
    internal StopRule CreateStopRule(IReadOnlyList<int> modelEndIds, Tokenizer? tokenizer)
    {
        var special = SpecialStops.Find(StopSequences, tokenizer).Keys;
        return new StopRule(MaxTokens, [.. (IgnoreEos ? [] : modelEndIds).Concat(EndIds).Concat(special).Distinct().Order()]);
    }

    /// <summary>The chain of processors and the choice after it.</summary>
    internal Sampler CreateSampler() => CreateSampler(0, []);

    /// <summary>The chain of processors and the choice after it.</summary>
    /// <param name="promptTokens">Tokens of the prompt.</param>
    /// <param name="endIds">Tokens that end the text.</param>
    /// <param name="breakers">What <see cref="DryBreakers"/> are in the model's tokens; null for none.</param>
    internal Sampler CreateSampler(int promptTokens, IReadOnlyList<int> endIds, DryBreakers? breakers = null)
    {
        var greedy = Temperature == 0;
        var processors = new List<LogitsProcessor>();
        if (MinTokens > 0 && endIds.Count > 0) processors.Add(new MinimumTokens(MinTokens, promptTokens, endIds));
        foreach (var stage in SamplerOrder.Stages)
        {
            if (!IsSet(stage) || (greedy && (Truncates(stage) || stage == SamplerStage.Temperature))) continue;
            Add(processors, stage, promptTokens, breakers ?? Decoding.Sampling.DryBreakers.None);
        }
        if (Strategy is MirostatOptions mirostat) processors.Add(new Mirostat(mirostat));
        var shape = new SamplingShape(Temperature, TopK, TopP, MinP);
        var kept = greedy ? 1 : TopK == 0 ? 0 : Math.Max(TopK, MinKeep);
        // A mask takes some of the largest away.
        if (IsConstrained && kept > 0) kept = Math.Min(kept + MaskedCandidates, Math.Max(kept, Sampler.MostCandidates - 1));
        // Log-probabilities of what is left need all of it.
        if (LogProbs is not null && LogProbMode == LogProbMode.Final) kept = 0;
        return new Sampler(processors, greedy, Seed) { Shape = shape, Candidates = Sampler.Enough(processors, kept) };
    }

    /// <summary>What changes the rows of a beam search before they are scored; null where nothing does.</summary>
    /// <param name="promptTokens">Tokens of the prompt.</param>
    /// <param name="breakers">As for <see cref="CreateSampler(int, IReadOnlyList{int}, DryBreakers)"/>.</param>
    internal Sampler? CreateBeamLaw(int promptTokens, DryBreakers? breakers)
    {
        var processors = new List<LogitsProcessor>();
        foreach (var stage in SamplerOrder.Stages)
        {
            if (IsSet(stage) && !Truncates(stage)) Add(processors, stage, promptTokens, breakers ?? Decoding.Sampling.DryBreakers.None);
        }
        return processors.Count == 0 ? null : new Sampler(processors, greedy: false, Seed);
    }

    private void Add(List<LogitsProcessor> processors, SamplerStage stage, int promptTokens, DryBreakers breakers)
    {
        switch (stage)
        {
            case SamplerStage.Penalties:
                if (RepetitionPenalty != 1) processors.Add(new RepetitionPenalty(RepetitionPenalty, RepetitionWindow));
                if (FrequencyPenalty != 0 || PresencePenalty != 0)
                    processors.Add(new FrequencyPenalty(FrequencyPenalty, PresencePenalty, promptTokens, RepetitionWindow));
                return;
            case SamplerStage.Temperature when DynamicTemperatureRange > 0:
                var (least, most) = (Math.Max(Temperature - DynamicTemperatureRange, 0), Temperature + DynamicTemperatureRange);
                processors.Add(new DynamicTemperature(least, most, DynamicTemperatureExponent));
                return;
        }
        processors.Add(stage switch
        {
            SamplerStage.Bias => new LogitBias(LogitBias),
            SamplerStage.Dry => new DryPenalty(DryMultiplier, DryBase, DryAllowedLength, DryWindow, breakers),
            SamplerStage.TopNSigma => new TopNSigma(TopNSigma, MinKeep),
            SamplerStage.Temperature => new Temperature(Temperature),
            SamplerStage.TopK => new TopK(Math.Max(TopK, MinKeep)),
            SamplerStage.TypicalP => new TypicalP(TypicalP, MinKeep),
            SamplerStage.TopP => new TopP(TopP, MinKeep),
            SamplerStage.MinP => new MinP(MinP, MinKeep),
            SamplerStage.PLess => new PLess(MinKeep),
            SamplerStage.EpsilonCutoff => new EpsilonCutoff(EpsilonCutoff, MinKeep),
            SamplerStage.EtaCutoff => new EtaCutoff(EtaCutoff, MinKeep),
            SamplerStage.Xtc => new Xtc(XtcProbability, XtcThreshold, Seed, MinKeep),
            _ => throw new ArgumentOutOfRangeException(nameof(stage)),
        });
    }
}
