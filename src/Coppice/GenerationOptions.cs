using Coppice.Decoding.Sampling;
using Coppice.Drafting;

namespace Coppice;

/// <summary>How one generation chooses tokens and when it ends. The defaults are greedy and repeatable.</summary>
/// <remarks>
/// Order: repetition penalty, temperature, top-k, top-p, min-p, then one draw. Greedy generation (temperature 0)
/// applies the penalty and takes the largest logit. The same options, seed, model and device give the same tokens.
/// </remarks>
public sealed record GenerationOptions
{
    /// <summary>Tokens to generate at most; 256 by default.</summary>
    public int MaxTokens { get; init; } = 256;
    /// <summary>Key of the random numbers; 0 by default.</summary>
    public ulong Seed { get; init; }
    /// <summary>Divides the logits; 0, the default, takes the most probable token always.</summary>
    public float Temperature { get; init; }
    /// <summary>Keeps so many of the most probable tokens; 0, the default, keeps all.</summary>
    public int TopK { get; init; }
    /// <summary>Keeps the most probable tokens that together have at least this probability; 1, the default, keeps all.</summary>
    public float TopP { get; init; } = 1;
    /// <summary>Keeps tokens at least this many times as probable as the most probable one; 0, the default, keeps all.</summary>
    public float MinP { get; init; }
    /// <summary>Divides positive logits of tokens that occurred, multiplies negative ones; 1, the default, for none.</summary>
    public float RepetitionPenalty { get; init; } = 1;
    /// <summary>The repetition penalty looks at the last so many tokens; 0, the default, for prompt and text as a whole.</summary>
    public int RepetitionWindow { get; init; }
    /// <summary>Texts that end the generation where they appear; they are not part of the result.</summary>
    public IReadOnlyList<string> StopSequences { get; init; } = [];
    /// <summary>Goes on past tokens that end a text.</summary>
    public bool IgnoreEos { get; init; }
    /// <summary>Whether special tokens appear in the text; not by default.</summary>
    public bool ShowSpecialTokens { get; init; }
    /// <summary>Reports the log-probability of every token and of this many best ones, 0 to 20; null, the default, for none.</summary>
    public int? LogProbs { get; init; }

    /// <summary>Where a model has more to do than fits its passes, or its memory: larger numbers are served first; 0 by default.</summary>
    public int Priority { get; init; }

    /// <summary>What proposes tokens ahead, so that one pass can give several; plain decoding by default. The tokens are the same with each.</summary>
    public DrafterOptions Drafter { get; init; } = DrafterOptions.None;

    internal void Validate()
    {
        if (MaxTokens < 1) throw Outside(nameof(MaxTokens), "at least 1", MaxTokens);
        if (!(Temperature >= 0) || !float.IsFinite(Temperature)) throw Outside(nameof(Temperature), "at least 0 and finite", Temperature);
        if (TopK < 0) throw Outside(nameof(TopK), "at least 0", TopK);
        if (!(TopP is >= 0 and <= 1)) throw Outside(nameof(TopP), "from 0 to 1", TopP);
        if (!(MinP is >= 0 and <= 1)) throw Outside(nameof(MinP), "from 0 to 1", MinP);
        if (!(RepetitionPenalty > 0) || !float.IsFinite(RepetitionPenalty)) throw Outside(nameof(RepetitionPenalty), "above 0 and finite", RepetitionPenalty);
        if (RepetitionWindow < 0) throw Outside(nameof(RepetitionWindow), "at least 0", RepetitionWindow);
        if (LogProbs is < 0 or > 20) throw Outside(nameof(LogProbs), "from 0 to 20", LogProbs);
        ArgumentNullException.ThrowIfNull(StopSequences);
        ArgumentNullException.ThrowIfNull(Drafter);
        Drafter.Validate();
        if (StopSequences.Any(string.IsNullOrEmpty)) throw new ArgumentException("options: StopSequences must not hold an empty text.", nameof(StopSequences));
    }

    /// <summary>The chain of processors and the choice behind it.</summary>
    internal Sampler CreateSampler()
    {
        var processors = new List<LogitsProcessor>();
        var greedy = Temperature == 0;
        if (RepetitionPenalty != 1) processors.Add(new RepetitionPenalty(RepetitionPenalty, RepetitionWindow));
        if (!greedy && Temperature != 1) processors.Add(new Temperature(Temperature));
        if (!greedy && TopK > 0) processors.Add(new TopK(TopK));
        if (!greedy && TopP < 1) processors.Add(new TopP(TopP));
        if (!greedy && MinP > 0) processors.Add(new MinP(MinP));
        var shape = new SamplingShape(Temperature, TopK, TopP, MinP);
        if (greedy || RepetitionPenalty != 1 || TopK is 0 or >= Sampler.MostCandidates) return new Sampler(processors, greedy, Seed) { Shape = shape };
        return new Sampler(processors, greedy, Seed) { Shape = shape, Candidates = TopK + 1 };
    }

    private static ArgumentOutOfRangeException Outside(string name, string expected, object? found) =>
        new(name, found, $"options: {name} must be {expected}.");
}
