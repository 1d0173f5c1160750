using Coppice.Kernels.Numerics;

namespace Coppice.Models.Families;

/// <summary>
/// Llama 2 and 3 and what follows them to the letter (SmolLM2, TinyLlama, Yi): the family that others are described by their difference
/// from.
/// </summary>
internal static class Llama
{
    private static readonly Dictionary<string, Activation> Activations = new(StringComparer.Ordinal)
    {
        ["silu"] = Activation.Silu,
        ["swish"] = Activation.Silu,
        ["gelu"] = Activation.Gelu,
        ["gelu_new"] = Activation.GeluTanh,
        ["gelu_fast"] = Activation.GeluTanh,
        ["gelu_pytorch_tanh"] = Activation.GeluTanh,
        ["quick_gelu"] = Activation.GeluQuick,
        ["relu"] = Activation.Relu,
        ["relu2"] = Activation.ReluSquared,
    };

    /// <summary>Names of the Hugging Face layout.</summary>
    public static TensorMap Map { get; } = new()
    {
        Names = new Dictionary<TensorRole, string>
        {
            [TensorRole.Embedding] = "model.embed_tokens",
            [TensorRole.FinalNorm] = "model.norm",
            [TensorRole.Head] = "lm_head",
            [TensorRole.AttentionNorm] = "model.layers.{layer}.input_layernorm",
            [TensorRole.Query] = "model.layers.{layer}.self_attn.q_proj",
            [TensorRole.Key] = "model.layers.{layer}.self_attn.k_proj",
            [TensorRole.Value] = "model.layers.{layer}.self_attn.v_proj",
            [TensorRole.QueryNorm] = "model.layers.{layer}.self_attn.q_norm",
            [TensorRole.KeyNorm] = "model.layers.{layer}.self_attn.k_norm",
            [TensorRole.Output] = "model.layers.{layer}.self_attn.o_proj",
            [TensorRole.MlpNorm] = "model.layers.{layer}.post_attention_layernorm",
            [TensorRole.Gate] = "model.layers.{layer}.mlp.gate_proj",
            [TensorRole.Up] = "model.layers.{layer}.mlp.up_proj",
            [TensorRole.Down] = "model.layers.{layer}.mlp.down_proj",
        },
        Ignored = ["*.rotary_emb.inv_freq"],
    };

    /// <summary>Its line in the table.</summary>
    public static ModelFamily Family { get; } = new("llama", ["llama"], Read, static _ => Map, static _ => Gguf);

    /// <summary>Its form in GGUF files.</summary>
    public static GgufArchitecture Gguf { get; } = new(
        "llama", NeighbouringPairs: true, OutputBias: true, QkNorm.None, SquareAttention: false);

    /// <summary>The settings as a Llama config names them.</summary>
    public static ModelSpec Read(ConfigReader config)
    {
        return ReadDecoder(config) with
        {
            QkvBias = config.Default("attention_bias", false),
            OutputBias = config.Default("attention_bias", false),
            MlpBias = config.Default("mlp_bias", false),
        };
    }

    /// <summary>What all decoders of this naming have in common, without biases.</summary>
    /// <param name="config">The config.</param>
    /// <param name="tied">Whether the head is tied where the config does not say.</param>
    /// <param name="theta">RoPE theta where the config does not say.</param>
    /// <param name="activation">Activation where the config does not say.</param>
    public static ModelSpec ReadDecoder(ConfigReader config, bool tied = false, double theta = 10000, string activation = "silu")
    {
        var hidden = config.RequiredSize("hidden_size");
        var heads = config.RequiredSize("num_attention_heads");
        var headDim = config.DefaultSize("head_dim", Math.Max(hidden / heads, 1));
        if (!config.Has("head_dim") && hidden % heads != 0)
            config.Malformed("hidden_size", $"a multiple of the {heads} heads", $"{hidden}");
        return new ModelSpec
        {
            ModelType = config.Required<string>("model_type"),
            VocabularySize = config.RequiredSize("vocab_size"),
            HiddenSize = hidden,
            QueryHeads = heads,
            KvHeads = config.DefaultSize("num_key_value_heads", heads),
            HeadDim = headDim,
            MlpSize = config.RequiredSize("intermediate_size"),
            ContextLength = config.DefaultSize("max_position_embeddings", 2048),
            Layers = Uniform(config.RequiredSize("num_hidden_layers")),
            NormEpsilon = (float)config.Default("rms_norm_eps", 1e-6),
            Activation = ReadActivation(config, "hidden_act", activation),
            TiedHead = config.Default("tie_word_embeddings", tied),
            Ropes = [RopeConfig.Read(config, headDim, theta)],
            AttentionScale = (float)(1 / Math.Sqrt(headDim)),
        };
    }

    /// <summary>Layers that are all alike: the first RoPE, no window.</summary>
    public static IReadOnlyList<LayerSpec> Uniform(int count) =>
        [.. Enumerable.Repeat(new LayerSpec(0, 0, false), Math.Min(count, 1 << 15))];

    /// <summary>
    /// The layers of <paramref name="spec"/> with a sliding window where layer_types says so, or else where <paramref name="slides"/> does.
    /// </summary>
    public static IReadOnlyList<LayerSpec> Windowed(ConfigReader config, ModelSpec spec, int window, Func<int, bool> slides)
    {
        const string full = "full_attention", sliding = "sliding_attention";
        var types = config.Texts("layer_types");
        if (types is not null && types.Count != spec.Layers.Count)
            config.Malformed("layer_types", $"one for each of the {spec.Layers.Count} layers", $"{types.Count}");
        if (types is not null && types.FirstOrDefault(t => t is not (full or sliding)) is { } other)
            config.Unsupported("layer_types", $"\"{Weights.CheckpointText.Clip(other)}\"", $"{full}, {sliding}");
        return [.. spec.Layers.Select(
            (layer, i) => layer with { Window = (types is null ? slides(i) : i < types.Count && types[i] == sliding) ? window : 0 })];
    }

    /// <summary>A sliding window: 0 where the file says null, <paramref name="whenMissing"/> where it says nothing.</summary>
    public static int ReadWindow(ConfigReader config, int whenMissing) =>
        config.Mentions("sliding_window") && !config.Has("sliding_window") ? 0 : config.DefaultSize("sliding_window", whenMissing);

    /// <summary>The names with some of them changed.</summary>
    public static IReadOnlyDictionary<TensorRole, string> With(
        IReadOnlyDictionary<TensorRole, string> names, params (TensorRole Role, string Name)[] changes)
    {
        var changed = new Dictionary<TensorRole, string>(names);
        foreach (var (role, name) in changes) changed[role] = name;
        return changed;
    }

    /// <summary>The activation under <paramref name="key"/>.</summary>
    public static Activation ReadActivation(ConfigReader config, string key, string whenMissing)
    {
        var name = config.Default(key, whenMissing);
        if (Activations.TryGetValue(name, out var activation)) return activation;
        config.Unsupported(key, $"\"{Weights.CheckpointText.Clip(name)}\"", string.Join(", ", Activations.Keys));
        return Activation.Silu;
    }
}
