namespace Coppice.Models.Families;

/// <summary>
/// Qwen 2, 2.5 and 3: Llama with biases on queries, keys and values (2), or with norms of query and key heads (3), or with experts (3 MoE).
/// </summary>
internal static class Qwen
{
    private static readonly TensorMap Mixture = Llama.Map with
    {
        Names = Llama.With(Llama.Map.Names,
            (TensorRole.Router, "model.layers.{layer}.mlp.gate"),
            (TensorRole.ExpertGate, "model.layers.{layer}.mlp.experts.{expert}.gate_proj"),
            (TensorRole.ExpertUp, "model.layers.{layer}.mlp.experts.{expert}.up_proj"),
            (TensorRole.ExpertDown, "model.layers.{layer}.mlp.experts.{expert}.down_proj")),
    };

    public static ModelFamily Family { get; } = new(
        "qwen", ["qwen2", "qwen3", "qwen3_moe"], Read, static spec => spec.Experts is null ? Llama.Map : Mixture, Gguf);

    /// <summary>Its forms in GGUF files; there is none for experts.</summary>
    private static GgufArchitecture? Gguf(ModelSpec spec) => spec.ModelType switch
    {
        "qwen2" => new("qwen2", NeighbouringPairs: false, OutputBias: false, QkNorm.None, SquareAttention: true),
        "qwen3" => new("qwen3", NeighbouringPairs: false, OutputBias: false, QkNorm.Head, SquareAttention: false),
        _ => null,
    };

    private static ModelSpec Read(ConfigReader config)
    {
        var type = config.Required<string>("model_type");
        var spec = Llama.ReadDecoder(config) with { KvHeads = config.DefaultSize("num_key_value_heads", type == "qwen3_moe" ? 4 : 32) };
        var window = config.Default("use_sliding_window", false) ? Llama.ReadWindow(config, 4096) : 0;
        var firstWindowed = type == "qwen3_moe" ? 0 : config.Default("max_window_layers", 28);
        spec = spec with { Layers = Llama.Windowed(config, spec, window, i => i >= firstWindowed) };
        if (type == "qwen2") return spec with { QkvBias = true };
        var bias = config.Default("attention_bias", false);
        spec = spec with { QkNorm = QkNorm.Head, QkvBias = bias, OutputBias = bias };
        if (!config.Has("head_dim") && type == "qwen3")
            spec = spec with { HeadDim = 128, AttentionScale = (float)(1 / Math.Sqrt(128)), Ropes = [RopeConfig.Read(config, 128)] };
        return type == "qwen3_moe" ? WithExperts(config, spec) : spec;
    }

    private static ModelSpec WithExperts(ConfigReader config, ModelSpec spec)
    {
        var experts = config.DefaultSize(config.Has("num_local_experts") ? "num_local_experts" : "num_experts", 128);
        var step = config.DefaultSize("decoder_sparse_step", 1);
        var dense = config.Ids("mlp_only_layers");
        return spec with
        {
            Experts = new ExpertSpec(
                experts, config.DefaultSize("num_experts_per_tok", 8), config.DefaultSize("moe_intermediate_size", 768),
                config.Default("norm_topk_prob", false)),
            Layers = [.. spec.Layers.Select((layer, i) => layer with { Sparse = !dense.Contains(i) && (i + 1) % step == 0 })],
        };
    }
}
