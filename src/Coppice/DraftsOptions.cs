using Coppice.Constraints;

namespace Coppice;

/// <summary>How several continuations of one prompt are made.</summary>
public enum DraftsMethod
{
    /// <summary>
    /// The one that has what other options ask for, where only one does; else the cheapest whose drafts are expected to have a mean
    /// perplexity within 10 % of the best method's at that count: by a table of the engine.
    /// </summary>
    Auto,
    /// <summary>
    /// All drafts from one pass a step, whose input is the mean of their last tokens: cost and memory do not grow with their number. Drafts
    /// differ less from each other than with the other methods, and are worse from the second on.
    /// </summary>
    Superposed,
    /// <summary>Each draft is sampled in a branch of its own; all branches share a pass a step, and the prompt's keys and values.</summary>
    Batched,
    /// <summary>Beam search: the continuations with the largest probabilities, in branches that share passes.</summary>
    Beam,
}

/// <summary>What re-ranks superposed drafts.</summary>
public enum DraftsMode
{
    /// <summary>
    /// <see cref="Geometric"/> where there is a store of at least two million tokens, else <see cref="None"/>: small ones make drafts
    /// worse.
    /// </summary>
    Auto,
    /// <summary>The model alone.</summary>
    None,
    /// <summary>The geometric mean of the model's probability and that of n-grams of each draft's own text.</summary>
    Geometric,
}

/// <summary>How superposed drafts are collapsed into one from time to time, for texts of more than some ten tokens.</summary>
public enum DraftsReset
{
    /// <summary>Not at all.</summary>
    None,
    /// <summary>One draft, chosen by the drafts' weights, goes on; keys and values stay those of mixtures.</summary>
    Soft,
    /// <summary>The same, and keys and values since the last reset are computed anew from that draft's tokens, in one pass.</summary>
    Hard,
}

/// <summary>How many continuations of a prompt to make, and how. The defaults are three of ten tokens.</summary>
/// <remarks>The same options, model and device give the same drafts, whoever else is served.</remarks>
public sealed record DraftsOptions
{
    /// <summary>The most that <see cref="Count"/> and <see cref="Prefixes"/> can be.</summary>
    public const int MostDrafts = Models.WorkspaceSize.MixtureTerms;

    /// <summary>
    /// Drafts; 3 by default, 1 to 32. There are fewer where the model leaves no choice: <see cref="MinLogProb"/>, end tokens. One draft is
    /// the greedy text, unless it is sampled or n-grams take part.
    /// </summary>
    public int Count { get; init; } = 3;
    /// <summary>Tokens of a draft at most; 10 by default.</summary>
    public int MaxTokens { get; init; } = 10;
    /// <summary>No draft ends before it has this many tokens; 0 by default, at most <see cref="MaxTokens"/>.</summary>
    public int MinTokens { get; init; }
    /// <summary>How they are made.</summary>
    public DraftsMethod Method { get; init; }
    /// <summary>
    /// Whether superposed drafts keep different first tokens, as a list of choices wants them, however improbable those are; not by
    /// default.
    /// </summary>
    public bool Diversity { get; init; }

    /// <summary>Whether n-grams re-rank superposed drafts.</summary>
    public DraftsMode Mode { get; init; }
    /// <summary>
    /// A file that `coppice ngrams build` has made; null, the default, for `ngrams.bin` in the model's folder, where there is one.
    /// </summary>
    public string? NGramFile { get; init; }
    /// <summary>The weight of n-grams in the geometric mean, alpha: 0 to 1, 0.34 by default; 0.54 as published.</summary>
    public double NGramWeight { get; init; } = 0.34;
    /// <summary>Weights of runs of 2, 3, ... tokens; 0.01, 0.04, 0.15, 0.18, 0.12 by default.</summary>
    public IReadOnlyList<double> NGramOrderWeights { get; init; } = [0.01, 0.04, 0.15, 0.18, 0.12];
    /// <summary>Whether n-grams count in the first step too; true by default.</summary>
    public bool FirstStepNGrams { get; init; } = true;
    /// <summary>
    /// Divides the logits of superposed drafts, tau: above 0. Null, the default, for 0.06 as published, and for 0.5 where n-grams take part
    /// and drafts need not be different: at 0.06 the model outweighs them 15 to 1, and the true next token is found less often than without
    /// them.
    /// </summary>
    public double? SuperposedTemperature { get; init; }
    /// <summary>
    /// Tokens of each step that superposed drafts may go on with, m, up to 64; null, the default, for three for each draft.
    /// </summary>
    public int? Candidates { get; init; }
    /// <summary>
    /// Tokens take no part where the logarithm of their probability among the candidates, at the superposed temperature, is below it; -50
    /// by default, null to let all take part.
    /// </summary>
    public double? MinLogProb { get; init; } = -50;
    /// <summary>
    /// Whether to end when no draft that goes on can become better than those that have ended; true by default, else always at
    /// <see cref="MaxTokens"/>.
    /// </summary>
    public bool StopsEarly { get; init; } = true;
    /// <summary>How superposed drafts are collapsed.</summary>
    public DraftsReset Reset { get; init; }
    /// <summary>Tokens from one reset to the next; 8 by default.</summary>
    public int ResetEvery { get; init; } = 8;
    /// <summary>
    /// Sampled beginnings, from each of which <see cref="Count"/> superposed drafts go on, at the cost of a row each; 0, the default, for
    /// none, at most 32.
    /// </summary>
    public int Prefixes { get; init; }
    /// <summary>Tokens of a sampled beginning; 3 by default.</summary>
    public int PrefixTokens { get; init; } = 3;

    /// <summary>Divides the logits where tokens are sampled (batched drafts and beginnings); 0.6 by default, 0 for greedy.</summary>
    public float Temperature { get; init; } = 0.6f;
    /// <summary>As <see cref="GenerationOptions.TopP"/>, where tokens are sampled; 0.9 by default.</summary>
    public float TopP { get; init; } = 0.9f;
    /// <summary>
    /// Whether batched drafts are drawn without replacement, so that no two are equal (stochastic beam search); not by default.
    /// </summary>
    public bool Distinct { get; init; }
    /// <summary>Key of the random numbers: batched draft i is what a fork generates with seed + i.</summary>
    public ulong Seed { get; init; }

    /// <summary>As <see cref="GenerationOptions.StopSequences"/>, for each draft.</summary>
    public IReadOnlyList<string> StopSequences { get; init; } = [];
    /// <summary>As <see cref="GenerationOptions.EndIds"/>, for each draft.</summary>
    public IReadOnlyList<int> EndIds { get; init; } = [];
    /// <summary>As <see cref="GenerationOptions.IgnoreEos"/>, for each draft.</summary>
    public bool IgnoreEos { get; init; }
    /// <summary>
    /// Tokens and texts that must not be in a draft, also where the prompt ends within one; null, the default, for none. For
    /// <see cref="DraftsMethod.Beam"/> only. Scores stay the model's own log-probabilities: a draft that wants a denied text is not raised
    /// by what is left.
    /// </summary>
    public DenyList? Deny { get; init; }
    /// <summary>
    /// What happens where a denied text is about to come: <see cref="DenyPolicy.Mask"/>, the default, takes other tokens there;
    /// <see cref="DenyPolicy.PruneBeam"/> gives up a draft whose best token would complete one, unless all drafts would be given up.
    /// </summary>
    public DenyPolicy DenyPolicy { get; init; }
    /// <summary>As <see cref="GenerationOptions.Priority"/>.</summary>
    public int Priority { get; init; }

    /// <summary>
    /// The drafts of one sampler as a generation: what ends them, and how batched draft <paramref name="index"/> is sampled.
    /// </summary>
    internal GenerationOptions Sampled(int index, int maxTokens, int minTokens) => new()
    {
        MaxTokens = maxTokens,
        MinTokens = Math.Min(minTokens, maxTokens),
        Temperature = Temperature,
        TopP = TopP,
        Seed = unchecked(Seed + (ulong)index),
        StopSequences = StopSequences,
        EndIds = EndIds,
        IgnoreEos = IgnoreEos,
    };

    internal void Validate()
    {
        if (Count is < 1 or > MostDrafts) throw Outside(nameof(Count), $"from 1 to {MostDrafts}", Count);
        if (MaxTokens < 1) throw Outside(nameof(MaxTokens), "at least 1", MaxTokens);
        if (MinTokens < 0 || MinTokens > MaxTokens)
            throw Outside(nameof(MinTokens), $"from 0 to MaxTokens, which is {MaxTokens}", MinTokens);
        if (!Enum.IsDefined(Method)) throw Outside(nameof(Method), "one of DraftsMethod", Method);
        if (!Enum.IsDefined(Mode)) throw Outside(nameof(Mode), "one of DraftsMode", Mode);
        if (!Enum.IsDefined(Reset)) throw Outside(nameof(Reset), "one of DraftsReset", Reset);
        if (!(NGramWeight is >= 0 and <= 1)) throw Outside(nameof(NGramWeight), "from 0 to 1", NGramWeight);
        ArgumentNullException.ThrowIfNull(NGramOrderWeights);
        foreach (var weight in NGramOrderWeights)
        {
            if (!(weight >= 0) || !double.IsFinite(weight)) throw Outside(nameof(NGramOrderWeights), "at least 0 and finite", weight);
        }
        if (!double.IsFinite(NGramOrderWeights.Sum())) throw Outside(nameof(NGramOrderWeights), "finite in all", NGramOrderWeights.Sum());
        if (SuperposedTemperature is { } tau && (!(tau > 0) || !double.IsFinite(tau)))
            throw Outside(nameof(SuperposedTemperature), "above 0 and finite", tau);
        if (Candidates is < 1 or > Models.WorkspaceSize.MaxTopCount)
            throw Outside(nameof(Candidates), $"from 1 to {Models.WorkspaceSize.MaxTopCount}", Candidates);
        if (MinLogProb is { } least && !(least <= 0)) throw Outside(nameof(MinLogProb), "at most 0", least);
        if (ResetEvery < 1) throw Outside(nameof(ResetEvery), "at least 1", ResetEvery);
        if (Prefixes is < 0 or > MostDrafts) throw Outside(nameof(Prefixes), $"from 0 to {MostDrafts}", Prefixes);
        if (Prefixes > 0 && (PrefixTokens < 1 || PrefixTokens >= MaxTokens))
            throw Outside(nameof(PrefixTokens), $"from 1 to below MaxTokens, which is {MaxTokens}", PrefixTokens);
        if (DenyPolicy is not (DenyPolicy.Mask or DenyPolicy.PruneBeam)) throw Outside(nameof(DenyPolicy), "Mask or PruneBeam", DenyPolicy);
        Needed();
        Sampled(0, MaxTokens, MinTokens).Validate();
    }

    /// <summary>The method that options ask for which only one method has; null where none of them does.</summary>
    /// <exception cref="ArgumentException">They ask for another method than <see cref="Method"/>, or for two.</exception>
    internal DraftsMethod? Needed()
    {
        (string Name, bool IsGiven, DraftsMethod Method)[] needs =
        [
            (nameof(Deny), Deny is not null, DraftsMethod.Beam), (nameof(Distinct), Distinct, DraftsMethod.Batched),
            (nameof(Diversity), Diversity, DraftsMethod.Superposed), (nameof(Reset), Reset != DraftsReset.None, DraftsMethod.Superposed),
            (nameof(Prefixes), Prefixes > 0, DraftsMethod.Superposed),
            (nameof(Mode), Mode == DraftsMode.Geometric, DraftsMethod.Superposed),
            (nameof(NGramFile), NGramFile is not null && Mode != DraftsMode.None, DraftsMethod.Superposed),
        ];
        (string Name, DraftsMethod Method)? first = Method == DraftsMethod.Auto ? null : (nameof(Method), Method);
        foreach (var (name, isGiven, method) in needs)
        {
            if (!isGiven) continue;
            if (first is var (other, wanted) && wanted != method)
                throw new ArgumentException(other == nameof(Method)
                    ? $"options: {name} needs Method to be {method}, got {wanted}."
                    : $"options: {other} needs Method to be {wanted}, {name} needs it to be {method}: one of them must be left out.");
            first = (name, method);
        }
        return first?.Method;
    }

    private static ArgumentOutOfRangeException Outside(string name, string expected, object? found) =>
        new(name, found, $"options: {name} must be {expected}.");
}
