using Coppice.Constraints;
using Coppice.Decoding.Constraints;
using Coppice.Decoding.Verification;
using Coppice.Drafting.NGrams;
using Coppice.Models;
using Coppice.Text;

namespace Coppice.Decoding.Strategies;

/// <summary>Options of drafts for one model and prompt: the method that is taken, and its strategy.</summary>
internal sealed class DraftsPlan
{
    /// <summary>Stores of fewer tokens are not used unless they are asked for.</summary>
    private const long LeastTokens = 2_000_000;
    /// <summary>
    /// By default; with n-grams the one that makes both the mean perplexity of drafts lower and the true next token more often one of their
    /// first: bench/results/epyc-zen3-2core/drafts.md.
    /// </summary>
    private const double PublishedTemperature = 0.06, NGramTemperature = 0.5;

    private readonly DraftsOptions _options;
    private readonly DraftTexts _texts;
    private readonly int _maxTokens;

    /// <summary>A plan.</summary>
    /// <param name="options">Checked.</param>
    /// <param name="prompt">Tokens before the drafts.</param>
    /// <param name="room">Tokens that fit after them.</param>
    /// <param name="vocabularySize">Of the model.</param>
    /// <param name="endIds">The model's own end tokens.</param>
    /// <param name="vocabulary">Makes what constraints need of the tokens.</param>
    /// <param name="tokenizer">Null for none.</param>
    /// <param name="openStore">Opens the store that the options name.</param>
    /// <exception cref="ArgumentException">Options do not fit each other.</exception>
    public DraftsPlan(
        DraftsOptions options, int[] prompt, int room, int vocabularySize, IReadOnlyList<int> endIds, Tokenizer? tokenizer,
        Func<TokenVocabulary> vocabulary, Func<string?, NGramStore?> openStore)
    {
        (_options, _texts, _maxTokens) = (options, new DraftTexts(tokenizer, options), Math.Min(options.MaxTokens, room));
        var sampled = options.Sampled(0, _maxTokens, options.MinTokens).For(new GenerationOptions(), vocabularySize);
        if (options.StopSequences.Count > 0 && tokenizer is null)
            throw new ArgumentException("options: StopSequences need a tokenizer, but the model's folder has none.", nameof(options));
        var stop = sampled.CreateStopRule(endIds, tokenizer);
        // Passes ask on the engine's thread.
        Func<int[], bool>? ends = options.StopSequences.Count > 0 ? new DraftTexts(tokenizer, options).Ends : null;
        Method = options.Method != DraftsMethod.Auto ? options.Method : options.Needed() ?? AutoDrafts.Method(options.Count);
        Strategy = Method switch
        {
            DraftsMethod.Superposed => Superposed(prompt, stop, vocabularySize, ends, openStore),
            DraftsMethod.Batched when options.Distinct =>
                new DistinctSamplingStrategy(options.Count, sampled.CreateSampler(prompt.Length, stop.EndIds), stop, prompt, vocabularySize,
                    ends),
            DraftsMethod.Batched =>
            new SamplingStrategy(Samplers(options.Count, prompt.Length, stop, options.MinTokens), stop, prompt, vocabularySize, ends),
            _ => Beams(prompt, stop, vocabularySize, ends, vocabulary),
        };
    }

    /// <summary>How drafts are made.</summary>
    public DraftsMethod Method { get; }
    /// <summary>What makes them.</summary>
    public DraftStrategy Strategy { get; }
    /// <summary>Tokens of a draft at most.</summary>
    public int MaxTokens => _maxTokens;

    /// <summary>A step as the host sees it; steps come in their order.</summary>
    public DraftsUpdate Update(DraftsStep step, int number)
    {
        _texts.Next();
        IReadOnlyList<Draft> drafts = step.Ranked is { } ranked
            ? [.. ranked.Select(Whole)]
            : [.. step.Alive.Select(draft => Show(draft, _texts.Grow(draft.Tokens, draft.Parent), draft.Parent))];
        return new DraftsUpdate(number, drafts, [.. step.Ended.Select(Whole)], step.Ranked is not null, Method, step.Timing)
        {
            DenyHits = step.DenyHits,
        };

        Draft Whole(ScoredDraft draft) => Show(draft, _texts.Whole(draft.Tokens), null);
    }

    private static Draft Show(ScoredDraft draft, string text, int? parent) => new(draft.Tokens, text, draft.Score, parent);

    private Sampling.Sampler[] Samplers(int count, int promptLength, StopRule stop, int minTokens) =>
        [.. Enumerable.Range(0, count).Select(i => _options.Sampled(i, _maxTokens, minTokens).CreateSampler(promptLength, stop.EndIds))];

    private BeamStrategy Beams(
        int[] prompt, StopRule stop, int vocabularySize, Func<int[], bool>? ends, Func<TokenVocabulary> vocabulary)
    {
        var deny = _options.Deny?.CreateConstraint(_options.DenyPolicy, prompt);
        var constraints = deny is null
            ? null : new BeamConstraints(new SequenceConstraint(new GenerationRule(deny, deny), vocabulary(), stop, _maxTokens));
        var search = new BeamSearch(_options.Count, stop, _options.MinTokens, ends)
        {
            EndsWhole = constraints is null ? null : constraints.EndsWhole,
            // One beam is greedy decoding, which ends where its text does.
            Stopping = _options.Count == 1 ? EarlyStopping.True : EarlyStopping.Never,
        };
        return new BeamStrategy(search, _options.Count, vocabularySize, constraints);
    }

    private SuperposedStrategy Superposed(
        int[] prompt, StopRule stop, int vocabularySize, Func<int[], bool>? ends, Func<string?, NGramStore?> openStore)
    {
        var store = Store(openStore);
        var most = Math.Min(WorkspaceSize.MaxTopCount, vocabularySize);
        var needed = _options.Count + stop.EndIds.Count;
        var candidates = Math.Min(_options.Candidates ?? Math.Max(3 * _options.Count, needed), most);
        if (candidates < Math.Min(needed, vocabularySize))
            throw new ArgumentException(_options.Candidates is null
                ? $"options: Count and the tokens that end a text must be at most {most} together for superposed drafts, "
                + $"got {_options.Count} and {stop.EndIds.Count}."
                : $"options: Candidates must be at least {needed}, the drafts and the {stop.EndIds.Count} tokens that end them, "
                + $"got {candidates}.");
        var prefix = _options.Prefixes > 0 ? Math.Min(_options.PrefixTokens, _maxTokens - 1) : 0;
        var rules = new SuperposedRules
        {
            Count = _options.Count,
            Candidates = candidates,
            Temperature = _options.SuperposedTemperature ?? (store is null || _options.Diversity ? PublishedTemperature : NGramTemperature),
            NGramWeight = _options.NGramWeight,
            OrderWeights = _options.NGramOrderWeights,
            FirstStepNGrams = _options.FirstStepNGrams,
            MinLogProb = _options.MinLogProb,
            Diverse = _options.Diversity,
            EndsEarly = _options.StopsEarly,
            MinTokens = Math.Max(_options.MinTokens - prefix, 0),
            Stop = stop with { MaxTokens = _maxTokens - prefix },
        };
        var reset = new ResetRules(
            _options.Reset == DraftsReset.None ? 0 : _options.ResetEvery, _options.Reset == DraftsReset.Hard, _options.Seed);
        // What a beginning ends with would end all of its drafts.
        var samplers = prefix > 0 ? Samplers(_options.Prefixes, prompt.Length, stop, Math.Max(prefix, _options.MinTokens)) : [];
        return new SuperposedStrategy(rules, reset, store, prompt, samplers, prefix, vocabularySize, ends);
    }

    private NGramStore? Store(Func<string?, NGramStore?> open)
    {
        if (_options.Mode == DraftsMode.None) return null;
        var store = open(_options.NGramFile);
        if (store is null && _options.Mode == DraftsMode.Geometric)
            throw new ArgumentException(
                $"options: Mode needs n-grams, but the model's folder has no {NGramStore.FileName} (make one with {NGramStore.Made}).");
        return _options.Mode == DraftsMode.Geometric || _options.NGramFile is not null || store?.Tokens >= LeastTokens ? store : null;
    }
}
