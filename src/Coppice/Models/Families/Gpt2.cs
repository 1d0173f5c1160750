namespace Coppice.Models.Families;

/// <summary>GPT-2: learned positions, layer norms, plain MLP, biases everywhere, matrices stored [inputs, outputs], tied head.</summary>
internal static class Gpt2
{
    private static readonly TensorMap Map = new()
    {
        Names = new Dictionary<TensorRole, string>
        {
            [TensorRole.Embedding] = "transformer.wte",
            [TensorRole.PositionEmbedding] = "transformer.wpe",
            [TensorRole.FinalNorm] = "transformer.ln_f",
            [TensorRole.Head] = "lm_head",
            [TensorRole.AttentionNorm] = "transformer.h.{layer}.ln_1",
            [TensorRole.FusedQkv] = "transformer.h.{layer}.attn.c_attn",
            [TensorRole.Output] = "transformer.h.{layer}.attn.c_proj",
            [TensorRole.MlpNorm] = "transformer.h.{layer}.ln_2",
            [TensorRole.Up] = "transformer.h.{layer}.mlp.c_fc",
            [TensorRole.Down] = "transformer.h.{layer}.mlp.c_proj",
        },
        OptionalPrefix = "transformer.",
        Transposed = true,
        Ignored = ["*h.*.attn.bias", "*h.*.attn.masked_bias"],      // causal masks, kept as buffers
    };

    public static ModelFamily Family { get; } = new("gpt2", ["gpt2"], Read, static _ => Map);

    private static ModelSpec Read(ConfigReader config)
    {
        config.MustBe("scale_attn_weights", true);
        config.MustBe("scale_attn_by_inverse_layer_idx", false);
        config.MustBe("add_cross_attention", false);
        var hidden = config.RequiredSize("n_embd");
        var heads = config.RequiredSize("n_head");
        if (hidden % heads != 0) config.Malformed("n_embd", $"a multiple of the {heads} heads", $"{hidden}");
        var headDim = Math.Max(hidden / heads, 1);
        var positions = config.DefaultSize("n_positions", 1024);
        return new ModelSpec
        {
            ModelType = config.Required<string>("model_type"),
            VocabularySize = config.RequiredSize("vocab_size"),
            HiddenSize = hidden,
            QueryHeads = heads,
            KvHeads = heads,
            HeadDim = headDim,
            MlpSize = config.DefaultSize("n_inner", 4 * hidden),
            ContextLength = positions,
            LearnedPositions = positions,
            Layers = [.. Llama.Uniform(config.RequiredSize("n_layer")).Select(layer => layer with { Rope = null })],
            Norm = NormKind.Layer,
            NormEpsilon = (float)config.Default("layer_norm_epsilon", 1e-5),
            Activation = Llama.ReadActivation(config, "activation_function", "gelu_new"),
            GatedMlp = false,
            QkvBias = true,
            OutputBias = true,
            MlpBias = true,
            TiedHead = config.Default("tie_word_embeddings", true),
            AttentionScale = (float)(1 / Math.Sqrt(headDim)),
        };
    }
}
