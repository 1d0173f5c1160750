namespace Coppice.Models.Families;

/// <summary>
/// GPT-NeoX and Pythia: layer norms, attention and MLP side by side with a norm each, partial rotation, query, key and value stored head by
/// head.
/// </summary>
internal static class GptNeoX
{
    private static readonly TensorMap Map = new()
    {
        Names = new Dictionary<TensorRole, string>
        {
            [TensorRole.Embedding] = "gpt_neox.embed_in",
            [TensorRole.FinalNorm] = "gpt_neox.final_layer_norm",
            [TensorRole.Head] = "embed_out",
            [TensorRole.AttentionNorm] = "gpt_neox.layers.{layer}.input_layernorm",
            [TensorRole.FusedQkv] = "gpt_neox.layers.{layer}.attention.query_key_value",
            [TensorRole.Output] = "gpt_neox.layers.{layer}.attention.dense",
            [TensorRole.MlpNorm] = "gpt_neox.layers.{layer}.post_attention_layernorm",
            [TensorRole.Up] = "gpt_neox.layers.{layer}.mlp.dense_h_to_4h",
            [TensorRole.Down] = "gpt_neox.layers.{layer}.mlp.dense_4h_to_h",
        },
        FusedQkv = FusedQkvLayout.PerHead,
        Ignored = ["*.attention.bias", "*.attention.masked_bias", "*.rotary_emb.inv_freq"],
    };

    public static ModelFamily Family { get; } = new("gpt_neox", ["gpt_neox"], Read, static _ => Map);

    private static ModelSpec Read(ConfigReader config)
    {
        var spec = Llama.ReadDecoder(config, activation: "gelu");
        var bias = config.Default("attention_bias", true);
        if (spec.KvHeads != spec.QueryHeads) config.Malformed("num_key_value_heads", $"the {spec.QueryHeads} heads", $"{spec.KvHeads}");
        return spec with
        {
            Norm = NormKind.Layer,
            NormEpsilon = (float)config.Default("layer_norm_eps", 1e-5),
            Placement = config.Default("use_parallel_residual", true) ? NormPlacement.ParallelSeparate : NormPlacement.Before,
            GatedMlp = false,
            QkvBias = bias,
            OutputBias = bias,
            MlpBias = true,
            Ropes = [RopeConfig.Read(
                config, spec.HeadDim, config.DefaultPositive("rotary_emb_base", 1e4), config.DefaultPositive("rotary_pct", 0.25))],
        };
    }
}
