namespace Coppice.Models;

/// <summary>What a folder says about generation: the tokens that end it.</summary>
/// <param name="EndIds">Tokens that end a text, ascending; may be none.</param>
internal sealed record GenerationDefaults(IReadOnlyList<int> EndIds)
{
    private const string FileName = "generation_config.json";

    /// <summary>Reads generation_config.json where there is one; where it names no end token, config.json does.</summary>
    /// <exception cref="CheckpointException">A file is malformed, or an id is outside the vocabulary.</exception>
    public static GenerationDefaults Read(string folder, ConfigReader config, ModelSpec spec)
    {
        var generation = File.Exists(Path.Combine(folder, FileName)) ? ConfigReader.Open(folder, FileName) : null;
        var source = generation is not null && generation.Has("eos_token_id") ? generation : config;
        var ids = source.Ids("eos_token_id");
        source.ThrowProblems();
        if (ids.Any(id => id >= spec.VocabularySize)) source.Malformed("eos_token_id", $"below the vocabulary of {spec.VocabularySize}", $"{ids.Max()}");
        source.ThrowProblems();
        return new GenerationDefaults([.. ids.Where(id => id >= 0).Distinct().Order()]);
    }
}
