namespace Coppice.Models.Families;

/// <summary>StarCoder2: Llama with layer norms, plain MLP, biases and a sliding window.</summary>
internal static class StarCoder2
{
    private static readonly TensorMap Map = Llama.Map with
    {
        Names = Llama.With(
            Llama.Map.Names, (TensorRole.Up, "model.layers.{layer}.mlp.c_fc"), (TensorRole.Down, "model.layers.{layer}.mlp.c_proj")),
    };

    public static ModelFamily Family { get; } = new("starcoder2", ["starcoder2"], Read, static _ => Map);

    private static ModelSpec Read(ConfigReader config)
    {
        var heads = config.DefaultSize("num_key_value_heads", 2);
        var spec = Llama.ReadDecoder(config, tied: true, activation: "gelu_pytorch_tanh") with { KvHeads = heads };
        var bias = config.Default("use_bias", true);
        return spec with
        {
            Norm = NormKind.Layer,
            NormEpsilon = (float)config.Default("norm_epsilon", 1e-5),
            GatedMlp = false,
            QkvBias = bias,
            OutputBias = bias,
            MlpBias = bias,
            Layers = Llama.Windowed(config, spec, Llama.ReadWindow(config, 0), _ => true),
        };
    }
}
