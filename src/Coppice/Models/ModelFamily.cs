using Coppice.Models.Families;

namespace Coppice.Models;

/// <summary>
/// A family of models: the model_type values it reads, how its config becomes a spec, its names of tensors, and its form in GGUF files
/// where it has one.
/// </summary>
internal sealed record ModelFamily(
    string Name, IReadOnlyList<string> ModelTypes, Func<ConfigReader, ModelSpec> ReadSpec, Func<ModelSpec, TensorMap> Map,
    Func<ModelSpec, GgufArchitecture?>? Gguf = null)
{
    /// <summary>Every family there is. A new one is a file in Families and a line here.</summary>
    public static IReadOnlyList<ModelFamily> All { get; } =
    [
        Llama.Family,
        Mistral.Family,
        Qwen.Family,
        Gemma.Family,
        Phi.Family,
        Gpt2.Family,
        GptNeoX.Family,
        Granite.Family,
        Olmo2.Family,
        SmolLm3.Family,
        StableLm.Family,
        StarCoder2.Family,
        Cohere.Family,
        Bert.Family,
    ];

    /// <summary>Whether a family reads the model_type of <paramref name="config"/>.</summary>
    public static bool Reads(ConfigReader config)
    {
        var type = config.Default("model_type", "");
        return All.Any(family => family.ModelTypes.Contains(type));
    }

    /// <summary>Reads the spec of a folder's config.json.</summary>
    /// <exception cref="CheckpointException">The config is missing or malformed.</exception>
    /// <exception cref="UnsupportedModelException">No family reads it, or it asks for what the family does not have.</exception>
    public static (ModelFamily Family, ModelSpec Spec) Read(ConfigReader config)
    {
        var type = config.Required<string>("model_type");
        config.ThrowProblems();
        var family = All.FirstOrDefault(f => f.ModelTypes.Contains(type));
        if (family is null)
        {
            config.Unsupported(
                "model_type", $"\"{Weights.CheckpointText.Clip(type)}\"", string.Join(", ", All.SelectMany(f => f.ModelTypes)));
            config.ThrowProblems();
        }
        Quantization.Check(config);
        var spec = family!.ReadSpec(config);
        Check(config, spec);
        config.ThrowProblems();
        return (family, spec);
    }

    /// <summary>What must hold between the numbers of any spec.</summary>
    private static void Check(ConfigReader config, ModelSpec spec)
    {
        const int maxLayers = 1 << 10, maxExperts = 1 << 17;
        if (spec.QueryHeads % spec.KvHeads != 0)
            config.Malformed("num_key_value_heads", $"a divisor of {spec.QueryHeads} heads", $"{spec.KvHeads}");
        if (spec.Layers.Count > maxLayers) config.Malformed("num_hidden_layers", $"at most {maxLayers:N0}", $"{spec.Layers.Count:N0}");
        if ((long)(spec.QueryHeads + 2L * spec.KvHeads) * spec.HeadDim > ConfigReader.MaxSize)
            config.Malformed("head_dim", $"so that all heads have at most {ConfigReader.MaxSize:N0} elements", $"{spec.HeadDim}");
        if (spec.Experts is { } experts && experts.PerToken > experts.Count)
            config.Malformed("num_experts_per_tok", $"at most the {experts.Count} experts", $"{experts.PerToken}");
        if (spec.Experts is { } all && (long)all.Count * spec.Layers.Count > maxExperts)
            config.Malformed("num_experts", $"at most {maxExperts:N0} over all layers", $"{(long)all.Count * spec.Layers.Count:N0}");
        if (!(spec.NormEpsilon >= 0 && float.IsFinite(spec.NormEpsilon)))
            config.Malformed("rms_norm_eps", "at least 0", $"{spec.NormEpsilon}");
    }
}
