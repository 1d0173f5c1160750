namespace Coppice.Models.Families;

/// <summary>
/// BERT and RoBERTa: encoders with learned positions, token types, layer norms after each sum, plain MLP and biases everywhere. RoBERTa's
/// positions begin after that of the padding token.
/// </summary>
internal static class Bert
{
    private const string Plain = "bert";

    public static ModelFamily Family { get; } = new(Plain, [Plain, "roberta", "xlm-roberta"], Read, Map);

    private static TensorMap Map(ModelSpec spec)
    {
        var prefix = spec.ModelType == Plain ? "bert." : "roberta.";
        var layer = prefix + "encoder.layer.{layer}.";
        return new TensorMap
        {
            Names = new Dictionary<TensorRole, string>
            {
                [TensorRole.Embedding] = prefix + "embeddings.word_embeddings",
                [TensorRole.PositionEmbedding] = prefix + "embeddings.position_embeddings",
                [TensorRole.TokenTypeEmbedding] = prefix + "embeddings.token_type_embeddings",
                [TensorRole.EmbeddingNorm] = prefix + "embeddings.LayerNorm",
                [TensorRole.Query] = layer + "attention.self.query",
                [TensorRole.Key] = layer + "attention.self.key",
                [TensorRole.Value] = layer + "attention.self.value",
                [TensorRole.Output] = layer + "attention.output.dense",
                [TensorRole.PostAttentionNorm] = layer + "attention.output.LayerNorm",
                [TensorRole.Up] = layer + "intermediate.dense",
                [TensorRole.Down] = layer + "output.dense",
                [TensorRole.PostMlpNorm] = layer + "output.LayerNorm",
            },
            OptionalPrefix = prefix,
            // What the training's tasks read, and a buffer of the numbers 0, 1, 2, …
            Ignored = ["*pooler.dense.*", "cls.*", "lm_head.*", "*embeddings.position_ids", "*embeddings.token_type_ids"],
        };
    }

    private static ModelSpec Read(ConfigReader config)
    {
        config.MustBe("position_embedding_type", "absolute");
        config.MustBe("is_decoder", false);
        config.MustBe("add_cross_attention", false);
        var type = config.Required<string>("model_type");
        var hidden = config.RequiredSize("hidden_size");
        var heads = config.RequiredSize("num_attention_heads");
        if (hidden % heads != 0) config.Malformed("hidden_size", $"a multiple of the {heads} heads", $"{hidden}");
        var headDim = Math.Max(hidden / heads, 1);
        var stored = config.RequiredSize("max_position_embeddings");
        var unused = type == Plain ? 0 : UnusedPositions(config, stored);
        return new ModelSpec
        {
            ModelType = type,
            VocabularySize = config.RequiredSize("vocab_size"),
            HiddenSize = hidden,
            QueryHeads = heads,
            KvHeads = heads,
            HeadDim = headDim,
            MlpSize = config.RequiredSize("intermediate_size"),
            ContextLength = Math.Max(stored - unused, 1),
            LearnedPositions = Math.Max(stored - unused, 1),
            UnusedPositions = unused,
            TokenTypes = config.DefaultSize("type_vocab_size", 2),
            EmbeddingNorm = true,
            IsEncoder = true,
            Layers = [.. Llama.Uniform(config.RequiredSize("num_hidden_layers")).Select(layer => layer with { Rope = null })],
            Norm = NormKind.Layer,
            NormEpsilon = (float)config.Default("layer_norm_eps", 1e-12),
            Placement = NormPlacement.AfterSum,
            Activation = Llama.ReadActivation(config, "hidden_act", "gelu"),
            GatedMlp = false,
            QkvBias = true,
            OutputBias = true,
            MlpBias = true,
            AttentionScale = (float)(1 / Math.Sqrt(headDim)),
        };
    }

    private static int UnusedPositions(ConfigReader config, int stored)
    {
        var padding = config.Default("pad_token_id", 1);
        if (padding >= 0 && padding < stored - 1) return padding + 1;
        config.Malformed("pad_token_id", $"from 0 to {stored - 2}, so that positions are left after it", $"{padding}");
        return 0;
    }
}
