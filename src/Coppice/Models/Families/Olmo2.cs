namespace Coppice.Models.Families;

/// <summary>OLMo 2: Llama with norms after the sublayers instead of before them, and norms of all queries and all keys together.</summary>
internal static class Olmo2
{
    private static readonly TensorMap Map = Llama.Map with
    {
        Names = Llama.With(Llama.Map.Names,
            (TensorRole.PostAttentionNorm, "model.layers.{layer}.post_attention_layernorm"),
            (TensorRole.PostMlpNorm, "model.layers.{layer}.post_feedforward_layernorm")),
    };

    public static ModelFamily Family { get; } = new("olmo2", ["olmo2"], Read, static _ => Map);

    private static ModelSpec Read(ConfigReader config)
    {
        var bias = config.Default("attention_bias", false);
        return Llama.ReadDecoder(config) with
        {
            NormEpsilon = (float)config.Default("rms_norm_eps", 1e-5),
            Placement = NormPlacement.After,
            QkNorm = QkNorm.Projection,
            QkvBias = bias,
            OutputBias = bias,
        };
    }
}
