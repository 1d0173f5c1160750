using Coppice.Loading;
using Coppice.Models;
using Coppice.Weights;

namespace Coppice.Embeddings;

/// <summary>What a folder says of how texts become vectors, in the files of sentence-transformers.</summary>
/// <param name="ModelFolder">Where the model is: the folder itself, or the one that modules.json names.</param>
/// <param name="Pooling">How states become one vector; null where the folder does not say.</param>
/// <param name="Normalize">Whether vectors are divided by their length; null where the folder does not say.</param>
/// <param name="MaxTokens">Tokens of a text at most; null where the folder does not say.</param>
/// <param name="IsLowerCased">Whether texts are put in small letters before the tokenizer sees them.</param>
/// <param name="Prompt">What comes in front of every text.</param>
internal sealed record SentenceFolder(
    string ModelFolder, Pooling? Pooling, bool? Normalize, int? MaxTokens, bool IsLowerCased, string Prompt)
{
    private const string ModulesFile = "modules.json", PromptFile = "config_sentence_transformers.json", Package = "sentence_transformers.";
    private const string SupportedModules = "Transformer, Pooling and, as the last, Normalize of sentence_transformers, in this order";

    /// <summary>Reads the files of <paramref name="folder"/>; none of them must be there.</summary>
    /// <exception cref="CheckpointException">A file is malformed or contradicts another.</exception>
    /// <exception cref="UnsupportedModelException">The folder asks for what the engine does not have.</exception>
    public static SentenceFolder Read(string folder)
    {
        var (model, poolingFile, normalize) = (folder, (string?)null, (bool?)null);
        if (File.Exists(Path.Combine(folder, ModulesFile)))
        {
            var modules = ReadModules(folder);
            model = Path.Combine(folder, modules[0]);
            poolingFile = $"{modules[1]}/config.json";
            normalize = modules.Count > 2;
        }
        var spec = Loading.ModelFolder.Read(model).Spec;
        var prompt = ReadPrompt(folder);
        Pooling? pooling = poolingFile is null ? null : ReadPooling(ConfigReader.Open(folder, poolingFile), spec, prompt);
        var (maxTokens, isLowerCased) = ReadTextLimits(model, spec);
        return new SentenceFolder(model, pooling, normalize, maxTokens, isLowerCased, prompt);
    }

    /// <summary>The paths of the modules, which are of the supported kinds and in their order.</summary>
    private static List<string> ReadModules(string folder)
    {
        var modules = ConfigReader.OpenList(folder, ModulesFile);
        if (modules.Count == 0) throw new CheckpointException($"{ModulesFile}: must list modules, found none.");
        var (kinds, paths) = (new List<string>(), new List<string>());
        foreach (var module in modules)
        {
            var type = module.Required<string>("type");
            var path = module.Default("path", "");
            if (!IsInside(path)) module.Malformed("path", "a folder in this one", CheckpointText.Quote(path));
            kinds.Add(type.StartsWith(Package, StringComparison.Ordinal) ? type[(type.LastIndexOf('.') + 1)..] : type);
            paths.Add(path);
        }
        modules[0].ThrowProblems();
        if (!kinds.SequenceEqual(["Transformer", "Pooling"]) && !kinds.SequenceEqual(["Transformer", "Pooling", "Normalize"]))
            throw new UnsupportedModelException(
                $"{ModulesFile}: modules {CheckpointText.Clip(string.Join(", ", kinds))} are not supported; supported: "
                + $"{SupportedModules}.");
        return paths;
    }

    private static bool IsInside(string path) =>
        !Path.IsPathRooted(path) && !path.Contains('\\', StringComparison.Ordinal) && !path.Contains(':', StringComparison.Ordinal)
        && !path.Contains('\0', StringComparison.Ordinal) && path.Split('/').All(part => part != "..");

    private static Pooling ReadPooling(ConfigReader config, ModelSpec spec, string prompt)
    {
        var size = config.DefaultSize("word_embedding_dimension", spec.HiddenSize);
        if (size != spec.HiddenSize) config.Malformed("word_embedding_dimension", $"the model's {spec.HiddenSize}", $"{size}");
        if (prompt.Length > 0) config.MustBe("include_prompt", true);
        var pooling = config.Has("pooling_mode") ? ReadNamed(config) : ReadFlags(config);
        config.ThrowProblems();
        return pooling;
    }

    private static Pooling ReadNamed(ConfigReader config)
    {
        const string key = "pooling_mode";
        var name = config.Required<string>(key);
        switch (name)
        {
            case "mean": return Coppice.Pooling.Mean;
            case "cls": return Coppice.Pooling.FirstToken;
            case "lasttoken": return Coppice.Pooling.LastToken;
        }
        config.Unsupported(key, CheckpointText.Quote(name), "mean, cls, lasttoken");
        return Coppice.Pooling.Mean;
    }

    /// <summary>One flag for each kind; two that hold would give two vectors, one after the other.</summary>
    private static Pooling ReadFlags(ConfigReader config)
    {
        const string mean = "pooling_mode_mean_tokens", first = "pooling_mode_cls_token", last = "pooling_mode_lasttoken";
        foreach (var other in (string[])["max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens"])
            config.MustBe($"pooling_mode_{other}", false);
        List<Pooling> chosen = [];
        if (config.Default(first, false)) chosen.Add(Coppice.Pooling.FirstToken);
        if (config.Default(mean, true)) chosen.Add(Coppice.Pooling.Mean);
        if (config.Default(last, false)) chosen.Add(Coppice.Pooling.LastToken);
        if (chosen.Count == 1) return chosen[0];
        config.Unsupported($"{mean}, {first}, {last}:", $"{chosen.Count} of them true", "exactly one");
        return Coppice.Pooling.Mean;
    }

    private static (int? MaxTokens, bool IsLowerCased) ReadTextLimits(string folder, ModelSpec spec)
    {
        const string key = "max_seq_length";
        // The file is named for the family that the folder's model was first made with.
        var name = Directory.EnumerateFiles(folder, "sentence_*_config.json").Select(Path.GetFileName).Order(StringComparer.Ordinal)
            .FirstOrDefault();
        if (name is null) return (null, false);
        var config = ConfigReader.Open(folder, name);
        int? tokens = config.Has(key) ? config.RequiredSize(key) : null;
        if (tokens > spec.PositionLimit) config.Malformed(key, $"at most the model's {spec.PositionLimit} positions", $"{tokens}");
        var lower = config.Default("do_lower_case", false);
        config.ThrowProblems();
        return (tokens, lower);
    }

    /// <summary>The prompt that is used where none is asked for.</summary>
    private static string ReadPrompt(string folder)
    {
        const string key = "default_prompt_name";
        if (!File.Exists(Path.Combine(folder, PromptFile))) return "";
        var config = ConfigReader.Open(folder, PromptFile);
        if (!config.Has(key)) return "";
        var name = config.Required<string>(key);
        var prompt = config.Section("prompts")?.Default<string?>(name, null);
        if (prompt is null) config.Malformed(key, "the name of one of the prompts", CheckpointText.Quote(name));
        config.ThrowProblems();
        return prompt!;
    }
}
