using Coppice.Decoding.Sampling;

namespace Coppice.Models;

/// <summary>What a folder says about generation: the tokens that end it, and how it is best done.</summary>
/// <param name="EndIds">Tokens that end a text, ascending; may be none.</param>
/// <param name="Options">What is recommended.</param>
/// <param name="Warnings">What was ignored, a sentence each.</param>
internal sealed record GenerationDefaults(IReadOnlyList<int> EndIds, GenerationOptions Options, IReadOnlyList<string> Warnings)
{
    private const string FileName = "generation_config.json";

    /// <summary>Reads generation_config.json where there is one; where it names no end token, config.json does.</summary>
    /// <remarks>
    /// An end token that is none or outside the vocabulary is ignored if there are others, and so is advice that makes no sense.
    /// </remarks>
    /// <exception cref="CheckpointException">
    /// A file is malformed, or none of the end tokens that are named is in the vocabulary.
    /// </exception>
    public static GenerationDefaults Read(string folder, ConfigReader config, ModelSpec spec)
    {
        var wrong = new List<string>();
        var generation = File.Exists(Path.Combine(folder, FileName)) ? ConfigReader.Open(folder, FileName) : null;
        var ends = (generation is null ? null : Ends(generation, spec, wrong)) ?? Ends(config, spec, wrong);
        if (ends is null && wrong.Count > 0) throw new CheckpointException($"{wrong[0]}.");
        var warnings = wrong.ConvertAll(what => $"{what}; it is ignored.");
        var options = generation is null ? new GenerationOptions() : Advice(generation, warnings);
        return new GenerationDefaults([.. (ends ?? []).Where(id => id >= 0).Distinct().Order()], options, warnings);
    }

    /// <summary>
    /// The end tokens that a file names and the vocabulary has, or null; what else it names goes to <paramref name="wrong"/>.
    /// </summary>
    private static int[]? Ends(ConfigReader file, ModelSpec spec, List<string> wrong)
    {
        const string key = "eos_token_id";
        var must = $"below the vocabulary of {spec.VocabularySize}";
        var ids = file.AdvisedIds(key, $"a whole number {must}, or a list of them", wrong);
        var inside = ids.Where(id => id < spec.VocabularySize).ToArray();
        foreach (var id in ids.Except(inside)) wrong.Add(file.Wrong(key, must, $"{id}"));
        return inside.Length > 0 ? inside : null;
    }

    /// <summary>
    /// With the tokenizer's end token, which a chat model's turns end with even where generation_config.json names another alone.
    /// </summary>
    public GenerationDefaults With(int? endId, int vocabularySize) =>
        endId is { } id && id < vocabularySize ? this with { EndIds = [.. EndIds.Append(id).Distinct().Order()] } : this;

    /// <summary>
    /// The keys of transformers' GenerationConfig that have a meaning here. As there, temperature and the cuts count only with do_sample,
    /// without which text is greedy; with it a missing temperature is 1. A key that is missing is not set: transformers' own default for
    /// top_k, 50, is not the model's advice.
    /// </summary>
    private static GenerationOptions Advice(ConfigReader file, List<string> ignored)
    {
        int? Count(string key, int least) => file.Advice<int>(key, n => n >= least, $"a whole number of at least {least}", ignored);
        float? Real(string key, Func<float, bool> holds, string must) =>
            (float?)file.Advice<double>(key, value => float.IsFinite((float)value) && holds((float)value), must, ignored);
        float? Probability(string key) => Real(key, p => p is >= 0 and <= 1, "a number from 0 to 1");

        var options = new GenerationOptions();
        if (Count("max_new_tokens", 1) is { } most) options = options with { MaxTokens = most };
        if (Count("min_new_tokens", 0) is { } least) options = options with { MinTokens = Math.Min(least, options.MaxTokens) };
        if (Real("repetition_penalty", p => p > 0, "a number above 0") is { } penalty)
            options = options with { RepetitionPenalty = penalty };
        if (file.Advice<bool>("do_sample", _ => true, "true or false", ignored) is not true) return options;
        options = options with { Temperature = Real("temperature", t => t >= 0, "a number of at least 0") ?? 1 };
        if (Count("top_k", 0) is { } topK) options = options with { TopK = topK };
        if (Probability("top_p") is { } topP) options = options with { TopP = topP };
        if (Probability("min_p") is { } minP) options = options with { MinP = minP };
        return options;
    }
}
