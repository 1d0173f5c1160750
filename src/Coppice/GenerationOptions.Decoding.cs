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
    internal Sampler CreateSampler(int promptTokens, IReadOnlyList<int> endIds)
    {
        var processors = new List<LogitsProcessor>();
        var greedy = Temperature == 0;
        if (RepetitionPenalty != 1) processors.Add(new RepetitionPenalty(RepetitionPenalty, RepetitionWindow));
        if (FrequencyPenalty != 0 || PresencePenalty != 0)
            processors.Add(new FrequencyPenalty(FrequencyPenalty, PresencePenalty, promptTokens, RepetitionWindow));
        if (LogitBias.Count > 0) processors.Add(new LogitBias(LogitBias));
        if (MinTokens > 0 && endIds.Count > 0) processors.Add(new MinimumTokens(MinTokens, promptTokens, endIds));
        if (!greedy && Temperature != 1) processors.Add(new Temperature(Temperature));
        if (!greedy && TopK > 0) processors.Add(new TopK(TopK));
        if (!greedy && TopP < 1) processors.Add(new TopP(TopP));
        if (!greedy && MinP > 0) processors.Add(new MinP(MinP));
        var shape = new SamplingShape(Temperature, TopK, TopP, MinP);
        var kept = greedy ? 1 : TopK;
        // A mask takes some of the largest away.
        if (IsConstrained && kept > 0) kept = Math.Min(kept + MaskedCandidates, Math.Max(kept, Sampler.MostCandidates - 1));
        return new Sampler(processors, greedy, Seed) { Shape = shape, Candidates = Sampler.Enough(processors, kept) };
    }
}
