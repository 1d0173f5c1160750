namespace Coppice.Models.Families;

/// <summary>Granite 3: Llama with four scales - of embeddings, attention, residuals and logits.</summary>
internal static class Granite
{
    public static ModelFamily Family { get; } = new("granite", ["granite"], Read, static _ => Llama.Map);

    private static ModelSpec Read(ConfigReader config)
    {
        var spec = Llama.Read(config);
        return spec with
        {
            EmbeddingScale = (float)config.DefaultPositive("embedding_multiplier", 1),
            AttentionScale = (float)config.DefaultPositive("attention_multiplier", 1),
            ResidualScale = (float)config.DefaultPositive("residual_multiplier", 1),
            LogitScale = (float)(1 / config.DefaultPositive("logits_scaling", 1)),
        };
    }
}
