using Coppice.Kernels.Numerics;

namespace Coppice.Models.Families;

/// <summary>
/// Gemma 1, 2 and 3: norm weights stored minus one, scaled embeddings, GELU gate; norms after sublayers and soft caps (2), norms of heads
/// and two RoPEs (3).
/// </summary>
internal static class Gemma
{
    private static readonly TensorMap First = Llama.Map with { NormOffset = 1 };

    private static readonly TensorMap Later = First with
    {
        Names = Llama.With(Llama.Map.Names,
            (TensorRole.PostAttentionNorm, "model.layers.{layer}.post_attention_layernorm"),
            (TensorRole.MlpNorm, "model.layers.{layer}.pre_feedforward_layernorm"),
            (TensorRole.PostMlpNorm, "model.layers.{layer}.post_feedforward_layernorm")),
    };

    public static ModelFamily Family { get; } =
        new("gemma", ["gemma", "gemma2", "gemma3_text"], Read, static spec => spec.Placement == NormPlacement.Before ? First : Later);

    private static ModelSpec Read(ConfigReader config)
    {
        var type = config.Required<string>("model_type");
        var headDim = config.DefaultSize("head_dim", 256);
        var spec = Llama.ReadDecoder(config, tied: true) with
        {
            HeadDim = headDim,
            AttentionScale = (float)(1 / Math.Sqrt(type == "gemma" ? headDim : config.DefaultPositive("query_pre_attn_scalar", 256))),
            EmbeddingScale = MathF.Sqrt(config.RequiredSize("hidden_size")),
            // Early configs say "gelu" and mean the tanh form; later ones say so in hidden_activation.
            Activation = config.Has("hidden_activation") ? Llama.ReadActivation(config, "hidden_activation", "") : Activation.GeluTanh,
            QkvBias = config.Default("attention_bias", false),
            OutputBias = config.Default("attention_bias", false),
        };
        return type switch
        {
            "gemma" => spec with { Ropes = [RopeConfig.Read(config, headDim)] },
            "gemma2" => Second(config, spec with { Ropes = [RopeConfig.Read(config, headDim)] }),
            _ => Third(config, spec),
        };
    }

    private static ModelSpec Second(ConfigReader config, ModelSpec spec) => spec with
    {
        Placement = NormPlacement.BeforeAndAfter,
        KvHeads = config.DefaultSize("num_key_value_heads", 4),
        AttentionSoftCap = SoftCap(config, "attn_logit_softcapping", 50),
        LogitSoftCap = SoftCap(config, "final_logit_softcapping", 30),
        Layers = Llama.Windowed(config, spec, Llama.ReadWindow(config, 4096), i => i % 2 == 0),
    };

    private static ModelSpec Third(ConfigReader config, ModelSpec spec)
    {
        var pattern = config.DefaultSize(config.Has("sliding_window_pattern") ? "sliding_window_pattern" : "_sliding_window_pattern", 6);
        var layers = Llama.Windowed(config, spec, Llama.ReadWindow(config, 4096), i => (i + 1) % pattern != 0);
        var perType = config.Section("rope_parameters") is { } settings && settings.Has("full_attention") ? settings : null;
        var full = RopeConfig.Read(config, spec.HeadDim, 1e6, settings: perType?.Section("full_attention"));
        var local = perType is not null
            ? RopeConfig.Read(config, spec.HeadDim, 1e4, settings: perType.Section("sliding_attention"))
            : new RopeSpec { Theta = config.DefaultPositive("rope_local_base_freq", 1e4), RotaryDim = full.RotaryDim };
        return spec with
        {
            Placement = NormPlacement.BeforeAndAfter,
            KvHeads = config.DefaultSize("num_key_value_heads", 4),
            QkNorm = QkNorm.Head,
            AttentionSoftCap = SoftCap(config, "attn_logit_softcapping", 0),
            LogitSoftCap = SoftCap(config, "final_logit_softcapping", 0),
            Ropes = [full, local],
            Layers = [.. layers.Select(layer => layer with { Rope = layer.Window > 0 ? 1 : 0 })],
        };
    }

    /// <summary>A cap: none where the file says null, <paramref name="whenMissing"/> where it says nothing.</summary>
    private static float SoftCap(ConfigReader config, string key, float whenMissing) =>
        config.Has(key) ? (float)config.DefaultPositive(key, 1) : config.Mentions(key) ? 0 : whenMissing;
}
