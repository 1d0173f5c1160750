namespace Coppice.Models.Families;

/// <summary>Mistral and Mixtral: Llama with a sliding window on every layer, and with experts in place of the MLP.</summary>
internal static class Mistral
{
    private static readonly TensorMap Mixture = Llama.Map with
    {
        Names = Llama.With(Llama.Map.Names,
            (TensorRole.Router, "model.layers.{layer}.block_sparse_moe.gate"),
            (TensorRole.ExpertGate, "model.layers.{layer}.block_sparse_moe.experts.{expert}.w1"),
            (TensorRole.ExpertUp, "model.layers.{layer}.block_sparse_moe.experts.{expert}.w3"),
            (TensorRole.ExpertDown, "model.layers.{layer}.block_sparse_moe.experts.{expert}.w2")),
    };

    public static ModelFamily Family { get; } = new(
        "mistral", ["mistral", "mixtral"], Read, static spec => spec.Experts is null ? Llama.Map : Mixture, static _ => Llama.Gguf);

    private static ModelSpec Read(ConfigReader config)
    {
        var sparse = config.Required<string>("model_type") == "mixtral";
        var spec = Llama.ReadDecoder(config, theta: sparse ? 1e6 : 1e4) with { KvHeads = config.DefaultSize("num_key_value_heads", 8) };
        var window = Llama.ReadWindow(config, sparse ? 0 : 4096);
        spec = spec with { Layers = Llama.Windowed(config, spec, window, _ => true) };
        if (!sparse) return spec;
        return spec with
        {
            NormEpsilon = (float)config.Default("rms_norm_eps", 1e-5),
            Experts = new ExpertSpec(
                config.DefaultSize("num_local_experts", 8), config.DefaultSize("num_experts_per_tok", 2), spec.MlpSize, Normalize: true),
            Layers = [.. spec.Layers.Select(layer => layer with { Sparse = true })],
        };
    }
}
