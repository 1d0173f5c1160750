using Coppice.Decoding.Sampling;
using Coppice.Drafting;

namespace Coppice;

/// <summary>How one generation chooses tokens and when it ends. The defaults are greedy and repeatable.</summary>
/// <remarks>
/// Order: constraint, ban of end tokens, then as <see cref="SamplerOrder"/> says (bias, penalties, temperature, cuts), then one draw.
/// Greedy generation (temperature 0) takes the largest logit after bias, penalties and DRY. The same options, seed, model and device give
/// the same tokens.
/// An option that was set to its default differs from one that was not set: <see cref="UseModelDefaults"/> fills in only the latter.
/// </remarks>
public sealed partial record GenerationOptions
{
    // Those that a model may recommend; null where the caller has not set them.
    private int? _maxTokens, _minTokens, _topK;
    private float? _temperature, _topP, _minP, _repetitionPenalty;

    /// <summary>Tokens to generate at most; 256 by default.</summary>
    public int MaxTokens { get => _maxTokens ?? 256; init => _maxTokens = value; }
    /// <summary>
    /// Tokens from the first on that do not end the text: no token that ends it is chosen among them, and a stop string that is complete
    /// within their text does not count. 0 by default, and at most <see cref="MaxTokens"/>.
    /// </summary>
    public int MinTokens { get => _minTokens ?? 0; init => _minTokens = value; }
    /// <summary>Key of the random numbers; 0 by default.</summary>
    public ulong Seed { get; init; }
    /// <summary>
    /// Divides the logits; 0 takes the most probable token always. 0 by default, but 1 with <see cref="MirostatOptions"/>.
    /// </summary>
    public float Temperature { get => _temperature ?? (Strategy is MirostatOptions ? 1 : 0); init => _temperature = value; }
    /// <summary>How many of the most probable tokens to keep; 0, the default, keeps all.</summary>
    public int TopK { get => _topK ?? 0; init => _topK = value; }
    /// <summary>Keeps the most probable tokens that together have at least this probability; 1, the default, keeps all.</summary>
    public float TopP { get => _topP ?? 1; init => _topP = value; }
    /// <summary>Keeps tokens at least this many times as probable as the most probable one; 0, the default, keeps all.</summary>
    public float MinP { get => _minP ?? 0; init => _minP = value; }
    /// <summary>
    /// Divides positive logits of tokens that occurred in prompt or text, multiplies negative ones; 1, the default, for none.
    /// </summary>
    public float RepetitionPenalty { get => _repetitionPenalty ?? 1; init => _repetitionPenalty = value; }
    /// <summary>
    /// Taken from the logit of a token for each time that it was generated; 0, the default, for none. The prompt does not count, as in the
    /// OpenAI API: what a question names often, its answer must not avoid.
    /// </summary>
    public float FrequencyPenalty { get; init; }
    /// <summary>Taken once from the logit of a token that was generated; 0, the default, for none. The prompt does not count.</summary>
    public float PresencePenalty { get; init; }
    /// <summary>How many of the last tokens the penalties look at; 0, the default, for all of them.</summary>
    public int RepetitionWindow { get; init; }
    /// <summary>Added to the logits of these tokens; -∞ bans one. None by default.</summary>
    public IReadOnlyDictionary<int, float> LogitBias { get; init; } = NoBias;
    /// <summary>
    /// Texts that end the generation where they appear; they are not part of the result. One that is exactly a special token of the
    /// tokenizer also ends it where the token is chosen.
    /// </summary>
    public IReadOnlyList<string> StopSequences { get; init; } = [];
    /// <summary>Tokens that end the text besides the model's own; none by default.</summary>
    public IReadOnlyList<int> EndIds { get; init; } = [];
    /// <summary>
    /// Goes on past the model's own tokens that end a text; <see cref="EndIds"/> and <see cref="StopSequences"/> still do.
    /// </summary>
    public bool IgnoreEos { get; init; }
    /// <summary>Whether special tokens appear in the text; not by default.</summary>
    public bool ShowSpecialTokens { get; init; }
    /// <summary>Reports the log-probability of every token and of this many best ones, 0 to 20; null, the default, for none.</summary>
    public int? LogProbs { get; init; }
    /// <summary>
    /// Takes what generation_config.json recommends (<see cref="LanguageModel.DefaultGeneration"/>) for every option that was not set; not
    /// by default.
    /// </summary>
    public bool UseModelDefaults { get; init; }

    /// <summary>
    /// Records the passes of the generation; null, the default, for none, which costs nothing. Each generation needs a trace of its own.
    /// </summary>
    public GenerationTrace? Trace { get; init; }

    /// <summary>Where a model has more to do than fits its passes, or its memory: larger numbers are served first; 0 by default.</summary>
    public int Priority { get; init; }

    /// <summary>
    /// What proposes tokens ahead, so that one pass can give several; plain decoding by default. Greedy tokens are the same with each; for
    /// sampled ones see <see cref="DrafterOptions"/>.
    /// </summary>
    public DrafterOptions Drafter { get; init; } = DrafterOptions.None;

    private static IReadOnlyDictionary<int, float> NoBias { get; } = System.Collections.ObjectModel.ReadOnlyDictionary<int, float>.Empty;

    /// <summary>These options with what a model recommends where they ask for it and set nothing; checked.</summary>
    /// <param name="model">The model's <see cref="LanguageModel.DefaultGeneration"/>.</param>
    /// <param name="vocabularySize">Ids must be below it.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    internal GenerationOptions For(GenerationOptions model, int vocabularySize)
    {
        var options = UseModelDefaults ? Over(model) : this;
        options.Validate();
        options.CheckIds(vocabularySize);
        return options;
    }

    /// <summary>What is set here, and what is set in <paramref name="model"/> where nothing is.</summary>
    private GenerationOptions Over(GenerationOptions model)
    {
        var options = this with { };
        options._maxTokens ??= model._maxTokens;
        options._minTokens ??= model._minTokens;
        options._temperature ??= model._temperature;
        if (Strategy is not MirostatOptions)        // which takes their place
        {
            options._topK ??= model._topK;
            options._topP ??= model._topP;
            options._minP ??= model._minP;
        }
        options._repetitionPenalty ??= model._repetitionPenalty;
        // A limit that the caller set holds against a minimum that the model recommends, and the other way round.
        if (options.MinTokens <= options.MaxTokens || (_minTokens is not null && _maxTokens is not null)) return options;
        return _minTokens is null ? options with { MinTokens = options.MaxTokens } : options with { MaxTokens = options.MinTokens };
    }

    internal void Validate()
    {
        if (MaxTokens < 1) throw Outside(nameof(MaxTokens), "at least 1", MaxTokens);
        if (MinTokens < 0 || MinTokens > MaxTokens)
            throw Outside(nameof(MinTokens), $"from 0 to MaxTokens, which is {MaxTokens}", MinTokens);
        if (!(Temperature >= 0) || !float.IsFinite(Temperature)) throw Outside(nameof(Temperature), "at least 0 and finite", Temperature);
        if (TopK < 0) throw Outside(nameof(TopK), "at least 0", TopK);
        if (!(TopP is >= 0 and <= 1)) throw Outside(nameof(TopP), "from 0 to 1", TopP);
        if (!(MinP is >= 0 and <= 1)) throw Outside(nameof(MinP), "from 0 to 1", MinP);
        if (!(RepetitionPenalty > 0) || !float.IsFinite(RepetitionPenalty))
            throw Outside(nameof(RepetitionPenalty), "above 0 and finite", RepetitionPenalty);
        if (!float.IsFinite(FrequencyPenalty)) throw Outside(nameof(FrequencyPenalty), "finite", FrequencyPenalty);
        if (!float.IsFinite(PresencePenalty)) throw Outside(nameof(PresencePenalty), "finite", PresencePenalty);
        if (RepetitionWindow < 0) throw Outside(nameof(RepetitionWindow), "at least 0", RepetitionWindow);
        if (LogProbs is < 0 or > 20) throw Outside(nameof(LogProbs), "from 0 to 20", LogProbs);
        ArgumentNullException.ThrowIfNull(StopSequences);
        ArgumentNullException.ThrowIfNull(EndIds);
        ArgumentNullException.ThrowIfNull(LogitBias);
        ArgumentNullException.ThrowIfNull(Drafter);
        Drafter.Validate();
        if (StopSequences.Any(string.IsNullOrEmpty))
            throw new ArgumentException("options: StopSequences must not hold an empty text.", nameof(StopSequences));
        foreach (var (id, bias) in LogitBias)
        {
            if (float.IsNaN(bias) || float.IsPositiveInfinity(bias)) throw Outside(nameof(LogitBias), $"finite or -∞ for token {id}", bias);
        }
        ValidateSampling();
        ValidateStrategy();
    }

    private void CheckIds(int vocabularySize)
    {
        CheckIds(nameof(EndIds), EndIds, vocabularySize);
        CheckIds(nameof(LogitBias), LogitBias.Keys, vocabularySize);
    }

    private static void CheckIds(string name, IEnumerable<int> ids, int vocabularySize)
    {
        foreach (var id in ids)
        {
            if ((uint)id >= (uint)vocabularySize) throw Outside(name, $"for tokens 0..{vocabularySize - 1}", id);
        }
    }

    private static ArgumentOutOfRangeException Outside(string name, string expected, object? found) =>
        new(name, found, $"options: {name} must be {expected}.");
}
